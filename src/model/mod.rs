//! What a guest, a disk, a host and a task look like, whatever the hypervisor.

mod capabilities;
mod change;
mod guest;
mod hardware;
mod host;
mod ids;
mod secret;
mod task;

pub use capabilities::Capabilities;
pub use change::{
    Change, CloneGuest, CloudInitChange, CreateGuest, DiskSettings, NewDisk, NicSettings, RestoreGuest,
};
pub use guest::{
    AgentReport, GuestAddress, GuestConfig, GuestIp, GuestKind, GuestRow, Lock, Power, PowerReading,
    PowerState,
};
pub use hardware::{Addresses, CloudInit, Disk, HaSetting, Hardware, Nic};
pub use host::{
    ClusterStatus, HostVersion, Member, Migration, MigrationConditions, NodeRow, NumberBounds, NumberState,
    Overview, Permissions, StorageRow, Volume,
};
pub use ids::{ClusterId, GuestId, NodeName, ParseId, Vmid, VolumeId};
pub use secret::SecretText;
pub use task::{Progress, TaskExit, TaskRecord, TaskState, Upid};
