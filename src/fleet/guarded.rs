//! The driver as the floors above get it: every call takes one of the host's permits, is counted, and is
//! refused at once while the host does not answer, so that a dead host costs one probe and not one time-out
//! a guest.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::Breaker;
use super::host_state::HostState;
use super::locked;
use super::options::{Budget, CallObserver, CallReport, Poll};
use super::probe::{Found, members};
use crate::hypervisor::{Answer, Error, Hypervisor, StopMode, TaskFilter};
use crate::model::{
    Capabilities, Change, CloneGuest, ClusterId, ClusterStatus, CreateGuest, GuestAddress, GuestConfig,
    GuestId, GuestIp, HaSetting, HostVersion, Migration, MigrationConditions, NodeName, NumberBounds,
    NumberState, Overview, Permissions, PowerReading, Progress, RestoreGuest, TaskRecord, TaskState, Upid,
    Volume, VolumeId,
};
use crate::plan::identity::Ownership;
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

/// A verified connection to one host of a cluster, until its breaker opens.
pub(super) struct Connection {
    /// The host as declared.
    pub(super) host: String,
    /// The node that it is.
    pub(super) node: NodeName,
    /// What it said last about its cluster.
    said: Mutex<Said>,
    pub(super) poll: Poll,
    pub(super) budget: Budget,
    pub(super) breaker: Breaker,
    /// Asks the host's task to verify it again, before it is used in place of another.
    pub(super) verify: Notify,
    driver: Arc<dyn Hypervisor>,
    requests: Semaphore,
    observe: Option<CallObserver>,
}

impl Connection {
    pub(super) fn new(
        host: &str,
        found: &Found,
        (poll, budget): (Poll, Budget),
        driver: Arc<dyn Hypervisor>,
        observe: Option<CallObserver>,
    ) -> Self {
        Self {
            host: host.to_owned(),
            node: found.node.clone(),
            said: Mutex::new(Said::of(&found.status)),
            poll,
            budget,
            breaker: Breaker::default(),
            verify: Notify::new(),
            driver,
            requests: Semaphore::new(budget.requests.max(1)),
            observe,
        }
    }

    /// The user of this connection's driver.
    pub(super) fn user(&self) -> &str {
        self.driver.user()
    }

    /// Whether it names this node as a member of its cluster.
    pub(super) fn names(&self, node: &NodeName) -> bool {
        locked(&self.said).members.contains(node)
    }

    /// Takes in what it says now. True if another member answered than before, as behind an address that
    /// moves among the members.
    pub(super) fn take_status(&self, status: &ClusterStatus) -> bool {
        let now = Said::of(status);
        let mut said = locked(&self.said);
        let moved = now.answering != said.answering;
        *said = now;
        moved
    }

    fn check(&self) -> Result<(), Error> {
        self.breaker.open_since().map_or(Ok(()), |state| Err(held(state)))
    }
}

#[derive(Debug)]
struct Said {
    /// The member that answered.
    answering: Option<NodeName>,
    members: BTreeSet<NodeName>,
}

impl Said {
    fn of(status: &ClusterStatus) -> Self {
        let local = status.members.iter().find(|member| member.local);
        Self {
            answering: local.map(|member| member.name.clone()),
            members: members(status),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("host", &self.host)
            .field("node", &self.node)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

fn held(state: &HostState) -> Error {
    Error::HeldBack {
        reason: state.to_string(),
    }
}

/// A connection in the shape of a driver.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    connection: Arc<Connection>,
    queued: bool,
}

impl Guarded {
    /// For all who ask because of a guest: in the queue.
    pub(super) const fn queued(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            queued: true,
        }
    }

    /// For the watcher, whose few polls must not wait behind everybody else's calls.
    pub(super) const fn ahead(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            queued: false,
        }
    }

    /// What the calls go through.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    async fn enter(&self) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let connection = &*self.connection;
        connection.check()?;
        if !self.queued {
            return Ok(None);
        }
        tokio::select! {
            biased;
            () = connection.breaker.opened() => {}
            permit = connection.requests.acquire() => return Ok(permit.ok()),
        }
        connection.check()?;
        Ok(None)
    }

    fn leave<T>(&self, operation: &'static str, began: Instant, answer: &Result<T, Error>) {
        self.connection.breaker.note(operation, answer);
        if let Some(observe) = &self.connection.observe {
            observe(&CallReport {
                host: &self.connection.host,
                operation,
                failure: answer.as_ref().err().map(Error::class),
                took: began.elapsed(),
            });
        }
    }
}

/// One call between `enter` and `leave`.
macro_rules! guard {
    ($self:ident, $operation:ident ( $($argument:expr),* )) => {
        Box::pin(async move {
            let _permit = $self.enter().await?;
            let began = Instant::now();
            let answer = $self.connection.driver.$operation($($argument),*).await;
            $self.leave(stringify!($operation), began, &answer);
            answer
        })
    };
}

impl Hypervisor for Guarded {
    fn user(&self) -> &str {
        self.connection.driver.user()
    }

    fn capabilities(&self, version: Option<&HostVersion>) -> Capabilities {
        self.connection.driver.capabilities(version)
    }

    fn version(&self) -> Answer<'_, HostVersion> {
        guard!(self, version())
    }

    fn node_version<'a>(&'a self, node: &'a NodeName) -> Answer<'a, HostVersion> {
        guard!(self, node_version(node))
    }

    fn cluster_status(&self) -> Answer<'_, ClusterStatus> {
        guard!(self, cluster_status())
    }

    fn cluster_id<'a>(&'a self, node: &'a NodeName) -> Answer<'a, ClusterId> {
        guard!(self, cluster_id(node))
    }

    fn overview(&self) -> Answer<'_, Overview> {
        guard!(self, overview())
    }

    fn recent_tasks(&self) -> Answer<'_, Vec<TaskRecord>> {
        guard!(self, recent_tasks())
    }

    fn number_bounds(&self) -> Answer<'_, NumberBounds> {
        guard!(self, number_bounds())
    }

    fn number_state(&self, id: GuestId) -> Answer<'_, NumberState> {
        guard!(self, number_state(id))
    }

    fn volumes<'a>(
        &'a self,
        node: &'a NodeName,
        storage: &'a str,
        content: Option<&'a str>,
        guest: Option<GuestId>,
    ) -> Answer<'a, Vec<Volume>> {
        guard!(self, volumes(node, storage, content, guest))
    }

    fn archived<'a>(&'a self, node: &'a NodeName, archive: &'a VolumeId) -> Answer<'a, GuestConfig> {
        guard!(self, archived(node, archive))
    }

    fn permissions(&self) -> Answer<'_, Permissions> {
        guard!(self, permissions())
    }

    fn clock<'a>(&'a self, node: &'a NodeName) -> Answer<'a, i64> {
        guard!(self, clock(node))
    }

    fn bridges<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        guard!(self, bridges(node))
    }

    fn node_tasks<'a>(&'a self, node: &'a NodeName, filter: &'a TaskFilter) -> Answer<'a, Vec<TaskRecord>> {
        guard!(self, node_tasks(node, filter))
    }

    fn task<'a>(&'a self, upid: &'a Upid) -> Answer<'a, TaskState> {
        guard!(self, task(upid))
    }

    fn guest_config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, GuestConfig> {
        guard!(self, guest_config(at))
    }

    fn guest_power<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, PowerReading> {
        guard!(self, guest_power(at))
    }

    fn guest_addresses<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Vec<GuestIp>> {
        guard!(self, guest_addresses(at))
    }

    fn guest_system<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<String>> {
        guard!(self, guest_system(at))
    }

    fn upload_seed<'a>(&'a self, node: &'a NodeName, seed: &'a Seed) -> Answer<'a, Progress> {
        guard!(self, upload_seed(node, seed))
    }

    fn remove_medium<'a>(&'a self, node: &'a NodeName, medium: &'a Disused) -> Answer<'a, Progress> {
        guard!(self, remove_medium(node, medium))
    }

    fn create<'a>(&'a self, guest: &'a CreateGuest) -> Answer<'a, Progress> {
        guard!(self, create(guest))
    }

    fn clone_guest<'a>(&'a self, guest: &'a CloneGuest) -> Answer<'a, Progress> {
        guard!(self, clone_guest(guest))
    }

    fn restore<'a>(&'a self, guest: &'a RestoreGuest) -> Answer<'a, Progress> {
        guard!(self, restore(guest))
    }

    fn configure<'a>(
        &'a self,
        own: &'a Ownership,
        base: &'a GuestConfig,
        changes: &'a [Change],
    ) -> Answer<'a, Progress> {
        guard!(self, configure(own, base, changes))
    }

    fn grow_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, bytes: u64) -> Answer<'a, Progress> {
        guard!(self, grow_disk(own, slot, bytes))
    }

    fn move_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, storage: &'a str) -> Answer<'a, Progress> {
        guard!(self, move_disk(own, slot, storage))
    }

    fn join_pool<'a>(
        &'a self,
        own: &'a Ownership,
        pool: &'a str,
        from: Option<&'a str>,
    ) -> Answer<'a, Progress> {
        guard!(self, join_pool(own, pool, from))
    }

    fn high_availability<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<HaSetting>> {
        guard!(self, high_availability(at))
    }

    fn set_high_availability<'a>(
        &'a self,
        own: &'a Ownership,
        setting: &'a HaSetting,
        new: bool,
    ) -> Answer<'a, Progress> {
        guard!(self, set_high_availability(own, setting, new))
    }

    fn make_template<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        guard!(self, make_template(own))
    }

    fn start<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        guard!(self, start(own))
    }

    fn pause<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        guard!(self, pause(own))
    }

    fn resume<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        guard!(self, resume(own))
    }

    fn suspend<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        guard!(self, suspend(own))
    }

    fn reboot<'a>(&'a self, own: &'a Ownership, grace_seconds: u32) -> Answer<'a, Progress> {
        guard!(self, reboot(own, grace_seconds))
    }

    fn stop<'a>(&'a self, own: &'a Ownership, mode: StopMode) -> Answer<'a, Progress> {
        guard!(self, stop(own, mode))
    }

    fn migration_conditions<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, MigrationConditions> {
        guard!(self, migration_conditions(at))
    }

    fn migrate<'a>(&'a self, own: &'a Ownership, migration: &'a Migration) -> Answer<'a, Progress> {
        guard!(self, migrate(own, migration))
    }

    fn back_up<'a>(&'a self, own: &'a Ownership, storage: &'a str) -> Answer<'a, Progress> {
        guard!(self, back_up(own, storage))
    }

    fn destroy<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        guard!(self, destroy(own))
    }
}
