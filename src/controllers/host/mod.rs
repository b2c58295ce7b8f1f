//! The controllers of `ProxmoxNode` and `LibvirtHost`: they declare hosts to the fleet, and say how it stands with them.
//!
//! `controller.rs` runs the passes, `pass.rs` is one, `claim.rs` keeps shards apart, `connection.rs` makes a driver of spec and Secret,
//! `privileges.rs` asks what that may do, `discover.rs` makes resources for what none speaks of, `judge.rs` finds the words,
//! `record.rs` writes them.

mod claim;
mod connection;
mod controller;
mod discover;
mod judge;
mod libvirt;
mod pass;
mod privileges;
mod record;

pub use connection::connection;
pub use controller::{HOSTS_SEEN, Resource, check_hosts_seen, run};
pub use pass::forget;
pub(in crate::controllers) use privileges::Asked;
