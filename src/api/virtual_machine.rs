//! `VirtualMachine`: a virtual machine as its owner wants it, and as it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::proxmox_node::NameRef;
use super::size::Size;
use super::span::Span;
use super::virtual_machine_class::VirtualMachineClassSpec;

/// A virtual machine as its owner wants it. What is absent here is left as it is.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "VirtualMachine",
    plural = "virtualmachines",
    shortname = "dvm",
    category = "drover",
    namespaced,
    status = "VirtualMachineStatus",
    derive = "PartialEq",
    doc = "A virtual machine on a hypervisor. Drover creates it, keeps it as declared, and destroys it with the resource.",
    validation = ("!has(self.spec.vmid) || !has(self.status) || !has(self.status.vmid) || self.spec.vmid == self.status.vmid", "spec.vmid must be the machine's own number (status.vmid) once it has one"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Whether the machine is as declared"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why it is ready or not; kubectl describe says more"),
    printcolumn(name = "Power", type_ = "string", json_path = ".status.powerState", description = "Whether it runs"),
    printcolumn(name = "VMID", type_ = "integer", json_path = ".status.vmid", description = "Its number in Proxmox VE"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.node", description = "The node that it is on"),
    printcolumn(name = "Address", type_ = "string", json_path = ".status.addresses[0].address", description = "Its first address, as its agent reports it"),
    printcolumn(name = "CPUs", type_ = "integer", json_path = ".status.observed.cpus", description = "Virtual CPUs", priority = 1),
    printcolumn(name = "Memory", type_ = "string", json_path = ".status.observed.memory", description = "Memory", priority = 1),
    printcolumn(name = "Host", type_ = "string", json_path = ".spec.hostRef.name", description = "The host resource that it names", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, description = "What is going on, in words", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.classRef) == has(oldSelf.classRef)", "classRef can't be added or removed: the machine keeps the shape that it was made from"),
    validation = ("has(self.source) == has(oldSelf.source)", "source can't be changed: it says how the machine was made"),
    validation = ("has(self.classRef) || (has(self.source) && has(self.source.clone)) || (has(self.memory) && has(self.disks) && self.disks.size() > 0 && has(self.disks[0].size))", "a new machine without classRef and without source.clone needs memory.size and a disk with a size")
)]
pub struct VirtualMachineSpec {
    /// The host that is to have the machine.
    #[x_kube(validation = ("self == oldSelf", "hostRef can't be changed: make a machine on the other host instead"))]
    pub host_ref: HostRef,

    /// The class that gives what is absent here: cpu, memory, the first disk and network interface. It is
    /// taken as it stands when the machine is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self == oldSelf", "classRef can't be changed: the machine keeps the class that it was made from"))]
    pub class_ref: Option<NameRef>,

    /// Name of the machine on the host; the resource's name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(
            pattern = r"^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?)*$"
        )
    )]
    pub name: Option<String>,

    /// Its number; the next one that was never given when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 999_999_999))]
    pub vmid: Option<u32>,

    /// Whether it is to run. Absent: power is left to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_state: Option<DesiredPower>,

    /// How it is brought down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<Shutdown>,

    /// CPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,

    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,

    /// The first disk. Other disks that the machine has are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub disks: Vec<DiskSpec>,

    /// What lies in the CD drive (`ide2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdrom: Option<Cdrom>,

    /// The first network interface. Others that the machine has are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub networks: Vec<NetworkSpec>,

    /// How the machine is made; blank when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self == oldSelf", "source can't be changed: it says how the machine was made"))]
    pub source: Option<Source>,

    /// The QEMU guest agent, which tells addresses and shuts down in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,

    /// What to do when the machine is gone although it is wanted. `Hold` (the default): say so and wait for
    /// the annotation `drover.dev/recreate` with the lost identity. `Recreate`: make it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_lost: Option<WhenLost>,
}

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

/// Whether it is to run. Absent: power is left to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredPower {
    /// It runs; started again when somebody stopped it.
    Running,
    /// It does not run.
    Stopped,
}

/// How a machine is brought down.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// How long the guest may take; 60s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+ms$')", "grace is in whole seconds"))]
    pub grace: Option<Span>,
    /// Whether it is powered off when the time is over; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// CPUs of a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// Sockets; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub sockets: Option<u32>,
    /// Cores a socket; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 512))]
    pub cores: Option<u32>,
}

/// Memory of a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Its size, in whole MiB (`4Gi`, `1536Mi`), 16Mi at least.
    #[x_kube(validation = ("isQuantity(self) && quantity(self).isInteger() && quantity(self).asInteger() % 1048576 == 0", "memory must be in whole MiB, like 4Gi or 1536Mi"))]
    #[x_kube(validation = ("!isQuantity(self) || (quantity(self).compareTo(quantity('16Mi')) >= 0 && quantity(self).compareTo(quantity('4Ti')) <= 0)", "memory must be 16Mi at least and 4Ti at most"))]
    pub size: Size,
}

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

/// A network interface of a machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkSpec {
    /// Its slot: `net0`, …
    #[schemars(length(min = 4, max = 5), regex(pattern = r"^net([0-9]|[12][0-9]|3[01])$"))]
    pub name: String,
    /// The bridge that it is plugged into; the class's or the host's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[A-Za-z0-9._\-]+$"))]
    pub bridge: Option<String>,
    /// The emulated card of a new interface; virtio when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<NicModel>,
}

/// The emulated card of a new interface; virtio when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NicModel {
    /// Paravirtualised.
    #[default]
    Virtio,
    /// Intel E1000.
    E1000,
    /// VMware's.
    Vmxnet3,
    /// Realtek 8139.
    Rtl8139,
}

impl NicModel {
    /// As Proxmox VE spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Virtio => "virtio",
            Self::E1000 => "e1000",
            Self::Vmxnet3 => "vmxnet3",
            Self::Rtl8139 => "rtl8139",
        }
    }
}

/// How a machine is made: exactly one of these.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.blank) != has(self.clone)", "give exactly one of blank and clone"))]
pub struct Source {
    /// Empty disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank: Option<Blank>,
    /// A full copy of another machine or template on the same cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone: Option<CloneSource>,
}

/// A machine with empty disks.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blank {}

/// The machine to copy: exactly one of these.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.vmid) != has(self.name)", "give exactly one of vmid and name"))]
pub struct CloneSource {
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 999_999_999))]
    pub vmid: Option<u32>,
    /// Its name on the host; only one machine may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
}

/// The guest agent.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Whether the machine has the agent's channel. The agent itself is installed within the guest.
    pub enabled: bool,
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

/// The machine as it is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineStatus {
    /// `Ready`, and while they are true `Reconciling`, `Stalled`, `Drifted`, `RebootRequired`, `Paused`, `Deleting`.
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
    /// The cluster that holds it (`status.cluster.id` of its host).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The node that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_state: Option<ObservedPower>,
    /// The lock on its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// What tells it from a successor under the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityStatus>,
    /// A number that was reserved while the machine was not seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// Its addresses, as its agent reports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub addresses: Vec<Address>,
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
    /// Options whose change waits for the next reboot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub pending: Vec<String>,
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

/// A number that was reserved.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The number.
    pub vmid: u32,
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
    /// Whether the spec names it.
    pub managed: bool,
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
    /// Whether the spec names it.
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
