//! A simulator of the Proxmox VE HTTPS API.
//!
//! It keeps the state of a small cluster (nodes, QEMU guests, storages, tasks, tokens) and answers the calls that
//! change and show it with the statuses, sentences, delays and lags of the real thing. It is not a hypervisor: no
//! guest runs, and what it doesn't simulate it refuses with Proxmox's own `501 Method … not implemented`.
//!
//! ```no_run
//! # async fn example() -> Result<(), pve_sim::StartError> {
//! let sim = pve_sim::Simulator::start(pve_sim::Seed::default()).await?;
//! println!("{} {} {}", sim.url(), sim.token_id(), sim.token_secret());
//! # Ok(())
//! # }
//! ```
//!
//! Around the API there are three ways to make trouble, each from Rust (methods of [`Simulator`]) and over a second,
//! plain HTTP listener (the README lists its calls): [`Fault`]s (a request or a task goes wrong), [`Hold`]s (a request
//! stops at a known instant until it is released), and the hands of people who work on the same hosts
//! ([`Simulator::power_off`], [`Simulator::recycle`], …). Every request is kept in a log ([`Simulator::requests`]).

mod admin;
mod api;
mod checksum;
mod clock;
mod copying;
mod events;
mod fault;
mod hands;
mod happening;
mod hold;
mod matcher;
mod recorder;
mod release;
mod requests;
mod saved;
mod scenario;
mod seed;
mod shared;
mod simulator;
mod state;
mod storage_lock;
mod strict;
mod timing;
mod tls;
mod verify;
mod wire;
mod worker;

pub use api::{StatedCall, stated_calls};
pub use events::Event;
pub use fault::{Fault, FaultId, FaultKind};
pub use hands::{GuestView, HandsError, TaskView};
pub use happening::{HappenError, Happening};
pub use hold::{Hold, Mark};
pub use matcher::Matcher;
pub use recorder::{RecordedRequest, RecordedValue, record_requests};
pub use release::Release;
pub use requests::{RequestEntry, Requests};
pub use saved::Saved;
pub use scenario::{Playing, Scenario, ScenarioError, Step, When};
pub use seed::{
    Disk, PciDevice, Rights, Seed, SeedDownload, SeedFile, SeedGuest, SeedMachine, SeedPool, SeedStorage,
    SeedTask, SeedToken, SeedUser, Shutdown,
};
pub use simulator::{Simulator, StartError};
pub use state::GuestKind;
pub use state::NodeProxy;
pub use timing::Timing;
pub use verify::Stated;
