//! Devices of a container (pve-container, `LXC/Config.pm`). `unused[n]`, `startup` and `tags` are as virtual
//! machines have them.

mod device;
mod features;
mod id_map;
mod mount_point;
mod nic;

pub use device::{Device, DeviceMode};
pub use features::{Features, MountTypes};
pub use id_map::{IdMap, IdRange};
pub use mount_point::{MountOption, MountOptions, MountPoint, RootFs};
pub use nic::{ContainerNic, ContainerNicType, Vlans};
