//! The controller of `VirtualMachine`.
//!
//! `controller.rs` runs the passes. One pass: `pass.rs` finds class and task, `site.rs` the host; `place.rs` gives a machine
//! its number, which `number.rs` finds, or `take.rs` one that stands there already; `look.rs` sees what stands under it, with
//! `evidence.rs` who made that, and `lost.rs` does what is due when it is gone or somebody else's; `make.rs` makes it of what
//! `facts.rs` read of its host, `keep.rs` keeps it as declared by the steps of `act.rs`, `moves.rs` has it where it is to be,
//! `observe.rs` only looks on, `remove.rs` sees its deletion to the end, unless `brake.rs` finds that more than the resource is
//! being deleted, or `limit.rs` that too many are, and after `backup.rs` where a backup comes first; `secrets.rs` reads what
//! Secrets hold for it, and `seed.rs` brings the medium with user data; `ledger.rs` notes with the host what must outlive it,
//! `trouble.rs` what a host's error means, and `record.rs` writes what is said about it.

mod act;
mod backup;
mod brake;
mod controller;
pub(crate) mod evidence;
pub(crate) mod facts;
mod keep;
mod ledger;
mod limit;
mod look;
mod lost;
mod make;
mod moves;
mod number;
mod observe;
mod pass;
mod place;
mod record;
mod remove;
pub(crate) mod secrets;
mod seed;
mod site;
mod take;
mod task;
pub(crate) mod trouble;

pub use controller::run;
pub use pass::forget;
pub use record::version;
