//! The handle on one cluster.
use std::sync::Arc;

use super::budget::{Held, Permit, Work};
use super::readings::{Addresses, ConfigReading, Interest, NumberPresence, Unread};
use super::snapshot::Snapshot;
use crate::hypervisor::{Error, Hypervisor};
use crate::model::{ClusterId, GuestAddress, PowerReading, TaskState, Upid, Vmid};

/// A cluster of the fleet. Clones are the same cluster.
#[derive(Clone, Debug)]
pub struct Cluster {}

#[expect(
    clippy::todo,
    clippy::unused_self,
    clippy::missing_panics_doc,
    reason = "signatures first"
)]
impl Cluster {
    /// What tells it from other clusters.
    #[must_use]
    pub fn id(&self) -> &ClusterId {
        todo!()
    }

    /// The user or token in whose name calls are made at present.
    #[must_use]
    pub fn user(&self) -> String {
        todo!()
    }

    /// What was seen last. Costs nothing.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// Whether a host of the cluster answers; else why none does.
    pub fn reachable(&self) -> Result<(), String> {
        todo!()
    }

    /// The driver of the member that is used at present, with a permit a request, and refusing at once
    /// with [`Error::HeldBack`] while that member does not answer. Ask for it each pass: another member may
    /// have taken over.
    #[must_use]
    pub fn driver(&self) -> Arc<dyn Hypervisor> {
        todo!()
    }

    /// Asks for room for a mutating task. Does not wait: who is held is woken by an event.
    pub fn admit(&self, _work: Work) -> Result<Permit, Held> {
        todo!()
    }

    /// Follows a task of `vmid` to its end, through outages too. Then the permit is given back, the bulk
    /// list asked for, and the guest woken. A task that is followed already is not followed twice.
    pub fn track(&self, _upid: Upid, _vmid: Vmid, _permit: Option<Permit>) {
        todo!()
    }

    /// How far a tracked task is. `None`: it is not tracked, or ended so long ago that it was let go.
    #[must_use]
    pub fn task(&self, _upid: &Upid) -> Option<TaskState> {
        todo!()
    }

    /// Asks for the bulk list soon.
    pub fn refresh(&self) {
        todo!()
    }

    /// Reads a configuration now, and keeps it as the last seen.
    pub async fn read_config(&self, _at: &GuestAddress) -> Result<ConfigReading, Error> {
        todo!()
    }

    /// The configuration that was seen last, by whoever read it.
    #[must_use]
    pub fn last_config(&self, _vmid: Vmid) -> Option<ConfigReading> {
        todo!()
    }

    /// Reads a guest's power now. Until the bulk list has caught up, this reading stands in the snapshot.
    pub async fn read_power(&self, _at: &GuestAddress) -> Result<PowerReading, Error> {
        todo!()
    }

    /// The addresses that the guest's agent reported since its start.
    #[must_use]
    pub fn addresses(&self, _vmid: Vmid) -> Option<Addresses> {
        todo!()
    }

    /// Says that a guest is Drover's, so that it is swept in full.
    pub fn watch_guest(&self, _vmid: Vmid, _interest: Interest) {
        todo!()
    }

    /// Says that a guest is no longer Drover's.
    pub fn unwatch_guest(&self, _vmid: Vmid) {
        todo!()
    }

    /// Machines in the bulk list that are not watched, and whose configuration this process has not read
    /// since they appeared, or read while the host was making them, or that have no name yet.
    #[must_use]
    pub fn unread_guests(&self) -> Vec<GuestAddress> {
        todo!()
    }

    /// Reads the configurations of up to `limit` of these guests; the readings become the last seen.
    pub async fn read_unread(&self, _among: &[GuestAddress], _limit: usize) -> Unread {
        todo!()
    }

    /// Whether a number is free beyond doubt: the cluster is the same, has a majority, says free, and
    /// still has a majority.
    pub async fn confirm_gone(&self, _vmid: Vmid) -> Result<NumberPresence, Error> {
        todo!()
    }
}
