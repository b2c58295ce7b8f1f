//! The driver: what the floors above ask of a libvirt host, by subject.
//!
//! A host is connected to when it is first asked for something, and anew after its connection was lost (`connect`). Reads:
//! the host itself (`host`), its bulk list (`overview`), one guest (`guest`), storage pools (`storage`). Changes go by
//! `changes` to `changing`.

mod changes;
mod changing;
mod connect;
mod guest;
mod host;
mod overview;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::ready;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::link::Target;
use crate::hypervisor::{Answer, Error, Hypervisor, Refusal, StopMode, TaskFilter};
use crate::model::{
    Capabilities, Change, CloneGuest, ClusterId, ClusterStatus, CreateGuest, GuestAddress, GuestConfig,
    GuestId, GuestIp, HaSetting, HostVersion, Migration, MigrationConditions, NodeName, NumberBounds,
    NumberState, Overview, Permissions, PowerReading, Progress, RestoreGuest, TaskRecord, TaskState, Upid,
    Volume, VolumeId,
};
use crate::plan::identity::Ownership;
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;
use crate::runtime::{Clock, Fence};

/// In whose name Drover's work stands in lists of tasks: libvirt has no users of its own.
pub(super) const USER: &str = "drover@libvirt";

/// What the driver of one host is given.
pub struct Settings {
    /// The host.
    pub target: Target,
    /// How long it may take to connect, and a call that is not known to take longer.
    pub timeout: Duration,
    /// Asked right before each change is begun; reads pass.
    pub fence: Fence,
    /// By which tasks are dated.
    pub clock: Clock,
}

/// A libvirt host.
pub struct Libvirt {
    settings: Settings,
    connections: connect::Connections,
    /// What goes on in the background, once something was changed.
    tasks: OnceCell<changing::Tasks>,
}

impl Libvirt {
    /// Builds the driver; nothing is sent.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            connections: connect::Connections::default(),
            tasks: OnceCell::new(),
        }
    }
}

/// What libvirt's hosts can't do, or Drover can't do on them.
pub(super) fn unsupported(operation: &str) -> Error {
    Error::Refused {
        operation: operation.to_owned(),
        status: 501,
        message: "not supported on libvirt".to_owned(),
        parameters: BTreeMap::new(),
        refusal: Refusal::Other,
    }
}

impl Hypervisor for Libvirt {
    fn user(&self) -> &'static str {
        USER
    }

    fn capabilities(&self, _: Option<&HostVersion>) -> Capabilities {
        Capabilities::libvirt()
    }

    fn version(&self) -> Answer<'_, HostVersion> {
        Box::pin(self.version())
    }

    fn node_version<'a>(&'a self, node: &'a NodeName) -> Answer<'a, HostVersion> {
        Box::pin(self.node_version(node))
    }

    fn cluster_status(&self) -> Answer<'_, ClusterStatus> {
        Box::pin(self.cluster_status())
    }

    fn cluster_id<'a>(&'a self, node: &'a NodeName) -> Answer<'a, ClusterId> {
        Box::pin(self.cluster_id(node))
    }

    fn overview(&self) -> Answer<'_, Overview> {
        Box::pin(self.overview())
    }

    fn recent_tasks(&self) -> Answer<'_, Vec<TaskRecord>> {
        Box::pin(ready(Ok(self.recent_tasks())))
    }

    fn number_bounds(&self) -> Answer<'_, NumberBounds> {
        Box::pin(self.number_bounds())
    }

    fn number_state(&self, id: GuestId) -> Answer<'_, NumberState> {
        Box::pin(self.number_state(id))
    }

    fn volumes<'a>(
        &'a self,
        node: &'a NodeName,
        storage: &'a str,
        content: Option<&'a str>,
        guest: Option<GuestId>,
    ) -> Answer<'a, Vec<Volume>> {
        Box::pin(self.volumes(node, storage, content, guest))
    }

    fn archived<'a>(&'a self, node: &'a NodeName, archive: &'a VolumeId) -> Answer<'a, GuestConfig> {
        Box::pin(self.archived(node, archive))
    }

    fn permissions(&self) -> Answer<'_, Permissions> {
        Box::pin(self.permissions())
    }

    fn clock<'a>(&'a self, node: &'a NodeName) -> Answer<'a, i64> {
        Box::pin(self.clock(node))
    }

    fn bridges<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(self.bridges(node))
    }

    fn node_tasks<'a>(&'a self, node: &'a NodeName, filter: &'a TaskFilter) -> Answer<'a, Vec<TaskRecord>> {
        Box::pin(self.node_tasks(node, filter))
    }

    fn task<'a>(&'a self, upid: &'a Upid) -> Answer<'a, TaskState> {
        Box::pin(ready(Ok(self.task(upid))))
    }

    fn guest_config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, GuestConfig> {
        Box::pin(self.guest_config(at))
    }

    fn guest_power<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, PowerReading> {
        Box::pin(self.guest_power(at))
    }

    fn guest_addresses<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Vec<GuestIp>> {
        Box::pin(self.guest_addresses(at))
    }

    fn guest_system<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<String>> {
        Box::pin(self.guest_system(at))
    }

    fn upload_seed<'a>(&'a self, node: &'a NodeName, seed: &'a Seed) -> Answer<'a, Progress> {
        Box::pin(self.upload_seed(node, seed))
    }

    fn remove_medium<'a>(&'a self, node: &'a NodeName, medium: &'a Disused) -> Answer<'a, Progress> {
        Box::pin(self.remove_medium(node, medium))
    }

    fn create<'a>(&'a self, guest: &'a CreateGuest) -> Answer<'a, Progress> {
        Box::pin(self.create(guest))
    }

    fn clone_guest<'a>(&'a self, guest: &'a CloneGuest) -> Answer<'a, Progress> {
        Box::pin(self.clone_guest(guest))
    }

    fn restore<'a>(&'a self, _: &'a RestoreGuest) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("restore")))
    }

    fn configure<'a>(
        &'a self,
        own: &'a Ownership,
        base: &'a GuestConfig,
        changes: &'a [Change],
    ) -> Answer<'a, Progress> {
        Box::pin(self.configure(own, base, changes))
    }

    fn grow_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, bytes: u64) -> Answer<'a, Progress> {
        Box::pin(self.grow_disk(own, slot, bytes))
    }

    fn move_disk<'a>(&'a self, _: &'a Ownership, _: &'a str, _: &'a str) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("move a disk")))
    }

    fn join_pool<'a>(&'a self, _: &'a Ownership, _: &'a str, _: Option<&'a str>) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("join a pool")))
    }

    fn high_availability<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<HaSetting>> {
        Box::pin(self.high_availability(at))
    }

    fn set_high_availability<'a>(
        &'a self,
        _: &'a Ownership,
        _: &'a HaSetting,
        _: bool,
    ) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("set high availability")))
    }

    fn make_template<'a>(&'a self, _: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("make a template")))
    }

    fn start<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.start(own))
    }

    fn pause<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.pause(own))
    }

    fn resume<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.resume(own))
    }

    fn suspend<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.suspend(own))
    }

    fn reboot<'a>(&'a self, own: &'a Ownership, grace_seconds: u32) -> Answer<'a, Progress> {
        Box::pin(self.reboot(own, grace_seconds))
    }

    fn stop<'a>(&'a self, own: &'a Ownership, mode: StopMode) -> Answer<'a, Progress> {
        Box::pin(self.stop(own, mode))
    }

    fn migration_conditions<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, MigrationConditions> {
        Box::pin(self.migration_conditions(at))
    }

    fn migrate<'a>(&'a self, _: &'a Ownership, _: &'a Migration) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("migrate")))
    }

    fn back_up<'a>(&'a self, _: &'a Ownership, _: &'a str) -> Answer<'a, Progress> {
        Box::pin(ready(Self::has_none("back up")))
    }

    fn destroy<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress> {
        Box::pin(self.destroy(own))
    }
}
