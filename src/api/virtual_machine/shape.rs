//! CPUs, memory and the agent of a machine.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::size::Size;

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

/// The guest agent.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Whether the machine has the agent's channel. The agent itself is installed within the guest.
    pub enabled: bool,
}
