//! Disks as they are to be.

use super::Invalid;
use crate::api::{
    Defaults, DiskCache, DiskFormat, DiskSpec, OnRemove, Size, VirtualMachineClassSpec, VirtualMachineSpec,
};
use crate::model::{DiskSettings, VolumeId};

/// The slot of the disk of a machine whose class alone speaks of one.
const DEFAULT_SLOT: &str = "scsi0";

/// A disk as it is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredDisk {
    /// Its slot.
    pub slot: String,
    /// Its size in bytes, at least.
    pub size: Option<u64>,
    /// Its storage.
    pub storage: Option<String>,
    /// Whether the spec itself names that storage, so that the disk is moved there.
    pub moves: bool,
    /// The storage of one that is added to a machine that exists.
    pub home: Option<String>,
    /// The format of a new one.
    pub format: Option<&'static str>,
    /// The volume that a new one is a copy of.
    pub copy_of: Option<VolumeId>,
    /// Its options.
    pub settings: DiskSettings,
    /// What becomes of it when the spec no longer names it; absent for one that the class alone speaks of.
    pub on_remove: Option<OnRemove>,
}

impl DesiredDisk {
    /// The name of one of its fields in the spec: `disks[scsi0].size`.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        field(&self.slot, name)
    }

    /// What a person has to say for it to be added to a machine that does not have it.
    #[must_use]
    pub const fn lacks(&self) -> &'static str {
        if self.size.is_none() && self.copy_of.is_none() {
            "say how large it is to be"
        } else {
            "name its storage, or have the host's owner name one for all (spec.defaults.storage of the ProxmoxNode)"
        }
    }
}

fn field(slot: &str, name: &str) -> String {
    format!("disks[{slot}].{name}")
}

pub(super) fn resolve(
    spec: &VirtualMachineSpec,
    class: &VirtualMachineClassSpec,
    defaults: &Defaults,
    blank: bool,
) -> Result<Vec<DesiredDisk>, Invalid> {
    let of_class = DiskSpec {
        name: DEFAULT_SLOT.to_owned(),
        ..DiskSpec::default()
    };
    let named = match &class.disk {
        Some(_) if spec.disks.is_empty() => std::slice::from_ref(&of_class),
        _ => &spec.disks,
    };
    let disk = |(index, disk): (usize, &DiskSpec)| {
        let class = class.disk.as_ref().filter(|_| index == 0);
        let size = disk.size.as_ref().or(class.and_then(|d| d.size.as_ref()));
        let size = size.map(Size::bytes).transpose();
        let copy_of = disk.source.as_ref().map(|s| s.volume.parse()).transpose();
        // A clone's disks stay where the source's are unless the spec itself names a storage: a full copy to
        // another storage is a wish, not a default.
        let fallback = class.and_then(|d| d.storage.clone()).or(defaults.storage.clone());
        Ok(DesiredDisk {
            slot: disk.name.clone(),
            size: size.map_err(|e| Invalid::new(format!("spec.{}", field(&disk.name, "size")), e))?,
            storage: disk.storage.clone().or(fallback.clone().filter(|_| blank)),
            moves: disk.storage.is_some(),
            home: disk.storage.clone().or(fallback),
            format: disk.format.map(DiskFormat::as_str),
            copy_of: copy_of
                .map_err(|e| Invalid::new(format!("spec.{}", field(&disk.name, "source.volume")), e))?,
            settings: DiskSettings {
                cache: disk.cache.map(DiskCache::as_str),
                discard: disk.discard,
                ssd: disk.ssd,
                iothread: disk.iothread,
                backup: disk.backup,
            },
            on_remove: (!spec.disks.is_empty()).then(|| disk.on_remove.unwrap_or_default()),
        })
    };
    named.iter().enumerate().map(disk).collect()
}
