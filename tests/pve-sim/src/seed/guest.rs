//! Guests of a seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::GuestKind;

/// A guest that stands there from the beginning, or that somebody makes behind everyone's back.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedGuest {
    /// Its number.
    pub vmid: u32,
    /// `qemu` or `lxc`.
    #[serde(default, rename = "type")]
    pub kind: GuestKind,
    /// Its node; `pve1` when absent.
    #[serde(default)]
    pub node: Option<String>,
    /// Its configuration as in the file. Disks are named by their volumes with a size; missing volumes are made.
    /// `smbios1`, `vmgenid`, `meta` and MAC addresses are added as Proxmox would.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Whether it runs.
    #[serde(default)]
    pub running: bool,
    /// What it does when told to shut down.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// Whether an agent answers inside it once it runs, if its configuration enables one.
    #[serde(default = "yes")]
    pub agent: bool,
}

fn yes() -> bool {
    true
}

impl SeedGuest {
    /// A stopped guest with one core, 1 GiB of memory, a network card on `vmbr0` and a disk of 8 GiB.
    #[must_use]
    pub fn new(vmid: u32, name: impl Into<String>) -> Self {
        let config = [
            ("name", name.into()),
            ("cores", "1".to_owned()),
            ("memory", "1024".to_owned()),
            ("net0", "virtio,bridge=vmbr0".to_owned()),
            ("scsihw", "virtio-scsi-single".to_owned()),
            ("scsi0", format!("local-lvm:vm-{vmid}-disk-0,size=8G")),
            ("boot", "order=scsi0;net0".to_owned()),
            ("ostype", "l26".to_owned()),
            ("agent", "1".to_owned()),
        ];
        Self {
            vmid,
            kind: GuestKind::Qemu,
            node: None,
            config: config.map(|(k, v)| (k.to_owned(), v)).into(),
            running: false,
            shutdown: Shutdown::default(),
            agent: true,
        }
    }

    /// A stopped container with one core, 512 MiB of memory, a network card on `vmbr0` and a root file system of 8 GiB.
    #[must_use]
    pub fn container(vmid: u32, hostname: impl Into<String>) -> Self {
        let config = [
            ("hostname", hostname.into()),
            ("arch", "amd64".to_owned()),
            ("ostype", "debian".to_owned()),
            ("cores", "1".to_owned()),
            ("memory", "512".to_owned()),
            ("swap", "512".to_owned()),
            ("net0", "name=eth0,bridge=vmbr0,ip=dhcp".to_owned()),
            ("rootfs", format!("local-lvm:vm-{vmid}-disk-0,size=8G")),
            ("unprivileged", "1".to_owned()),
        ];
        Self {
            kind: GuestKind::Lxc,
            config: config.map(|(k, v)| (k.to_owned(), v)).into(),
            ..Self::new(vmid, "")
        }
    }

    /// On another node than the first.
    #[must_use]
    pub fn on(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// Running.
    #[must_use]
    pub fn running(mut self) -> Self {
        self.running = true;
        self
    }

    /// With an option set.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.insert(key.into(), value.into());
        self
    }

    /// That behaves so when told to shut down.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Without an agent inside.
    #[must_use]
    pub fn without_agent(mut self) -> Self {
        self.agent = false;
        self
    }
}

/// What a guest does when told to shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shutdown {
    /// Shuts down.
    #[default]
    Obeys,
    /// Goes on running, until the time is out.
    Ignores,
}
