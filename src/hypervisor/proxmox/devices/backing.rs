//! What stands behind a disk: a volume, one to be made, or a path on the host.

use std::fmt;

use super::paths::HostPath;
use crate::hypervisor::proxmox::property::{Reason, StorageId, Text, Value};
use crate::hypervisor::proxmox::size;
use crate::model::VolumeId;

/// What a disk or a mount point is made of (qemu-server, `QemuServer/Drive.pm`; pve-container, `LXC/Config.pm`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backing {
    /// `local:8`: to be allocated. Only in requests.
    New {
        /// Where; none is `local`.
        storage: Option<StorageId>,
        /// In whole MiB, rounded up.
        mebibytes: u64,
    },
    /// `local:100/vm-100-disk-0.raw`.
    Volume(VolumeId),
    /// `/dev/sdb`, or a folder bound into a container. Only `root@pam` may set it.
    Path(HostPath),
}

impl Backing {
    const WANTED: &'static str = "a volume (storage:volume), a new one (storage:GiB) or a path";

    /// `NEW_DISK_RE` of qemu-server and pve-container: an optional storage, then digits with decimals.
    fn new_disk(text: &str) -> Option<Self> {
        let (storage, number) = match text.split_once(':') {
            Some((storage, number)) => (Some(storage.parse().ok()?), number),
            None => (None, text),
        };
        if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return None;
        }
        let bytes = size::parse(&format!("{number}G"))?;
        Some(Self::New {
            storage,
            mebibytes: bytes.div_ceil(1 << 20),
        })
    }
}

impl fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New { storage, mebibytes } => {
                if let Some(storage) = storage {
                    write!(f, "{storage}:")?;
                }
                f.write_str(&size::gibibytes(mebibytes.saturating_mul(1 << 20)))
            }
            Self::Volume(volume) => volume.fmt(f),
            Self::Path(path) => path.fmt(f),
        }
    }
}

impl Value for Backing {
    fn read(text: &str) -> Result<Self, Reason> {
        if text.starts_with('/') {
            return text.parse().map(Self::Path);
        }
        if let Some(new) = Self::new_disk(text) {
            return Ok(new);
        }
        text.parse()
            .map(Self::Volume)
            .map_err(|_| Reason::not(text, Self::WANTED))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for Backing {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        let new = (proptest::option::of(StorageId::sample()), 0..1_u64 << 30)
            .prop_map(|(storage, mebibytes)| Self::New { storage, mebibytes });
        let volume = "[a-z][a-z0-9-]{1,8}:([0-9]{3}/)?(vm|base)-[0-9]{3}-disk-[0-9](\\.raw|\\.qcow2)?"
            .prop_map(|text| Self::Volume(text.parse().unwrap()));
        prop_oneof![new, volume, HostPath::sample().prop_map(Self::Path)].boxed()
    }
}
