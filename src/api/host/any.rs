//! A host whatever its kind, as passes and plans see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource as _;

use super::{
    AllowedNamespaces, Budget, DestroyLimit, Discovery, HostStatus, Maintenance, MaintenanceWindow, Tenancy,
};
use crate::api::libvirt_host::LibvirtHost;
use crate::api::proxmox_node::ProxmoxNode;
use crate::api::virtual_machine::HostKind;

/// A host whatever its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Names, labels, versions.
    pub metadata: ObjectMeta,
    /// What is declared, as far as every kind has it.
    pub spec: HostTerms,
    /// How it stands.
    pub status: Option<HostStatus>,
    /// The resource itself.
    pub object: HostObject,
}

/// The resource of a host.
#[derive(Clone, Debug, PartialEq)]
pub enum HostObject {
    /// A node of Proxmox VE.
    Proxmox(Arc<ProxmoxNode>),
    /// A host with libvirt.
    Libvirt(Arc<LibvirtHost>),
}

/// What is declared of a host, as far as every kind has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostTerms {
    /// Which namespaces may use it.
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// What they can reach.
    pub tenancy: Option<Tenancy>,
    /// What a guest gets that does not say otherwise.
    pub defaults: Option<Defaults>,
    /// How much may be asked at once.
    pub budget: Option<Budget>,
    /// How many machines may be destroyed within a time.
    pub destroy_limit: Option<DestroyLimit>,
    /// Whether it is out of use for a while.
    pub maintenance: Option<Maintenance>,
    /// When machines may be rebooted.
    pub maintenance_window: Option<MaintenanceWindow>,
    /// Whether machines that no resource speaks of are shown.
    pub discovery: Option<Discovery>,
    /// And where.
    pub discovery_namespace: Option<String>,
}

/// What a guest gets that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The storage of its disks.
    pub storage: Option<String>,
    /// The bridge of its interfaces.
    pub bridge: Option<String>,
    /// The virtual network of its interfaces, where there is no bridge.
    pub network: Option<String>,
    /// The storage of media that are made for it.
    pub iso_storage: Option<String>,
    /// The storage of its last backup.
    pub backup_storage: Option<String>,
}

impl HostKind {
    /// The name of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProxmoxNode => "ProxmoxNode",
            Self::LibvirtHost => "LibvirtHost",
        }
    }

    /// Its short name, for commands that a person can run.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::ProxmoxNode => "pxn",
            Self::LibvirtHost => "lvh",
        }
    }

    /// By what the fleet knows a host of this kind: names of both kinds meet there.
    #[must_use]
    pub fn key(self, name: &str) -> String {
        match self {
            Self::ProxmoxNode => name.to_owned(),
            Self::LibvirtHost => format!("{LIBVIRT}{name}"),
        }
    }

    /// Kind and name of a key. No name has a slash.
    #[must_use]
    pub fn of_key(key: &str) -> (Self, &str) {
        key.strip_prefix(LIBVIRT)
            .map_or((Self::ProxmoxNode, key), |name| (Self::LibvirtHost, name))
    }
}

const LIBVIRT: &str = "LibvirtHost/";

impl Host {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> HostKind {
        match self.object {
            HostObject::Proxmox(_) => HostKind::ProxmoxNode,
            HostObject::Libvirt(_) => HostKind::LibvirtHost,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name_any(&self) -> String {
        self.metadata.name.clone().unwrap_or_default()
    }

    /// By what the fleet knows it.
    #[must_use]
    pub fn key(&self) -> String {
        self.kind().key(self.metadata.name.as_deref().unwrap_or_default())
    }

    /// Kind and name, for people.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} '{}'", self.kind().as_str(), self.name_any())
    }

    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> Option<String> {
        self.metadata.uid.clone()
    }

    /// Its version.
    #[must_use]
    pub fn resource_version(&self) -> Option<String> {
        self.metadata.resource_version.clone()
    }

    /// Its annotations.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        const NONE: &BTreeMap<String, String> = &BTreeMap::new();
        self.metadata.annotations.as_ref().unwrap_or(NONE)
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        const NONE: &BTreeMap<String, String> = &BTreeMap::new();
        self.metadata.labels.as_ref().unwrap_or(NONE)
    }

    /// Its finalizers.
    #[must_use]
    pub fn finalizers(&self) -> &[String] {
        self.metadata.finalizers.as_deref().unwrap_or_default()
    }

    /// What Events refer to.
    #[must_use]
    pub fn object_ref(&self) -> ObjectReference {
        match &self.object {
            HostObject::Proxmox(node) => node.object_ref(&()),
            HostObject::Libvirt(host) => host.object_ref(&()),
        }
    }

    /// The node of Proxmox VE that it is.
    #[must_use]
    pub const fn proxmox(&self) -> Option<&Arc<ProxmoxNode>> {
        match &self.object {
            HostObject::Proxmox(node) => Some(node),
            HostObject::Libvirt(_) => None,
        }
    }
}

impl From<Arc<ProxmoxNode>> for Host {
    fn from(node: Arc<ProxmoxNode>) -> Self {
        let spec = &node.spec;
        Self {
            metadata: node.metadata.clone(),
            spec: HostTerms {
                allowed_namespaces: spec.allowed_namespaces.clone(),
                tenancy: spec.tenancy.clone(),
                defaults: spec.defaults.clone().map(|defaults| Defaults {
                    storage: defaults.storage,
                    bridge: defaults.bridge,
                    network: None,
                    iso_storage: defaults.iso_storage,
                    backup_storage: defaults.backup_storage,
                }),
                budget: spec.budget.clone(),
                destroy_limit: spec.destroy_limit.clone(),
                maintenance: spec.maintenance.clone(),
                maintenance_window: spec.maintenance_window.clone(),
                discovery: spec.discovery,
                discovery_namespace: spec.discovery_namespace.clone(),
            },
            status: node.status.clone(),
            object: HostObject::Proxmox(node),
        }
    }
}

impl From<ProxmoxNode> for Host {
    fn from(node: ProxmoxNode) -> Self {
        Arc::new(node).into()
    }
}

impl From<Arc<LibvirtHost>> for Host {
    fn from(host: Arc<LibvirtHost>) -> Self {
        let spec = &host.spec;
        let pool = spec.storage_pool.clone();
        let pool = pool.unwrap_or_else(|| LibvirtHost::DEFAULT_POOL.to_owned());
        let network = spec.network.clone();
        Self {
            metadata: host.metadata.clone(),
            spec: HostTerms {
                allowed_namespaces: spec.allowed_namespaces.clone(),
                tenancy: spec.tenancy.clone(),
                defaults: Some(Defaults {
                    iso_storage: Some(spec.iso_pool.clone().unwrap_or_else(|| pool.clone())),
                    storage: Some(pool),
                    bridge: None,
                    network: Some(network.unwrap_or_else(|| LibvirtHost::DEFAULT_NETWORK.to_owned())),
                    backup_storage: None,
                }),
                budget: spec.budget.clone(),
                destroy_limit: spec.destroy_limit.clone(),
                maintenance: spec.maintenance.clone(),
                maintenance_window: spec.maintenance_window.clone(),
                discovery: spec.discovery,
                discovery_namespace: spec.discovery_namespace.clone(),
            },
            status: host.status.clone(),
            object: HostObject::Libvirt(host),
        }
    }
}

impl From<LibvirtHost> for Host {
    fn from(host: LibvirtHost) -> Self {
        Arc::new(host).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_both_kinds_with_one_name_have_two_keys() {
        for kind in [HostKind::ProxmoxNode, HostKind::LibvirtHost] {
            assert_eq!(HostKind::of_key(&kind.key("a")), (kind, "a"));
        }
        let node = ProxmoxNode::new("a", crate::api::ProxmoxNodeSpec::default());
        let host = LibvirtHost::new("a", crate::api::LibvirtHostSpec::default());
        assert_ne!(Host::from(node).key(), Host::from(host).key());
    }
}
