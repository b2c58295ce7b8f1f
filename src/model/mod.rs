//! What a guest, a disk, a host and a task look like, whatever the hypervisor.

mod guest;
mod host;
mod ids;
mod task;

pub use guest::{
    Change, CloneGuest, CreateGuest, Disk, GuestAddress, GuestConfig, GuestIp, GuestKind, GuestRow, Hardware,
    Lock, NewDisk, NewNic, Nic, Power, PowerReading,
};
pub use host::{
    ClusterStatus, HostVersion, Member, NodeRow, NumberBounds, NumberState, Overview, StorageRow, Volume,
};
pub use ids::{ClusterId, NodeName, ParseId, Vmid, VolumeId};
pub use task::{Progress, TaskExit, TaskRecord, TaskState, Upid};
