//! What is in a drive of a virtual machine.

use std::fmt;

use super::backing::Backing;
use crate::hypervisor::proxmox::property::{Reason, StorageId, Text, Value};
use crate::model::VolumeId;

/// The value of `file` (qemu-server, `QemuServer/Drive.pm`, `pve-volume-id-or-qm-path`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// `none`: an empty CD drive.
    None,
    /// `cdrom`: the CD drive of the host.
    HostCdrom,
    /// `local:cloudinit`: the generated medium of cloud-init, to be allocated.
    NewCloudInit(StorageId),
    /// A disk, or the image of a CD.
    Backing(Backing),
}

impl Medium {
    /// The volume, if it is one.
    #[must_use]
    pub const fn volume(&self) -> Option<&VolumeId> {
        match self {
            Self::Backing(Backing::Volume(volume)) => Some(volume),
            _ => None,
        }
    }

    /// Whether it is the generated medium of cloud-init, a CD to the guest: `local:100/vm-100-cloudinit.qcow2`,
    /// `local-lvm:vm-100-cloudinit`, `local:cloudinit` (qemu-server, `QemuServer/Drive.pm`,
    /// `drive_is_cloudinit`).
    #[must_use]
    pub fn is_cloud_init(&self) -> bool {
        let Some(volume) = self.volume() else {
            return matches!(self, Self::NewCloudInit(_));
        };
        let file = volume.volume();
        let name = file.rsplit_once([':', '/']).map_or(file, |(_, name)| name);
        let name = name.split_once('.').map_or(name, |(name, _)| name);
        let of_guest = name.strip_prefix("vm-").and_then(|rest| rest.split_once('-'));
        match of_guest {
            Some((vmid, rest)) => rest == "cloudinit" && vmid.bytes().all(|b| b.is_ascii_digit()),
            None => name == "cloudinit",
        }
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::HostCdrom => f.write_str("cdrom"),
            Self::NewCloudInit(storage) => write!(f, "{storage}:cloudinit"),
            Self::Backing(backing) => backing.fmt(f),
        }
    }
}

impl Value for Medium {
    fn read(text: &str) -> Result<Self, Reason> {
        let new_cloud_init = || text.strip_suffix(":cloudinit")?.parse().ok();
        match text {
            "none" => Ok(Self::None),
            "cdrom" => Ok(Self::HostCdrom),
            _ => match new_cloud_init() {
                Some(storage) => Ok(Self::NewCloudInit(storage)),
                None => Backing::read(text).map(Self::Backing),
            },
        }
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for Medium {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        prop_oneof![
            Just(Self::None),
            Just(Self::HostCdrom),
            StorageId::sample().prop_map(Self::NewCloudInit),
            Backing::sample().prop_map(Self::Backing),
        ]
        .boxed()
    }
}
