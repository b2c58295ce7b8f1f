//! What a guest is made of, as its configuration shows it.

use std::collections::BTreeMap;

use super::ids::VolumeId;

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

impl Hardware {
    /// What the host makes of a configuration in which nothing stands: the ground of a new guest.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nic {
    /// Emulated card (`virtio`).
    pub model: String,
    /// Hardware address, upper case with colons.
    pub mac: Option<String>,
    /// The bridge that it is plugged into.
    pub bridge: Option<String>,
    /// Its VLAN; 0 for none.
    pub vlan: u16,
    /// The greatest packet, where it is set.
    pub mtu: Option<u16>,
    /// Whether the firewall's rules are applied to it.
    pub firewall: bool,
    /// The most that it may send, in kilobits a second; 0 for no limit.
    pub rate_kbps: u64,
}
