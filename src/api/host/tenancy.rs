//! Which namespaces may use a node, and what they may reach there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Which namespaces may use a host.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("(self.from == 'Selector') == has(self.selector)", "selector belongs to from: Selector, and only to it"))]
pub struct AllowedNamespaces {
    /// `None`, `All`, or `Selector`.
    pub from: NamespacesFrom,
    /// The labels of the namespaces, for `from: Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// The ways to say which namespaces may use a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum NamespacesFrom {
    /// No namespace.
    None,
    /// Every namespace.
    All,
    /// Those that the selector matches.
    Selector,
}

/// What the namespaces that may use a node can reach there.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenancy {
    /// `Restricted` (when absent): what is listed here. `Trusted`: everything, for a node with one owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TenancyMode>,
    /// Storages for disks and ISO images, besides those of `defaults`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 100)))]
    pub storages: Vec<String>,
    /// Bridges, besides the one of `defaults`; on a host with libvirt its virtual networks too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 100)))]
    pub bridges: Vec<String>,
    /// VLANs that may be named; none when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub vlans: Vec<VlanRange>,
    /// Machines that may be copied, besides a namespace's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub templates: Vec<TemplateRef>,
    /// Whether machines that exist may be adopted, and observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<bool>,
    /// Pools that machines may be put into; none when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)))]
    pub pools: Vec<String>,
    /// Options that `spec.extraConfig` of a machine may set, and `hostDevices` for the devices of the host; none when
    /// absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 64)))]
    pub extra_config_keys: Vec<String>,
    /// Whether disks may be copied from volumes that exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_volumes: Option<bool>,
}

/// How far the namespaces that may use a node are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TenancyMode {
    /// They reach what is listed.
    #[default]
    Restricted,
    /// They reach everything.
    Trusted,
}

/// A range of VLANs, both ends included.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.from <= self.to", "from must not be above to"))]
pub struct VlanRange {
    /// The lowest.
    #[schemars(range(min = 1, max = 4094))]
    pub from: u16,
    /// The highest.
    #[schemars(range(min = 1, max = 4094))]
    pub to: u16,
}

/// Machines that may be copied: one of the three says which.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.vmid), has(self.tag), has(self.pool)].filter(x, x).size() == 1", "give exactly one of vmid, tag and pool"))]
pub struct TemplateRef {
    /// The one with this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 999_999_999))]
    pub vmid: Option<u32>,
    /// Those with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub tag: Option<String>,
    /// Those in this pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub pool: Option<String>,
}
