//! All calls that Drover makes or will make, with the types of their answers: one file a family, in each a table.
//!
//! Reads, and changes of anything but an existing guest, are a [`Request`] and go through
//! [`Proxmox::ask`](super::Proxmox::ask). Changes of an existing guest are a [`GuestChange`] and go through
//! [`Proxmox::change`](super::Proxmox::change), which asks for the proof that the guest may be changed.

pub mod access;
pub mod agent;
pub mod backup;
pub mod backup_jobs;
pub mod cluster;
pub mod firewall;
pub mod guest;
pub mod ha;
mod kinds;
pub mod lxc;
pub mod migrate;
mod new_guest;
pub mod nodes;
mod parameter;
pub mod pools;
pub mod qemu;
pub mod replication;
mod request;
mod send;
pub mod snapshots;
pub mod storage;
pub mod tasks;
pub mod volumes;

pub use kinds::{BackupMode, ChecksumAlgorithm, Compression, Consolidation, DiskFormat, Kind, Timeframe};
pub use new_guest::{NewGuestOptions, NotOfNewGuests};
pub use parameter::{KnownParameter, List, Options, Parameter};
pub use request::{Guard, GuestChange, KnownCall, Request};
pub(super) use send::guarded;

use request::reads;

/// Every call of every table.
pub fn calls() -> impl Iterator<Item = &'static KnownCall> {
    [
        access::CALLS,
        agent::CALLS,
        agent::CHANGES,
        backup::CALLS,
        backup::CHANGES,
        backup_jobs::CALLS,
        cluster::CALLS,
        firewall::CALLS,
        firewall::CHANGES,
        guest::CALLS,
        guest::CHANGES,
        ha::CALLS,
        ha::CHANGES,
        lxc::CALLS,
        lxc::CHANGES,
        migrate::CALLS,
        migrate::CHANGES,
        nodes::CALLS,
        pools::CALLS,
        qemu::CALLS,
        qemu::CHANGES,
        replication::CALLS,
        snapshots::CALLS,
        snapshots::CHANGES,
        storage::CALLS,
        tasks::CALLS,
        volumes::CALLS,
        volumes::CHANGES,
    ]
    .into_iter()
    .flatten()
}
