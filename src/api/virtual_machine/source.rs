//! How a machine is made.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::host::NameRef;

/// How a machine is made: exactly one of these.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.blank), has(self.clone), has(self.backup)].filter(x, x).size() == 1", "give exactly one of blank, clone and backup"))]
pub struct Source {
    /// Empty disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank: Option<Blank>,
    /// A copy of another machine or template on the same cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone: Option<CloneSource>,
    /// What a backup holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupSource>,
}

/// The backup that a machine is made of. Its disks are as the backup has them, the rest is as the spec says, and as the
/// backup has it where the spec says nothing. Under the number of the machine that was backed up it keeps the hardware
/// addresses of its network interfaces, under any other it gets new ones; its UUID is always a new one.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSource {
    /// The archive, as Proxmox VE names it: `local:backup/vzdump-qemu-101-2026_11_22-03_19_27.vma.zst`, or
    /// `pbs:backup/vm/101/2026-11-22T03:19:27Z`.
    #[schemars(
        length(min = 10, max = 512),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_.\-]*:backup/[^\s,]+$")
    )]
    pub archive: String,
}

/// A machine with empty disks.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blank {}

/// The machine to copy: exactly one of `vmid`, `name` and `ref` says which.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.vmid), has(self.name), has(self.ref)].filter(x, x).size() == 1", "give exactly one of vmid, name and ref"))]
pub struct CloneSource {
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 999_999_999))]
    pub vmid: Option<u32>,
    /// Its name on the host; only one machine may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// The VirtualMachine of this name, in the same namespace and on the same cluster.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<NameRef>,
    /// Whether the disks are copied whole (when absent), or only what differs from those of a template (`false`), on the
    /// template's storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// The state to copy: a snapshot of the source; its present one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 40), regex(pattern = r"^[A-Za-z][A-Za-z0-9_\-]+$"))]
    pub snapshot: Option<String>,
}
