//! Disks of a machine and its CD drive.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::size::Size;

/// A disk of a machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.size) || !has(oldSelf.size) || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0", "a disk can't shrink: size must not be less than before"),
    validation = ("!has(self.storage) || !has(oldSelf.storage) || self.storage == oldSelf.storage", "storage can't be changed: moving a disk is not supported yet")
)]
pub struct DiskSpec {
    /// Its slot: `scsi0`, `virtio0`, `sata0`, …
    #[schemars(
        length(min = 4, max = 8),
        regex(pattern = r"^(scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])|sata[0-5]|ide[01])$")
    )]
    pub name: String,
    /// Its size; the disk is grown to it, and may be larger. Absent: as the class or the source has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("isQuantity(self) && quantity(self).compareTo(quantity('1Mi')) >= 0 && quantity(self).compareTo(quantity('128Ti')) <= 0", "a disk must be 1Mi at least and 128Ti at most"))]
    pub size: Option<Size>,
    /// Its storage; the class's or the host's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[A-Za-z][A-Za-z0-9._\-]*$"))]
    pub storage: Option<String>,
}

/// What lies in the CD drive.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cdrom {
    /// An ISO image on the host, as `storage:iso/file.iso`.
    #[schemars(
        length(min = 7, max = 255),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9._\-]*:iso/[^/,\s]+$")
    )]
    pub iso: String,
}
