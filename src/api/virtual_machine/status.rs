//! A machine as it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DeletionPolicy, OnRemove, RebootPolicy};
use crate::api::size::Size;
use crate::api::virtual_machine_class::VirtualMachineClassSpec;

/// The machine as it is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineStatus {
    /// `Ready`, and while they are true `Reconciling`, `Stalled`, `Drifted`, `RebootRequired`, `Unsupported`, `Paused`, `Deleting`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The generation that was last compared with the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last value of the annotation `drover.dev/reconcile-at` that was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Its number in Proxmox VE, from the reservation on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    /// The UUID of its domain on libvirt, from the reservation on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// The cluster that holds it (`status.cluster.id` of its host).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The node that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The host (`spec.hostRef`) for which it was placed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A move to another node that was begun, until the machine is seen there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<MigrationStatus>,
    /// That it is away from its node because that is under maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evacuation: Option<Evacuation>,
    /// Whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_state: Option<ObservedPower>,
    /// The lock on its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// What tells it from a successor under the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityStatus>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<GuestOrigin>,
    /// A number that was reserved while the machine was not seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// When a creating call was sent while an earlier one might still have arrived. For a while after that the resource is
    /// not let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_sent_again_at: Option<Time>,
    /// Its addresses, as its agent reports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub addresses: Vec<Address>,
    /// The agent inside it, while it runs and its agent is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentStatus>,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// The class as it was taken at creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<PinnedClass>,
    /// The task that the host works on for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskStatus>,
    /// Where it is not as declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub drift: Vec<FieldDrift>,
    /// Fields of the spec that the host can't carry out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub unsupported: Vec<String>,
    /// Options whose change waits for the next reboot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub pending: Vec<String>,
    /// What was given to cloud-init that the host does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInitStatus>,
    /// The policies that hold, where the spec leaves them open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<EffectivePolicies>,
    /// The last reboot that Drover had done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reboot: Option<LastReboot>,
    /// The backup that precedes the end of the machine, for the policy `BackupAndDelete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_backup: Option<FinalBackup>,
}

/// The agent inside a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// Whether it answered when it was asked last: after a start until addresses are found, and once a `poll.sweep`.
    pub connected: bool,
    /// The system inside, as the agent calls it; asked once a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub os: Option<String>,
}

/// The policies that hold, where the spec leaves them open.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectivePolicies {
    /// What becomes of the machine when this resource is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// When it is rebooted for changes that wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot_policy: Option<RebootPolicy>,
}

/// A reboot that Drover had done for changes that waited for it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastReboot {
    /// The options that waited. If they still do afterwards, a reboot does not help, and none is repeated for them.
    #[schemars(length(max = 64))]
    pub pending: Vec<String>,
    /// When it began.
    pub at: Time,
}

/// The backup that precedes the end of a machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinalBackup {
    /// The task that made it, which ended well.
    pub task: String,
    /// The storage that it went to.
    pub storage: String,
    /// The archive; absent while it was not seen on the storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

/// What was given to cloud-init that the host does not show.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudInitStatus {
    /// The version of the Secret whose password was sent last (its UID and `resourceVersion`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_version: Option<String>,
    /// The drive in which the machine was seen with a medium of its own. Until then it is not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub drive: Option<String>,
    /// Media with user data that Drover made for the machine and has not removed yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub media: Vec<SeedMedium>,
}

/// A medium that Drover made.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeedMedium {
    /// Its volume.
    #[schemars(length(min = 1, max = 256))]
    pub volume: String,
    /// When it was made, by the storage; absent while it was not seen there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// A move to another node that was begun.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStatus {
    /// The node that it was on.
    pub from: String,
    /// The node that it is to be on.
    pub to: String,
    /// When it was begun.
    pub since: Time,
}

/// That a machine is to be away from a node that is under maintenance.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evacuation {
    /// The node to which it is brought back afterwards.
    pub from: String,
    /// Why it can't be moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub blocked: Option<String>,
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ObservedPower {
    /// It runs.
    Running,
    /// It does not run.
    Stopped,
    /// It is paused.
    Paused,
    /// Its memory is saved to disk.
    Suspended,
    /// The host can't tell.
    Unknown,
}

/// What tells a guest from its successor.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityStatus {
    /// The UUID in its SMBIOS data.
    pub uuid: Uuid,
}

/// Where a machine came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GuestOrigin {
    /// Drover made it.
    Made,
    /// It was there before, and was adopted.
    Adopted,
}

/// A guest that was reserved: its number in Proxmox VE, or the UUID of its domain on libvirt.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    /// The UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// When it was reserved.
    pub since: Time,
}

/// An address of a machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// `InternalIP`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The address.
    pub address: String,
}

/// What a machine is made of.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Virtual CPUs: sockets × cores.
    pub cpus: u32,
    /// Memory, as it runs.
    pub memory: Size,
    /// Its disks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub disks: Vec<ObservedDisk>,
    /// Its network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub networks: Vec<ObservedNetwork>,
    /// Devices of the host that it has by a mapping.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub host_devices: Vec<ObservedDevice>,
}

/// A disk that a machine has.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedDisk {
    /// Its slot.
    pub name: String,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Its storage.
    pub storage: String,
    /// Its volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Whether the spec names it, or named it while it is not unplugged yet.
    pub managed: bool,
    /// What becomes of it when the spec no longer names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_remove: Option<OnRemove>,
}

/// A network interface that a machine has.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedNetwork {
    /// Its slot.
    pub name: String,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Its virtual network, on a host with libvirt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whether the spec names it, or named it while it is not unplugged yet.
    pub managed: bool,
}

/// A device of the host that a machine has.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservedDevice {
    /// Its slot.
    pub name: String,
    /// The mapping of the cluster.
    pub mapping: String,
    /// Whether the spec names it, or named it while it is not taken away yet.
    pub managed: bool,
}

/// A class as it was when a machine was created.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedClass {
    /// Its name.
    pub name: String,
    /// Its content.
    pub spec: VirtualMachineClassSpec,
}

/// A task of the host.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Its identifier in Proxmox VE.
    pub id: String,
    /// What it does: `Create`, `Clone`, `Start`, …
    pub action: String,
    /// When it began.
    pub started_at: Time,
    /// What that means, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl TaskStatus {
    /// The action of a reboot for what waits for one.
    pub const REBOOT: &'static str = "Reboot";
}

/// A field in which a machine is not as declared.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDrift {
    /// The field of the spec (`memory.size`).
    pub field: String,
    /// What the spec says.
    pub desired: String,
    /// What the machine has.
    pub observed: String,
}
