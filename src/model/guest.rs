//! A guest as the hypervisor shows it: its row in the bulk list, its configuration, its power.

use std::collections::BTreeMap;
use std::net::IpAddr;

use uuid::Uuid;

use super::ids::{NodeName, Vmid, VolumeId};

/// Where a guest is addressed: Proxmox VE wants the node that holds its configuration in the path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestAddress {
    /// The node on which it is now.
    pub node: NodeName,
    /// Its number.
    pub vmid: Vmid,
}

/// What sort of guest a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// A QEMU virtual machine.
    VirtualMachine,
    /// An LXC container.
    Container,
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It runs (a paused one included).
    Running,
    /// It does not run.
    Stopped,
    /// The host can't tell (a new guest, a node that is away).
    Unknown,
}

/// One guest in the bulk list (`/cluster/resources`). The list lags by some ten seconds in all but
/// `vmid` and `node`.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestRow {
    /// Its number.
    pub vmid: Vmid,
    /// Machine or container.
    pub kind: GuestKind,
    /// The node that holds it.
    pub node: NodeName,
    /// Absent for the first seconds of a new guest.
    pub name: Option<String>,
    /// As of the host's last look.
    pub power: Power,
    /// A template can't be started.
    pub template: bool,
    /// The configuration's lock, where the list shows it.
    pub lock: Option<Lock>,
    /// Virtual CPUs, 0 where not known yet.
    pub cpus: u32,
    /// Memory in bytes, 0 where not known yet.
    pub memory: u64,
    /// Seconds since its start.
    pub uptime: u64,
}

/// The lock of a configuration: while it stands, the host refuses most calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock(pub String);

impl Lock {
    /// Whether the host is making or destroying the guest, so that nothing may be concluded from its
    /// configuration (`identity.md`: create, clone, restore, destroyed).
    #[must_use]
    pub fn is_transition(&self) -> bool {
        matches!(self.0.as_str(), "create" | "clone" | "restore" | "destroyed")
    }
}

/// The configuration of a guest, with what is pending until its next start.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestConfig {
    /// Checksum of the configuration; goes along with changes, so that one based on an old view is refused.
    pub digest: String,
    /// Its lock.
    pub lock: Option<Lock>,
    /// Whether a person made a template of it.
    pub template: bool,
    /// Whether it is protected against removal.
    pub protection: bool,
    /// The name on the host.
    pub name: Option<String>,
    /// Free text; Drover's mark stands in it.
    pub description: String,
    /// The UUID in `smbios1`.
    pub uuid: Option<Uuid>,
    /// The devices as they run now.
    pub current: Hardware,
    /// The devices as they will be after the next start. Equal to `current` for a stopped guest.
    pub next: Hardware,
    /// Names of the options whose change waits for the next start, sorted (`memory`, `cores`, `net0`).
    pub pending: Vec<String>,
    /// All options with the values of `next`, as the host spells them: the ground for changes that
    /// must keep what they do not name.
    pub raw: BTreeMap<String, String>,
}

/// What a guest is made of, as far as Drover acts on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardware {
    /// CPU sockets.
    pub sockets: u32,
    /// Cores a socket.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whether the guest agent's channel is enabled.
    pub agent: bool,
    /// Disks by slot (`scsi0`).
    pub disks: BTreeMap<String, Disk>,
    /// CD drives by slot (`ide2`), with what lies in them.
    pub cdroms: BTreeMap<String, Option<VolumeId>>,
    /// Network interfaces by slot (`net0`).
    pub nics: BTreeMap<String, Nic>,
}

/// A disk of a guest.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Its volume.
    pub volume: VolumeId,
    /// Size in bytes, where the configuration names it.
    pub size: Option<u64>,
}

/// A network interface of a guest.
#[derive(Clone, Debug, PartialEq)]
pub struct Nic {
    /// Emulated card (`virtio`).
    pub model: String,
    /// Hardware address, upper case with colons.
    pub mac: Option<String>,
    /// The bridge that it is plugged into.
    pub bridge: Option<String>,
}

/// What a running guest's own status call shows and the bulk list does not, or only later.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerReading {
    /// Running or not, without the list's lag.
    pub power: Power,
    /// Whether it is paused (`qmpstatus: paused`).
    pub paused: bool,
    /// Its lock.
    pub lock: Option<Lock>,
}

/// A new, empty machine.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateGuest {
    /// Where it is to be, under the number reserved for it.
    pub at: GuestAddress,
    /// Its name on the host.
    pub name: String,
    /// The description, with the sealed mark.
    pub description: String,
    /// The identity it is given.
    pub uuid: Uuid,
    /// CPU sockets.
    pub sockets: u32,
    /// Cores a socket.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whether the guest agent's channel is enabled.
    pub agent: bool,
    /// Disks to allocate.
    pub disks: Vec<NewDisk>,
    /// Network interfaces.
    pub nics: Vec<NewNic>,
    /// What lies in the CD drive at `ide2`.
    pub iso: Option<VolumeId>,
}

/// A disk to allocate.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDisk {
    /// Its slot (`scsi0`).
    pub slot: String,
    /// The storage to allocate it on.
    pub storage: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A network interface to add.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNic {
    /// Its slot (`net0`).
    pub slot: String,
    /// Emulated card (`virtio`).
    pub model: String,
    /// The bridge to plug it into.
    pub bridge: String,
}

/// A full copy of another guest.
#[derive(Clone, Debug, PartialEq)]
pub struct CloneGuest {
    /// The guest to copy.
    pub source: GuestAddress,
    /// Where the copy is to be, under the number reserved for it. Another node than the source's works
    /// only if the source's disks lie on shared storage.
    pub at: GuestAddress,
    /// The copy's name on the host.
    pub name: String,
    /// The description, with the mark, not sealed yet: the host gives each clone a random UUID.
    pub description: String,
    /// The storage for the copy's disks; absent: where the source's are.
    pub storage: Option<String>,
}

/// One change of a configuration. What is not named stays as it is, within a device too.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The name on the host.
    Name(String),
    /// The description.
    Description(String),
    /// The UUID in `smbios1`.
    Uuid(Uuid),
    /// CPU sockets.
    Sockets(u32),
    /// Cores a socket.
    Cores(u32),
    /// Memory in MiB.
    MemoryMib(u64),
    /// The guest agent's channel.
    Agent(bool),
    /// Plugs an existing interface into another bridge; its address and options stay.
    Bridge {
        /// The interface (`net0`).
        slot: String,
        /// The bridge.
        bridge: String,
    },
    /// Adds an interface.
    AddNic(NewNic),
    /// Puts a medium into the CD drive at this slot.
    Cdrom {
        /// The drive (`ide2`).
        slot: String,
        /// The medium.
        volume: VolumeId,
    },
}

/// An address that the guest's agent reported.
pub type GuestIp = IpAddr;
