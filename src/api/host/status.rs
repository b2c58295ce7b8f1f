//! A node as it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::MaintenanceStatus;
use crate::api::size::Size;

/// What Drover knows of the node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// `Ready`, `Reachable`, `Authenticated`, `Quorate`, and `Reconciling` and `Stalled` while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last value of the annotation `drover.dev/reconcile-at` that was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Version of Proxmox VE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the node in Proxmox VE, pinned once seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// The shard of Drover that acts on it; others keep away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<HostClaim>,
    /// Its cluster; a node on its own is a cluster of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterInfo>,
    /// What the node has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What the guests that run on it were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<Allocated>,
    /// How many guests it has, Drover's and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<GuestCounts>,
    /// Privileges that the credentials lack, with their paths (`VM.Migrate on /vms`); `drover doctor` names the commands that
    /// grant them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub missing_privileges: Vec<String>,
    /// Its storages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub storages: Vec<StorageInfo>,
    /// The highest number that a guest of this cluster is known to have had. Numbers are given from above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_vmid: Option<u32>,
    /// How the maintenance goes, while there is one or machines are still to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceStatus>,
    /// The machines whose end began lately, for `spec.destroyLimit`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["uid".into()]))]
    pub destroys: Vec<DestroyBegun>,
    /// The last time at which more machines were to be destroyed than `spec.destroyLimit` allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions_held: Option<DeletionsHeld>,
}

/// A machine whose end began.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestroyBegun {
    /// UID of its resource.
    pub uid: String,
    /// When.
    pub time: Time,
}

/// A time at which too many machines were to be destroyed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionsHeld {
    /// Since when.
    pub since: Time,
    /// When a person let those go that had been deleted until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Time>,
}

/// The shard of Drover that acts on a node: all replicas with the same `--host-selector`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostClaim {
    /// Its name, which is that of the lease that its leader holds.
    #[schemars(length(max = 253))]
    pub shard: String,
    /// The namespace of that lease; absent for one that takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Its `--host-selector`; absent for one that acts on all hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub selector: Option<String>,
    /// Since when.
    pub since: Time,
}

/// The cluster of a node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// Its name; absent for a node on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 fingerprint of its root certificate: tells it from another one at the same address.
    pub id: String,
    /// Names of its nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub members: Vec<String>,
}

/// What a node has.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// CPUs.
    pub cpus: u32,
    /// Memory.
    pub memory: Size,
    /// Size of the root disk.
    pub root_disk: Size,
}

/// What running guests were given.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allocated {
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory.
    pub memory: Size,
}

/// Numbers of guests.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuestCounts {
    /// QEMU machines, templates included.
    pub virtual_machines: u32,
    /// LXC containers.
    pub containers: u32,
}

/// A storage of a node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageInfo {
    /// Its name.
    pub name: String,
    /// Its plugin (`dir`, `lvmthin`, …).
    #[serde(rename = "type")]
    pub type_: String,
    /// What it may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub content: Vec<String>,
    /// Whether all nodes see the same volumes.
    pub shared: bool,
    /// Whether the node can use it now.
    pub active: bool,
    /// Its size.
    pub capacity: Size,
}

impl Default for Size {
    fn default() -> Self {
        Self("0".to_owned())
    }
}
