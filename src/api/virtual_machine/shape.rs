//! CPUs, memory and the agent of a machine.

use kube::KubeSchema;
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
pub struct Memory {
    /// Its size, in whole MiB (`4Gi`, `1536Mi`), 16Mi at least.
    #[x_kube(validation = ("isQuantity(self) && quantity(self).isInteger() && quantity(self).asInteger() % 1048576 == 0", "memory must be in whole MiB, like 4Gi or 1536Mi"))]
    #[x_kube(validation = ("!isQuantity(self) || (quantity(self).compareTo(quantity('16Mi')) >= 0 && quantity(self).compareTo(quantity('4Ti')) <= 0)", "memory must be 16Mi at least and 4Ti at most"))]
    pub size: Size,
}

/// The guest agent.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Whether the machine has the agent's channel. The agent itself is installed within the guest.
    pub enabled: bool,
}
