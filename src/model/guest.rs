//! A guest as the hypervisor shows it: its row in the bulk list, its configuration, its power.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use uuid::Uuid;

use super::hardware::Hardware;
use super::ids::{GuestId, NodeName};

/// Where a guest is addressed: Proxmox VE wants the node that holds its configuration in the path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestAddress {
    /// The node on which it is now.
    pub node: NodeName,
    /// Its number.
    pub id: GuestId,
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
/// `id` and `node`.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestRow {
    /// Its number.
    pub id: GuestId,
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
    /// Its tags, in lower case.
    pub tags: BTreeSet<String>,
    /// Its pool.
    pub pool: Option<String>,
    /// What high availability does with it (`started`, `stopped`, `error` …); absent where it does nothing.
    pub ha_state: Option<String>,
}

impl GuestRow {
    /// Where it is addressed.
    #[must_use]
    pub fn address(&self) -> GuestAddress {
        GuestAddress {
            node: self.node.clone(),
            id: self.id,
        }
    }
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

    /// Whether it stands for a guest whose memory was saved to disk (qemu-server: `qm suspend --todisk`). Taking it off
    /// throws the memory away.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.0 == "suspended"
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

/// How a guest is, as a person would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerState {
    /// It runs.
    Running,
    /// Its processors stand still; its memory is kept by the running host.
    Paused,
    /// It does not run.
    Stopped,
    /// It does not run, and its memory waits on a disk: it goes on where it was when it is started.
    Suspended,
    /// The host can't tell.
    Unknown,
}

impl PowerState {
    /// From its parts.
    #[must_use]
    pub fn of(power: Power, paused: bool, lock: Option<&Lock>) -> Self {
        match power {
            Power::Running if paused => Self::Paused,
            Power::Running => Self::Running,
            Power::Stopped if lock.is_some_and(Lock::is_suspended) => Self::Suspended,
            Power::Stopped => Self::Stopped,
            Power::Unknown => Self::Unknown,
        }
    }
}

/// What a guest's agent reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentReport {
    /// The last addresses that were seen since the guest's start.
    pub ips: BTreeSet<GuestIp>,
    /// Whether the agent answered when it was asked last.
    pub connected: bool,
    /// The system inside, as it calls itself, if that was asked since the guest's start and it answered.
    pub system: Option<String>,
}

/// An address that the guest's agent reported.
pub type GuestIp = IpAddr;
