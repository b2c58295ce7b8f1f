//! Where a machine is, and what is done about it by itself.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a host.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRef {
    /// The kind of the host.
    pub kind: HostKind,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The kinds of hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HostKind {
    /// A node of Proxmox VE.
    #[default]
    ProxmoxNode,
    /// A host with libvirt.
    LibvirtHost,
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

/// How far the resource goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// The machine is made, and kept as declared.
    #[default]
    Full,
    /// The machine under `spec.vmid` is looked at, and never changed: the status tells how it is, and where it is not as
    /// the spec says.
    Observe,
}

/// What is done when a machine is on another node than its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodePolicy {
    /// It stays there.
    #[default]
    Follow,
    /// It is brought back.
    Pin,
}

/// Which shape of its class a machine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClassPolicy {
    /// What the class said when the machine was made.
    #[default]
    Pinned,
    /// What the class says now: a change of the class is a change of the machine.
    Follow,
}

/// What is done about changes that somebody makes on the host.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// `Correct` (the default): the machine is put back as declared. `Report`: the condition `Drifted` tells; nothing is
    /// done until the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<DriftPolicy>,
    /// Fields that are left to people once the machine is made, as `status.drift` names them (`tags`, `cpu.cores`, `disks[scsi0].cache`); a name stands
    /// for all below it (`cpu`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)))]
    #[x_kube(validation = ("self.all(name, name.matches('^(name|powerState|cpu|memory|firmware|disks|cdrom|networks|hostDevices|cloudInit|agent|boot|pool|highAvailability|tags|description|protection|extraConfig|rebootPolicy|hostRef)($|[.[])'))", "drift.ignore names fields of the spec, like tags, cpu.cores or disks[scsi0].cache"))]
    pub ignore: Vec<String>,
}

/// What is done about changes that somebody makes on the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// They are put back.
    #[default]
    Correct,
    /// They are told.
    Report,
}

/// When a machine is rebooted for changes that wait for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RebootPolicy {
    /// By people alone.
    #[default]
    Never,
    /// As soon as something waits for it.
    WhenRequired,
    /// In the `maintenanceWindow` of its host.
    InWindow,
}

/// What high availability does with a machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HighAvailability {
    /// What the machine is to be: `started` or `stopped`, wherever its cluster can have it so; `disabled` (stopped, and not
    /// moved off a dead node); `ignored` (left alone).
    pub state: HighAvailabilityState,
    /// The group of nodes, up to Proxmox VE 8; from 9 on rules of the cluster say where, and the condition `Unsupported` tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 128), regex(pattern = r"^[A-Za-z][A-Za-z0-9_\-]+$"))]
    pub group: Option<String>,
}

/// What high availability makes of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HighAvailabilityState {
    /// Running.
    Started,
    /// Not running.
    Stopped,
    /// Not running, and not moved off a dead node.
    Disabled,
    /// Left alone.
    Ignored,
}

impl HighAvailabilityState {
    /// As Proxmox VE spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::Ignored => "ignored",
        }
    }
}
