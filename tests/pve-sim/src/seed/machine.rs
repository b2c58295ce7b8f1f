//! What the machines are under a cluster: hardware, system, and how long they have been up.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::GIB;

/// What every node is and runs. The default is a plausible server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedMachine {
    /// The first node's address; the others have the following ones.
    pub address: Ipv4Addr,
    /// Bytes of the root file system.
    pub rootfs_size: u64,
    /// Names of systemd's services. Without `pve-ha-crm` there is no HA stack: orders to it fail.
    pub services: Vec<String>,
    /// The PCI devices that `GET /nodes/{node}/hardware/pci` lists.
    pub pci: Vec<PciDevice>,
    /// The block devices.
    pub disks: Vec<Disk>,
    /// Whether its name server answers: else an unknown host's name is a temporary failure.
    pub resolver: bool,
    /// The name server's address.
    pub name_server: String,
    /// Whether it has just booted, so that no figures of it are known yet.
    pub just_booted: bool,
    /// Seconds that nodes and guests have been there, which is how far statistics reach back.
    pub age: u32,
}

impl Default for SeedMachine {
    fn default() -> Self {
        let device = |id: &str, class: &str, vendor: &str, device: &str| PciDevice {
            id: id.to_owned(),
            class: class.to_owned(),
            vendor: vendor.to_owned(),
            device: device.to_owned(),
        };
        Self {
            address: Ipv4Addr::new(192, 0, 2, 11),
            rootfs_size: 100 * GIB,
            services: [
                "chrony",
                "corosync",
                "cron",
                "ksmtuned",
                "postfix",
                "pve-cluster",
                "pve-firewall",
                "pve-ha-crm",
                "pve-ha-lrm",
                "pvedaemon",
                "pvefw-logger",
                "pveproxy",
                "pvescheduler",
                "pvestatd",
                "qmeventd",
                "spiceproxy",
                "sshd",
                "systemd-journald",
            ]
            .map(str::to_owned)
            .into(),
            pci: vec![
                device("0000:01:00.0", "0x020000", "0x8086", "0x1563"),
                device("0000:02:00.0", "0x010802", "0x144d", "0xa808"),
            ],
            disks: vec![Disk {
                path: "/dev/nvme0n1".to_owned(),
                size: 2560 * GIB,
                model: "Simulated NVMe".to_owned(),
                serial: "SIM0001".to_owned(),
            }],
            resolver: true,
            name_server: "192.0.2.53".to_owned(),
            just_booted: false,
            age: 86_400,
        }
    }
}

/// A PCI device, numbers as Proxmox writes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PciDevice {
    /// As `0000:01:00.0`.
    pub id: String,
    /// As `0x020000`.
    pub class: String,
    /// As `0x8086`.
    pub vendor: String,
    /// As `0x1563`.
    pub device: String,
}

/// A block device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// As `/dev/sda`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// As the device says; `unknown` when it says nothing.
    pub model: String,
    /// Likewise.
    pub serial: String,
}

/// A task that had ended before the simulator began.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedTask {
    /// As `qmcreate`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Mostly the guest's number.
    pub id: String,
    /// `OK`, `WARNINGS: n` or what went wrong.
    pub exit: String,
    /// Its node; the first one when absent.
    #[serde(default)]
    pub node: Option<String>,
}

impl SeedTask {
    /// One of root's, on the first node.
    #[must_use]
    pub fn new(kind: &str, id: &str, exit: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
            exit: exit.to_owned(),
            node: None,
        }
    }

    /// On another node.
    #[must_use]
    pub fn on(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }
}
