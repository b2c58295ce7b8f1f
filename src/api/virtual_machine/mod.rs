//! `VirtualMachine`: a virtual machine as its owner wants it, and as it is.

mod cloud_init;
mod disk;
mod network;
mod policy;
mod power;
mod shape;
mod source;
mod status;

pub use cloud_init::*;
pub use disk::*;
pub use network::*;
pub use policy::*;
pub use power::*;
pub use shape::*;
pub use source::*;
pub use status::*;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::host::NameRef;

/// A virtual machine as its owner wants it. What is absent here is left as it is.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    validation = ("!has(self.spec.uuid) || !has(self.status) || !has(self.status.uuid) || self.spec.uuid == self.status.uuid", "spec.uuid must be the machine's own UUID (status.uuid) once it has one"),
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
    validation = ("!has(self.managementPolicy) || self.managementPolicy != 'Observe' || has(self.vmid) || has(self.uuid)", "managementPolicy: Observe needs the number of the machine to look at (vmid), or the UUID of its domain on a LibvirtHost (uuid)"),
    validation = ("!has(self.vmid) || self.hostRef.kind == 'ProxmoxNode'", "vmid is for machines on a ProxmoxNode: a domain of a LibvirtHost is named by its uuid"),
    validation = ("!has(self.networks) || self.hostRef.kind == 'LibvirtHost' || self.networks.all(n, !has(n.network))", "networks[].network is for machines on a LibvirtHost: on a ProxmoxNode name the bridge"),
    validation = ("!has(self.uuid) || self.hostRef.kind == 'LibvirtHost'", "uuid is for machines on a LibvirtHost: a machine of a ProxmoxNode is named by its vmid"),
    validation = ("!has(oldSelf.template) || !oldSelf.template || (has(self.template) && self.template)", "a template can't become a machine again: clone it"),
    validation = ("!has(self.template) || !self.template || !has(self.powerState) || self.powerState == 'Stopped'", "a template does not run: leave powerState out, or say Stopped"),
    validation = ("!has(self.template) || !self.template || !has(self.highAvailability)", "a template can't be under high availability"),
    validation = ("!has(self.highAvailability) || !has(self.powerState) || self.highAvailability.state == 'ignored' || (self.highAvailability.state == 'started') == (self.powerState == 'Running')", "powerState and highAvailability.state contradict each other: Running goes with started, Stopped with stopped or disabled"),
    validation = ("!has(self.classPolicy) || has(self.classRef)", "classPolicy goes with classRef"),
    validation = ("has(self.classRef) || has(self.vmid) || has(self.uuid) || (has(self.source) && (has(self.source.clone) || has(self.source.backup))) || (has(self.memory) && has(self.disks) && self.disks.size() > 0 && has(self.disks[0].size))", "a new machine without classRef, vmid, uuid, source.clone and source.backup needs memory.size and a disk with a size")
)]
pub struct VirtualMachineSpec {
    /// The host that is to have the machine. Another node of the same cluster here moves the machine there, while it runs
    /// if it does; a host of another cluster is refused.
    #[x_kube(validation = ("self.kind == oldSelf.kind", "the kind of hostRef can't be changed: make a machine on the other host instead"))]
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

    /// The UUID of its domain on a `LibvirtHost`, where the machine is there already; Drover's own choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 36, max = 36))]
    pub uuid: Option<Uuid>,

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

    /// Its disks. Other disks that the machine has are left alone. One that is taken out of this list is taken out of the
    /// machine as its `onRemove` says, but for the last one: without any disk here, all are left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub disks: Vec<DiskSpec>,

    /// What lies in the CD drive (`ide2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdrom: Option<Cdrom>,

    /// Its network interfaces. Others that the machine has are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
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

    /// What cloud-init sets up inside the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,

    /// What becomes of the machine when this resource is deleted. Absent: `Delete` for a machine that Drover made, and
    /// `Retain` for any other; `status.effective.deletionPolicy` shows which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// When it is started with its host, and what it boots from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,

    /// Whether the host refuses to destroy it and its disks. While it stands, a deletion of this resource waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<bool>,

    /// `Full` (the default): the machine is made, and kept as declared. `Observe`: the machine under `vmid` or `uuid` is looked at, and
    /// never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,

    /// What is done about changes that somebody makes on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,

    /// When the machine is rebooted for changes that wait for that; `Never` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot_policy: Option<RebootPolicy>,

    /// Which shape of its class it has: that of its making (`Pinned`, the default), or the present one (`Follow`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_policy: Option<ClassPolicy>,

    /// What high availability does with it; it is put under HA where it is not. Absent: left to people. To take a machine
    /// out of HA again is left to people too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_availability: Option<HighAvailability>,

    /// Whether it is a template: it is made one once it is as declared and does not run. There is no way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<bool>,

    /// What is done when the machine is on another node than the one that `hostRef` stands for: `Follow` (the default): high
    /// availability or a person moved it, and `status.node` tells; `Pin`: it is brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_policy: Option<NodePolicy>,

    /// The firmware and the board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!has(self.bios) || self.bios != 'ovmf' || !has(self.machine) || !self.machine.startsWith('virt')", "bios ovmf goes with pc and q35"))]
    pub firmware: Option<Firmware>,

    /// Devices of the host that it gets for itself. Others that it has are left alone. A change waits for a reboot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["mapping".into()]))]
    pub host_devices: Vec<HostDevice>,

    /// All of its tags, besides `drover`, which a machine that Drover made always has. Absent: tags are left to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9_][a-z0-9_+.\-]*$"))
    )]
    pub tags: Option<Vec<String>>,

    /// Its notes on the host, beside the line with Drover's mark. Absent: notes are left to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = ("!self.contains('drover/v1')", "'drover/v1' stands in Drover's own mark alone"))]
    pub description: Option<String>,

    /// The pool that it belongs to. Absent: left to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z0-9._\-]+(/[A-Za-z0-9._\-]+){0,2}$")
    )]
    pub pool: Option<String>,

    /// Options of Proxmox VE's configuration that have no field of their own here (`vga: virtio`), as `qm.conf` spells
    /// them; an empty value takes an option off. The host's owner says which ones (`spec.tenancy.extraConfigKeys`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = ("self.all(key, key.matches('^[a-z][a-z0-9_-]{1,40}$'))", "extraConfig: a key is the name of an option, like vga or serial0"))]
    pub extra_config: BTreeMap<String, ConfigValue>,
}
