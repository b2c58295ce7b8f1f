//! A connection to libvirt that can be waited for, given up, and lost.
//!
//! libvirt's calls block, and none of them has a time-out. So each connection is opened by a thread of its own (`open`), its
//! calls run on workers of its own (`work`), and who waits for either does so with a deadline (`connected`). One thread of the
//! process looks after all connections (`event_loop`): it brings events (`events`), keeps connections alive, and notices when
//! one is lost, from which moment every call on it fails. A lost connection does not heal: it is opened anew.
//!
//! `native` alone speaks to the library itself, for what the crate `virt` leaves out; `failure` says in Drover's words what
//! libvirt complains of; `credentials` lays keys and certificates where libvirt looks for them.

mod connected;
mod credentials;
mod event_loop;
mod events;
mod failure;
mod native;
mod open;
mod stats;
mod target;
mod work;

#[cfg(test)]
mod tests;

pub use connected::{CALL_DEADLINE, Link};
pub use credentials::Credentials;
pub use event_loop::stop as stop_event_loop;
pub use events::{CloseReason, DomainEvent, Events, Lifecycle, Notice, What};
pub use failure::Trouble;
pub(super) use native::detach_device_alias;
pub use native::disk_size;
pub use stats::{DomainStats, StatGroups, StatValue, all_domain_stats};
pub use target::{KeepAlive, Target};
