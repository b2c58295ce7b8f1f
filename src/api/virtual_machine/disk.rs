//! Disks of a machine and its CD drive.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::size::Size;

/// A disk of a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.size) || !has(oldSelf.size) || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0", "a disk can't shrink: size must not be less than before"),
    validation = ("!has(self.ssd) || !self.name.startsWith('virtio')", "ssd is not for virtio disks: a virtio disk does not say whether it rotates"),
    validation = ("!has(self.iothread) || self.name.startsWith('scsi') || self.name.startsWith('virtio')", "iothread is for scsi and virtio disks alone"),
    validation = ("has(self.format) == has(oldSelf.format)", "format can't be added or removed: it is settled when the disk is made"),
    validation = ("has(self.source) == has(oldSelf.source)", "source can't be added or removed: it says how the disk was made")
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
    /// Its storage; a new disk gets the class's or the host's default when absent. A change moves the disk, while the
    /// machine runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[A-Za-z][A-Za-z0-9._\-]*$"))]
    pub storage: Option<String>,
    /// The format of its image, where the storage has several; the storage's own default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self == oldSelf", "format can't be changed: it is settled when the disk is made"))]
    pub format: Option<DiskFormat>,
    /// How the host caches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<DiskCache>,
    /// Whether the storage is told of blocks that the guest no longer uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discard: Option<bool>,
    /// Whether the guest is told that it does not rotate. Not for `virtio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssd: Option<bool>,
    /// Whether it has a thread of its own. Only for `scsi` and `virtio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iothread: Option<bool>,
    /// Whether backups hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// What the disk is copied from when it is made; empty when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self == oldSelf", "source can't be changed: it says how the disk was made"))]
    pub source: Option<DiskSource>,
    /// What becomes of it when it is taken out of this list. `Detach` (the default): it is unplugged, and stays with the
    /// machine as an unused volume. `Delete`: its data are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_remove: Option<OnRemove>,
}

/// What a disk is copied from.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskSource {
    /// A volume on the host, like `local:import/debian-12.qcow2`. The host's owner must allow it
    /// (`spec.tenancy.existingVolumes`).
    #[schemars(
        length(min = 3, max = 255),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9._\-]*:[^,\s:]+$")
    )]
    pub volume: String,
}

/// The format of a disk's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// As it is.
    Raw,
    /// QEMU's own, with snapshots.
    Qcow2,
    /// VMware's.
    Vmdk,
}

impl DiskFormat {
    /// As hypervisors spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
        }
    }
}

/// How the host caches a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskCache {
    /// Not on the host.
    None,
    /// Reads.
    Writethrough,
    /// Reads and writes: what the guest did not flush is lost with the host's power.
    Writeback,
    /// Flushes are ignored: a crash of the host may destroy the guest's file systems.
    Unsafe,
    /// Not at all, and every write is flushed.
    Directsync,
}

impl DiskCache {
    /// As hypervisors spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Writethrough => "writethrough",
            Self::Writeback => "writeback",
            Self::Unsafe => "unsafe",
            Self::Directsync => "directsync",
        }
    }
}

/// What becomes of a disk that the spec no longer names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnRemove {
    /// It is unplugged, and its volume stays.
    #[default]
    Detach,
    /// Its volume is deleted.
    Delete,
}

/// What lies in the CD drive: exactly one of these.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.iso) != has(self.ejected)", "give exactly one of iso and ejected"))]
pub struct Cdrom {
    /// An ISO image on the host, as `storage:iso/file.iso`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 7, max = 255),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9._\-]*:iso/[^/,\s]+$")
    )]
    pub iso: Option<String>,
    /// Nothing lies in it: `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self", "ejected is true, or absent"))]
    pub ejected: Option<bool>,
}
