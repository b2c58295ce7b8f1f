//! CPUs, memory and the agent of a machine.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::size::Size;
use crate::api::span::Span;

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
    /// The model that the machine sees (`x86-64-v2-AES`, `host`, or `custom-` and the name of one of the cluster's own).
    /// A change waits for a reboot.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_.\-]+$"))]
    pub type_: Option<String>,
    /// CPUs whose time it may use at the most (`1.5`); 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 512.0))]
    pub limit: Option<f64>,
    /// Its weight against other machines when processors are short; 0 for the host's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 262_144))]
    pub units: Option<u32>,
}

/// When a machine is started with its host, and what it boots from.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Boot {
    /// Whether the host starts it when it boots itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_boot: Option<bool>,
    /// Its place among the machines that the host starts; the lower, the earlier it is started and the later it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub order: Option<u32>,
    /// How long the host waits after it before the next one is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+ms$')", "delay is in whole seconds"))]
    pub delay: Option<Span>,
    /// The devices that it tries to boot from, in this order (`scsi0`, `net0`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(
            length(min = 4, max = 9),
            regex(pattern = r"^(ide|sata|scsi|virtio|net)[0-9]{1,2}$")
        )
    )]
    pub devices: Vec<String>,
}

/// Memory of a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.minimum) || !isQuantity(self.size) || !isQuantity(self.minimum) || quantity(self.minimum).compareTo(quantity(self.size)) <= 0", "minimum must not be more than size"))]
pub struct Memory {
    /// Its size, in whole MiB (`4Gi`, `1536Mi`), 16Mi at least.
    #[x_kube(validation = ("isQuantity(self) && quantity(self).isInteger() && quantity(self).asInteger() % 1048576 == 0", "memory must be in whole MiB, like 4Gi or 1536Mi"))]
    #[x_kube(validation = ("!isQuantity(self) || (quantity(self).compareTo(quantity('16Mi')) >= 0 && quantity(self).compareTo(quantity('4Ti')) <= 0)", "memory must be 16Mi at least and 4Ti at most"))]
    pub size: Size,
    /// How far the host may shrink it by ballooning when its own memory is short, in whole MiB; equal to `size` for not
    /// at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("isQuantity(self) && quantity(self).isInteger() && quantity(self).asInteger() % 1048576 == 0", "minimum must be in whole MiB, like 2Gi or 512Mi"))]
    #[x_kube(validation = ("!isQuantity(self) || quantity(self).compareTo(quantity('16Mi')) >= 0", "minimum must be 16Mi at least"))]
    pub minimum: Option<Size>,
}

/// The firmware and the board of a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.bios) == has(oldSelf.bios)", "bios can't be added or removed: an installed system boots with one of them alone"),
    validation = ("!has(self.secureBoot) || (has(self.bios) && self.bios == 'ovmf')", "secureBoot needs bios: ovmf"),
    validation = ("has(self.secureBoot) == has(oldSelf.secureBoot)", "secureBoot can't be added or removed: it is settled when the disk of UEFI's variables is made"),
    validation = ("!has(oldSelf.tpm) || !oldSelf.tpm || (has(self.tpm) && self.tpm)", "tpm can't be taken off: what is sealed with it would be lost")
)]
pub struct Firmware {
    /// `seabios` (the default of a new machine), or `ovmf` for UEFI, which gets a disk for its variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self == oldSelf", "bios can't be changed: an installed system boots with one of them alone"))]
    pub bios: Option<Bios>,
    /// The board: `q35`, `pc`, or one with a version (`pc-q35-9.2`). A change waits for a reboot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 2, max = 40),
        regex(
            pattern = r"^(pc|q35|virt|(pc-i440fx|pc-q35|pc|virt)-[0-9]+\.[0-9]+(\.[0-9]+)?(\+pve[0-9]+)?)$"
        )
    )]
    pub machine: Option<String>,
    /// Whether the keys for secure boot are enrolled when the disk of UEFI's variables is made; false when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self == oldSelf", "secureBoot can't be changed: it is settled when the disk of UEFI's variables is made"))]
    pub secure_boot: Option<bool>,
    /// Whether it has a TPM, of version 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<bool>,
}

/// What starts a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bios {
    /// The classic BIOS.
    Seabios,
    /// UEFI.
    Ovmf,
}

impl Bios {
    /// As Proxmox VE spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seabios => "seabios",
            Self::Ovmf => "ovmf",
        }
    }
}

/// A device of the host that a machine gets for itself.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostDevice {
    /// The name of a mapping of the cluster (Datacenter, Resource Mappings).
    #[schemars(length(min = 2, max = 128), regex(pattern = r"^[A-Za-z][A-Za-z0-9_\-]+$"))]
    pub mapping: String,
}

/// The guest agent.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Whether the machine has the agent's channel. The agent itself is installed within the guest.
    pub enabled: bool,
}

/// The value of an option of Proxmox VE's configuration; empty takes the option off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConfigValue(#[schemars(length(max = 1024))] pub String);
