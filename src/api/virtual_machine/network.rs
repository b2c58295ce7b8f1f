//! Network interfaces of a machine.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A network interface of a machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkSpec {
    /// Its slot: `net0`, …
    #[schemars(length(min = 4, max = 5), regex(pattern = r"^net([0-9]|[12][0-9]|3[01])$"))]
    pub name: String,
    /// The bridge that it is plugged into; the class's or the host's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[A-Za-z0-9._\-]+$"))]
    pub bridge: Option<String>,
    /// The emulated card of a new interface; virtio when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<NicModel>,
}

/// The emulated card of a new interface; virtio when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NicModel {
    /// Paravirtualised.
    #[default]
    Virtio,
    /// Intel E1000.
    E1000,
    /// VMware's.
    Vmxnet3,
    /// Realtek 8139.
    Rtl8139,
}

impl NicModel {
    /// As Proxmox VE spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Virtio => "virtio",
            Self::E1000 => "e1000",
            Self::Vmxnet3 => "vmxnet3",
            Self::Rtl8139 => "rtl8139",
        }
    }
}
