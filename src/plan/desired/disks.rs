//! Disks as they are to be.

use super::Invalid;
use crate::api::{DiskSpec, HostDefaults, Size, VirtualMachineClassSpec, VirtualMachineSpec};

/// The slot of the disk of a machine whose class alone speaks of one.
const DEFAULT_SLOT: &str = "scsi0";

/// A disk as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredDisk {
    /// Its slot.
    pub slot: String,
    /// Its size in bytes, at least.
    pub size: Option<u64>,
    /// Its storage.
    pub storage: Option<String>,
}

impl DesiredDisk {
    /// The name of one of its fields in the spec: `disks[scsi0].size`.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        field(&self.slot, name)
    }
}

fn field(slot: &str, name: &str) -> String {
    format!("disks[{slot}].{name}")
}

pub(super) fn resolve(
    spec: &VirtualMachineSpec,
    class: &VirtualMachineClassSpec,
    defaults: &HostDefaults,
    blank: bool,
) -> Result<Vec<DesiredDisk>, Invalid> {
    let of_class = DiskSpec {
        name: DEFAULT_SLOT.to_owned(),
        size: None,
        storage: None,
    };
    let named = match &class.disk {
        Some(_) if spec.disks.is_empty() => std::slice::from_ref(&of_class),
        _ => &spec.disks,
    };
    let disk = |(index, disk): (usize, &DiskSpec)| {
        let class = class.disk.as_ref().filter(|_| index == 0);
        let size = disk.size.as_ref().or(class.and_then(|d| d.size.as_ref()));
        let size = size.map(Size::bytes).transpose();
        // A clone's disks stay where the source's are unless the spec itself names a storage: a full copy to
        // another storage is a wish, not a default.
        let fallback = class.and_then(|d| d.storage.clone()).or(defaults.storage.clone());
        Ok(DesiredDisk {
            slot: disk.name.clone(),
            size: size.map_err(|e| Invalid::new(format!("spec.{}", field(&disk.name, "size")), e))?,
            storage: disk.storage.clone().or(fallback.filter(|_| blank)),
        })
    };
    named.iter().enumerate().map(disk).collect()
}
