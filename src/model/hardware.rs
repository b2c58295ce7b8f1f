//! What a guest is made of, as its configuration shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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
    /// What cloud-init is told.
    pub cloud_init: CloudInit,
    /// The processor's model, where the configuration names one.
    pub cpu_type: Option<String>,
    /// Whether it is started with its host.
    pub on_boot: bool,
    /// Its place among those that are, where it has one.
    pub startup_order: Option<u32>,
    /// The pause after its start in seconds, where there is one.
    pub startup_delay: Option<u32>,
    /// What it boots from, in this order.
    pub boot_devices: Vec<String>,
    /// Whether it is protected against removal.
    pub protection: bool,
    /// CPUs whose time it may use; 0 for no limit.
    pub cpu_limit: f64,
    /// Its weight; 0 for the host's default.
    pub cpu_units: u32,
    /// How far ballooning may shrink its memory, in MiB; absent where it may not.
    pub memory_minimum_mib: Option<u64>,
    /// Its tags, in lower case.
    pub tags: BTreeSet<String>,
    /// What starts it, where the configuration says so (`ovmf`).
    pub bios: Option<String>,
    /// The board, where the configuration names one.
    pub machine: Option<String>,
    /// The disk of UEFI's variables, and whether the keys for secure boot were enrolled when it was made.
    pub efi_disk: Option<(VolumeId, bool)>,
    /// The state of its TPM.
    pub tpm: Option<VolumeId>,
    /// Devices of the host by slot (`hostpci0`), and their mapping where they have one.
    pub devices: BTreeMap<String, Option<String>>,
    /// Volumes that it owns and does not use, by slot (`unused0`).
    pub unused: BTreeMap<String, VolumeId>,
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
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub struct Disk {
    /// Its volume.
    pub volume: VolumeId,
    /// Size in bytes, where the configuration names it.
    pub size: Option<u64>,
    /// How the host caches (`none`).
    pub cache: String,
    /// Whether discards are passed on.
    pub discard: bool,
    /// Whether the guest is told that it does not rotate.
    pub ssd: bool,
    /// Whether it has a thread of its own.
    pub iothread: bool,
    /// Whether backups hold it.
    pub backup: bool,
}

impl Disk {
    /// A disk with the options that a host gives by itself.
    #[must_use]
    pub fn plain(volume: VolumeId, size: Option<u64>) -> Self {
        Self {
            volume,
            size,
            cache: "none".to_owned(),
            discard: false,
            ssd: false,
            iothread: false,
            backup: true,
        }
    }
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
    /// The virtual network that it is plugged into, on hosts whose networks have names of their own.
    pub network: Option<String>,
    /// Its VLAN; 0 for none.
    pub vlan: u16,
    /// The greatest packet, where it is set.
    pub mtu: Option<u16>,
    /// Whether the firewall's rules are applied to it.
    pub firewall: bool,
    /// The most that it may send, in kilobits a second; 0 for no limit.
    pub rate_kbps: u64,
}

/// What cloud-init is told at the next start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudInit {
    /// The slot of the medium that the host writes for it (`ide2`).
    pub drive: Option<String>,
    /// The user that is made; empty for the image's own.
    pub user: String,
    /// Whether the user has a password. Which one, no host tells.
    pub password: bool,
    /// The keys that may log in, as lines of `authorized_keys`.
    pub ssh_keys: Vec<String>,
    /// The addresses of interfaces, by their slot (`net0`).
    pub addresses: BTreeMap<String, Addresses>,
    /// Name servers.
    pub nameservers: Vec<String>,
    /// Domains in which short names are looked up.
    pub search_domains: Vec<String>,
}

/// The addresses of an interface, each as its standard spells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// `dhcp` or an address with its prefix.
    pub ipv4: Option<String>,
    /// A gateway.
    pub gateway4: Option<String>,
    /// `auto`, `dhcp` or an address with its prefix.
    pub ipv6: Option<String>,
    /// A gateway.
    pub gateway6: Option<String>,
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ipv4,
            gateway4,
            ipv6,
            gateway6,
        } = self;
        let parts = [("", ipv4), ("via ", gateway4), ("", ipv6), ("via ", gateway6)];
        let said: Vec<String> = parts
            .iter()
            .filter_map(|(word, part)| part.as_ref().map(|part| format!("{word}{part}")))
            .collect();
        f.write_str(&if said.is_empty() {
            "none".to_owned()
        } else {
            said.join(" ")
        })
    }
}

/// What high availability does with a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaSetting {
    /// What it is to be (`started`).
    pub state: String,
    /// Its group of nodes.
    pub group: Option<String>,
}

impl fmt::Display for HaSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.state)?;
        match &self.group {
            Some(group) => write!(f, " in {group}"),
            None => Ok(()),
        }
    }
}
