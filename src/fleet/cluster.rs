//! The handle on one cluster: what the floors above see of it.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};

use super::budget::{Held, Permit, Work};
use super::presence;
use super::readings::{ConfigReading, Interest, NumberPresence, Unread};
use super::shared::Shared;
use super::snapshot::Snapshot;
use crate::hypervisor::{Error, Hypervisor};
use crate::model::{
    AgentReport, ClusterId, GuestAddress, GuestId, GuestKind, GuestRow, Lock, Power, PowerReading, TaskState,
    Upid,
};

/// So many configurations are read at once when several are asked for.
const AT_ONCE: usize = 4;

/// A cluster of the fleet. Clones are the same cluster; the handle stays good whichever of its hosts is
/// used, and while none answers.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Shared>);

impl Cluster {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// What tells it from other clusters.
    #[must_use]
    pub fn id(&self) -> &ClusterId {
        &self.0.id
    }

    /// The user or token in whose name calls are made at present.
    #[must_use]
    pub fn user(&self) -> String {
        self.0.crew.used().user().to_owned()
    }

    /// What was seen last. Costs nothing.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.view.shown()
    }

    /// Whether a host of the cluster answers; else why none does.
    pub fn reachable(&self) -> Result<(), String> {
        self.0.reachable()
    }

    /// The driver of the host that is used at present, with a permit a request, and refusing at once with
    /// [`Error::HeldBack`] while that host does not answer. Ask for it each pass: another host may have
    /// taken over.
    #[must_use]
    pub fn driver(&self) -> Arc<dyn Hypervisor> {
        Arc::new(self.0.driver())
    }

    /// Asks for room for a mutating task. Does not wait: who is held is woken by an event, and then finds
    /// the room kept for it for half a minute.
    pub fn admit(&self, work: Work) -> Result<Permit, Held> {
        self.0.budgets.admit(work)
    }

    /// Follows a task for `id` to its end, through outages too. Then the permit is given back, the bulk
    /// list asked for, and the guest woken; after a power task the snapshot shows what it did. A task that
    /// is followed already is not followed twice.
    pub fn track(&self, upid: Upid, id: GuestId, permit: Option<Permit>) {
        self.0.track(upid, id, permit);
    }

    /// How far a tracked task is. `None`: it is not tracked, or ended so long ago that it was let go.
    #[must_use]
    pub fn task(&self, upid: &Upid) -> Option<TaskState> {
        self.0.tracked.state(upid)
    }

    /// How many tasks are followed now.
    #[must_use]
    pub fn tasks_followed(&self) -> usize {
        self.0.tracked.count()
    }

    /// Asks for the bulk list soon.
    pub fn refresh(&self) {
        self.0.refresh.notify_one();
    }

    /// Reads a configuration now, and keeps it as the last seen.
    pub async fn read_config(&self, at: &GuestAddress) -> Result<ConfigReading, Error> {
        self.0.read_config(at).await.map(|(reading, _)| reading)
    }

    /// The configuration that was seen last, by whoever read it. Gone when the guest leaves the list, or
    /// another one may stand under its number; a changed UUID is the reader's to notice.
    #[must_use]
    pub fn last_config(&self, id: GuestId) -> Option<ConfigReading> {
        self.0.readings.config(id)
    }

    /// Reads a guest's power now. Until the bulk list has caught up, this reading stands in the snapshot.
    pub async fn read_power(&self, at: &GuestAddress) -> Result<PowerReading, Error> {
        self.0.read_power(at).await
    }

    /// What the guest's agent reported since its start.
    #[must_use]
    pub fn agent(&self, id: GuestId) -> Option<AgentReport> {
        self.0.readings.agent(id)
    }

    /// Says that a guest is Drover's, so that it is swept in full. To be repeated as often as one likes.
    pub fn watch_guest(&self, id: GuestId, interest: Interest) {
        let runs = self
            .snapshot()
            .guest(id)
            .is_some_and(|row| row.power == Power::Running);
        if self.0.readings.watch(id, interest, runs, super::now()) {
            self.0.errand.notify_one();
        }
    }

    /// Says that a guest is no longer Drover's.
    pub fn unwatch_guest(&self, id: GuestId) {
        self.0.readings.unwatch(id);
    }

    /// Machines in the bulk list that are not watched, and whose configuration this process has not read
    /// since they appeared, or read while the host was making or destroying them, or that have no name yet.
    /// Says nothing before the first list: see [`Snapshot::taken`].
    #[must_use]
    pub fn unread_guests(&self) -> Vec<GuestAddress> {
        let snapshot = self.snapshot();
        let unread = |row: &&Arc<GuestRow>| {
            row.kind == GuestKind::VirtualMachine
                && self.0.readings.interest(row.id).is_none()
                && !self.is_read(row)
        };
        snapshot
            .guests
            .values()
            .filter(unread)
            .map(|row| GuestAddress {
                node: row.node.clone(),
                id: row.id,
            })
            .collect()
    }

    fn is_read(&self, row: &GuestRow) -> bool {
        row.name.is_some()
            && self
                .last_config(row.id)
                .is_some_and(|reading| !reading.config.lock.as_ref().is_some_and(Lock::is_transition))
    }

    /// Reads the configurations of up to `limit` of these guests; the readings become the last seen.
    pub async fn read_unread(&self, among: &[GuestAddress], limit: usize) -> Unread {
        let chosen: Vec<GuestAddress> = among.iter().take(limit).cloned().collect();
        let answers: Vec<_> = stream::iter(chosen)
            .map(|at| async move {
                let answer = self.0.read_config(&at).await;
                (at, answer)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let failed = answers
            .into_iter()
            .filter_map(|(at, answer)| answer.err().map(|error| (at, error)))
            .collect();
        let snapshot = self.snapshot();
        let still = |at: &&GuestAddress| snapshot.guest(at.id).is_some_and(|row| !self.is_read(row));
        Unread {
            left: among.iter().filter(still).count(),
            failed,
        }
    }

    /// Whether a number is free beyond doubt: one member says that the cluster is the same one and has a
    /// majority, that no guest has the number, and that the majority still stands. Four requests.
    pub async fn confirm_gone(&self, id: GuestId) -> Result<NumberPresence, Error> {
        presence::confirm_gone(&self.0, id).await
    }

    /// Whether a majority answers, checked together with that it is still the same cluster; fails if it is
    /// another one. To be asked before a reading counts as proof that a guest is gone. Two requests.
    pub async fn confirm_cluster(&self) -> Result<bool, Error> {
        presence::confirm_cluster(&self.0, &self.0.driver()).await
    }
}
