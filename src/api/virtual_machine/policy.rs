//! Where a machine is, and what is done about it by itself.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a host.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRef {
    /// The kind of the host.
    pub kind: HostKind,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The kinds of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HostKind {
    /// A node of Proxmox VE.
    ProxmoxNode,
}

/// What to do when the machine is gone although it is wanted. `Hold` (the default): say so and wait for the
/// annotation `drover.dev/recreate` with the lost identity. `Recreate`: make it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenLost {
    /// Say so and wait for a person.
    #[default]
    Hold,
    /// Make it again.
    Recreate,
}

/// What becomes of the machine when its resource is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It is destroyed, with its disks.
    Delete,
    /// It stays as it is on the host, and its mark says that nobody owns it.
    Retain,
    /// It is shut down and backed up to `defaults.backupStorage` of its host, and destroyed once the archive was seen.
    BackupAndDelete,
}
