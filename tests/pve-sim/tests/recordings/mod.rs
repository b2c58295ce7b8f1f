//! The honest replay: every recorded exchange with a real Proxmox VE is sent to a simulator in the same state, and the
//! answers are compared.
//!
//! Each recording `../shared/pve/recorded/<version>/<file>.json` has a script, `files/<file>.rs`, which serves both
//! versions. To write one:
//!
//! ```ignore
//! fn script(release: Release) -> Script {
//!     let mut seed = machine(release);                      // one node, as most files begin
//!     seed.guests.push(…);                                  // what stood there before the first exchange
//!     Script::new(seed)
//!         .token("root@pam!op")                             // whom `auth: token` stands for
//!         .password("alice@pve", "…")                       // for her log-in, and for `REDACTED` in forms about her
//!         .by_user(31..=46, "alice@pve")                    // whose ticket it was, if not root's
//!         .by_token([55], "alice@pve!t1")                   // which token it was
//!         .at(2, |request, session| {                       // what the recorder left out of a request
//!             request.header("Authorization", format!("PVEAPIToken=root@pam!op={}x", session.secret("root@pam!op")));
//!         })
//!         .before(131, |sim| sim.lock(113, Some("backup")).unwrap())   // what was done at the machine's shell
//!         .figures([65])                                    // `/cluster/resources` had new figures before it
//!         .still_running([12])                              // sent while the task before it ran
//!         .ended_before([14])                               // a poll that found the task ended
//! }
//! ```
//!
//! The seed and the happenings are all that a script may do to the simulator; requests do the rest. Names that only
//! the machine knew (UPIDs, MAC addresses, UUIDs, digests: `names.rs`) are bound by themselves, secrets are kept by
//! the session. What can't be equal is listed in `mask.rs`, a row for each call and place with its reason, as narrow
//! as can be. An exchange that stays different for a reason is listed in `known.rs` with the places that differ, what Drover
//! will never call in `left_out.rs`.
//!
//! Before a request that isn't about tasks, and before the log of one, all tasks have ended, as the recorder waited; a
//! poll of a task's status that comes earlier finds it running, unless the script lists it as one that came later.
//!
//! `REPLAY=vm3:30-60 cargo test -p pve-sim --test recordings -- --nocapture` shows what differs in these exchanges
//! alone, `REPLAY=vm3` in a file, `REPLAY=8.4.1/vm3` in one of one version; `REPLAY_VERBOSE=1` shows equal ones too.

mod call;
mod client;
mod compare;
mod files;
mod flip;
mod gate;
mod known;
mod left_out;
mod library;
mod log;
mod mask;
mod names;
mod replay;
mod report;
mod rows;
mod script;
mod session;

pub(crate) use flip::Kind;
pub(crate) use library::directory;
pub(crate) use report::{Report, report};
