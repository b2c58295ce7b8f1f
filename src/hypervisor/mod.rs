//! The `Hypervisor` trait, which is all that the floors above know of a host, and its drivers.
//!
//! Every call is one exchange with the host (or a few, where a comment says so), bounded in time. Reads may
//! be repeated by the driver, mutations never are: whether one whose answer was lost took place, the caller
//! finds out by looking (`docs/identity.md`).

mod error;
pub mod libvirt;
pub mod proxmox;
mod seed_image;

pub use error::{Error, Refusal};
pub use seed_image::seed_image;

use futures::future::BoxFuture;

use crate::model::{
    Capabilities, Change, CloneGuest, ClusterId, ClusterStatus, CreateGuest, GuestAddress, GuestConfig,
    GuestId, GuestIp, HaSetting, HostVersion, Migration, MigrationConditions, NodeName, NumberBounds,
    NumberState, Overview, Permissions, PowerReading, Progress, RestoreGuest, TaskRecord, TaskState, Upid,
    Volume, VolumeId,
};
use crate::plan::identity::Ownership;
use crate::plan::seed::Seed;
use crate::plan::seed::record::Disused;

/// The answer to one call.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// How a running guest is to be brought down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Power off at once.
    Hard,
    /// Ask the guest, wait this many seconds, then power off if `force`, else fail.
    Graceful {
        /// Seconds to wait for the guest.
        grace_seconds: u32,
        /// Power off when the wait ends.
        force: bool,
    },
}

/// Which tasks of a node to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Only those that carry this number.
    pub guest: Option<GuestId>,
    /// Only those that began at or after this time (seconds since 1970, the node's clock).
    pub since: Option<i64>,
    /// Only those that run now.
    pub active_only: bool,
    /// Only those of this type (`qmclone`).
    pub kind: Option<String>,
}

/// One member of a cluster, with which the whole cluster can be seen and managed.
pub trait Hypervisor: Send + Sync + 'static {
    /// The user or token in whose name calls are made, as task lists show it (`root@pam!drover`).
    fn user(&self) -> &str;

    /// What the host can do, of a version where that is known.
    fn capabilities(&self, version: Option<&HostVersion>) -> Capabilities;

    /// The version of the host.
    fn version(&self) -> Answer<'_, HostVersion>;

    /// The version of a node of its cluster.
    fn node_version<'a>(&'a self, node: &'a NodeName) -> Answer<'a, HostVersion>;

    /// Membership and quorum.
    fn cluster_status(&self) -> Answer<'_, ClusterStatus>;

    /// What tells this cluster from another one at the same address; read from a member of it.
    fn cluster_id<'a>(&'a self, node: &'a NodeName) -> Answer<'a, ClusterId>;

    /// The bulk list of guests, nodes and storages.
    fn overview(&self) -> Answer<'_, Overview>;

    /// The cluster's short list of recent tasks: a hint, not a record.
    fn recent_tasks(&self) -> Answer<'_, Vec<TaskRecord>>;

    /// The datacenter's bounds for new numbers.
    fn number_bounds(&self) -> Answer<'_, NumberBounds>;

    /// Whether there is a guest of this address.
    fn number_state(&self, id: GuestId) -> Answer<'_, NumberState>;

    /// Volumes on a storage of a node, of one content (`iso`, `images`, `backup`) or one guest.
    fn volumes<'a>(
        &'a self,
        node: &'a NodeName,
        storage: &'a str,
        content: Option<&'a str>,
        guest: Option<GuestId>,
    ) -> Answer<'a, Vec<Volume>>;

    /// The configuration in a backup of a machine. It has no digest: nothing can be changed by it.
    fn archived<'a>(&'a self, node: &'a NodeName, archive: &'a VolumeId) -> Answer<'a, GuestConfig>;

    /// What the user or token in whose name calls are made may do.
    fn permissions(&self) -> Answer<'_, Permissions>;

    /// The time by a node's clock, in seconds since 1970.
    fn clock<'a>(&'a self, node: &'a NodeName) -> Answer<'a, i64>;

    /// Names of what machines can be plugged into on a node: bridges and virtual networks.
    fn bridges<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>>;

    /// Tasks of a node.
    fn node_tasks<'a>(&'a self, node: &'a NodeName, filter: &'a TaskFilter) -> Answer<'a, Vec<TaskRecord>>;

    /// How far a task is.
    fn task<'a>(&'a self, upid: &'a Upid) -> Answer<'a, TaskState>;

    /// A guest's configuration with what is pending.
    fn guest_config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, GuestConfig>;

    /// A guest's power, without the bulk list's lag.
    fn guest_power<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, PowerReading>;

    /// The addresses that the guest's agent reports, without loopback and link-local ones.
    fn guest_addresses<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Vec<GuestIp>>;

    /// What the guest's agent calls the system inside.
    fn guest_system<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<String>>;

    /// Brings a medium for cloud-init to the storage that its volume names.
    fn upload_seed<'a>(&'a self, node: &'a NodeName, seed: &'a Seed) -> Answer<'a, Progress>;

    /// Removes such a medium.
    fn remove_medium<'a>(&'a self, node: &'a NodeName, medium: &'a Disused) -> Answer<'a, Progress>;

    /// Makes an empty machine under a reserved number.
    fn create<'a>(&'a self, guest: &'a CreateGuest) -> Answer<'a, Progress>;

    /// Makes a copy of another guest under a reserved number.
    fn clone_guest<'a>(&'a self, guest: &'a CloneGuest) -> Answer<'a, Progress>;

    /// Makes a machine out of a backup under a reserved number.
    fn restore<'a>(&'a self, guest: &'a RestoreGuest) -> Answer<'a, Progress>;

    /// Changes a configuration, all of `changes` or none. `base` is the configuration that was judged.
    fn configure<'a>(
        &'a self,
        own: &'a Ownership,
        base: &'a GuestConfig,
        changes: &'a [Change],
    ) -> Answer<'a, Progress>;

    /// Grows a disk to a size in bytes.
    fn grow_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, bytes: u64) -> Answer<'a, Progress>;

    /// Moves a disk to another storage; the guest may run meanwhile.
    fn move_disk<'a>(&'a self, own: &'a Ownership, slot: &'a str, storage: &'a str) -> Answer<'a, Progress>;

    /// Puts a guest into a pool, out of the one that it is in.
    fn join_pool<'a>(
        &'a self,
        own: &'a Ownership,
        pool: &'a str,
        from: Option<&'a str>,
    ) -> Answer<'a, Progress>;

    /// What high availability does with a guest; nothing where it is not under it.
    fn high_availability<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Option<HaSetting>>;

    /// Says what high availability does with a guest; `new`: it is put under it.
    fn set_high_availability<'a>(
        &'a self,
        own: &'a Ownership,
        setting: &'a HaSetting,
        new: bool,
    ) -> Answer<'a, Progress>;

    /// Makes a template of a stopped guest. There is no way back.
    fn make_template<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress>;

    /// Starts a guest.
    fn start<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress>;

    /// Stops a running guest's processors.
    fn pause<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress>;

    /// Lets a paused guest go on.
    fn resume<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress>;

    /// Saves a running guest's memory to disk and stops it.
    fn suspend<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress>;

    /// Asks a guest to shut down, for so many seconds, and starts it again with what was pending.
    fn reboot<'a>(&'a self, own: &'a Ownership, grace_seconds: u32) -> Answer<'a, Progress>;

    /// Brings a guest down.
    fn stop<'a>(&'a self, own: &'a Ownership, mode: StopMode) -> Answer<'a, Progress>;

    /// Whether and where to a guest can be moved.
    fn migration_conditions<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, MigrationConditions>;

    /// Moves a guest to another node. Of one under high availability no more is begun than that it is asked to.
    fn migrate<'a>(&'a self, own: &'a Ownership, migration: &'a Migration) -> Answer<'a, Progress>;

    /// Backs a guest up to a storage, and prunes nothing there.
    fn back_up<'a>(&'a self, own: &'a Ownership, storage: &'a str) -> Answer<'a, Progress>;

    /// Destroys a stopped guest and its own disks, and takes it out of jobs; never touches volumes that
    /// its configuration does not name.
    fn destroy<'a>(&'a self, own: &'a Ownership) -> Answer<'a, Progress>;
}
