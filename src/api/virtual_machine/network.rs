//! Network interfaces of a machine.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A network interface of a machine.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.mtu) || !has(self.model) || self.model == 'virtio'", "mtu is for cards of the model virtio alone"),
    validation = ("!has(self.network) || !has(self.bridge)", "give either bridge or network"))]
pub struct NetworkSpec {
    /// Its slot: `net0`, …
    #[schemars(length(min = 4, max = 5), regex(pattern = r"^net([0-9]|[12][0-9]|3[01])$"))]
    pub name: String,
    /// The bridge that it is plugged into; the class's or the host's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[A-Za-z0-9._\-]+$"))]
    pub bridge: Option<String>,
    /// The virtual network that it is plugged into, in place of a bridge, on a host with libvirt; the host's default when both
    /// are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[A-Za-z0-9._+:\-]+$"))]
    pub network: Option<String>,
    /// The emulated card. Absent: virtio in a new interface, and left as it is in one that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<NicModel>,
    /// Its hardware address (`BC:24:11:00:00:01`, not multicast). Absent: the host makes one, and it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 17, max = 17),
        regex(pattern = r"^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$")
    )]
    pub mac: Option<String>,
    /// Its VLAN, which the bridge tags; 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4094))]
    pub vlan: Option<u16>,
    /// The greatest packet in bytes, of a virtio card; 1 takes the bridge's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_520))]
    pub mtu: Option<u16>,
    /// Whether the firewall's rules are applied to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<bool>,
    /// The most that it may send, in megabits a second; 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rate_mbps: Option<u32>,
}

/// Emulated network cards.
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
