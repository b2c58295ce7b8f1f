//! The hosts that this process acts on, of all kinds, each in the newest version that is known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};

use super::latest::Latest;
use crate::api::{Host, HostKind, HostObject, LibvirtHost, ProxmoxNode};

/// Caches of the resources of hosts.
#[derive(Clone)]
pub struct HostStores {
    /// Nodes of Proxmox VE.
    pub proxmox: Store<ProxmoxNode>,
    /// Hosts with libvirt.
    pub libvirt: Store<LibvirtHost>,
}

/// The hosts of all kinds.
pub(super) struct Hosts {
    stores: HostStores,
    /// Versions that the caches may not show yet.
    nodes: Latest<ProxmoxNode>,
    libvirt: Latest<LibvirtHost>,
    /// What was made of resources, by their UID: most passes read a host, and few find it changed.
    read: Mutex<HashMap<String, Arc<Host>>>,
}

impl Hosts {
    pub(super) fn new(stores: HostStores) -> Self {
        Self {
            stores,
            nodes: Latest::default(),
            libvirt: Latest::default(),
            read: Mutex::default(),
        }
    }

    /// One host.
    pub(super) fn get(&self, kind: HostKind, name: &str) -> Option<Arc<Host>> {
        match kind {
            HostKind::ProxmoxNode => {
                let cached = self.stores.proxmox.get(&ObjectRef::new(name))?;
                Some(self.node(cached))
            }
            HostKind::LibvirtHost => {
                let cached = self.stores.libvirt.get(&ObjectRef::new(name))?;
                Some(self.libvirt_host(cached))
            }
        }
    }

    /// All hosts.
    pub(super) fn all(&self) -> Vec<Arc<Host>> {
        let nodes = self
            .stores
            .proxmox
            .state()
            .into_iter()
            .map(|node| self.node(node));
        let libvirt = self.stores.libvirt.state().into_iter();
        nodes.chain(libvirt.map(|host| self.libvirt_host(host))).collect()
    }

    /// A node in its newest version.
    pub(super) fn node(&self, cached: Arc<ProxmoxNode>) -> Arc<Host> {
        let newest = self.nodes.newest(cached);
        self.read(newest)
    }

    /// A host with libvirt in its newest version.
    pub(super) fn libvirt_host(&self, cached: Arc<LibvirtHost>) -> Arc<Host> {
        let newest = self.libvirt.newest(cached);
        self.read(newest)
    }

    fn read<K: ResourceExt>(&self, newest: Arc<K>) -> Arc<Host>
    where
        Arc<K>: Into<Host>,
    {
        let Some(uid) = newest.uid() else {
            return Arc::new(newest.into());
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match read.get(&uid) {
            Some(known) if known.metadata.resource_version == newest.resource_version() => Arc::clone(known),
            _ => {
                let host = Arc::new(newest.into());
                read.insert(uid, Arc::clone(&host));
                host
            }
        }
    }

    /// Keeps what was written, until the caches show it.
    pub(super) fn wrote(&self, host: Host) -> Arc<Host> {
        match host.object {
            HostObject::Proxmox(node) => {
                let node = self.nodes.wrote(Arc::unwrap_or_clone(node));
                self.node(node)
            }
            HostObject::Libvirt(host) => {
                let host = self.libvirt.wrote(Arc::unwrap_or_clone(host));
                self.libvirt_host(host)
            }
        }
    }

    /// Forgets what is known of a host: it is gone, or a write of it failed.
    pub(super) fn forget(&self, uid: &str) {
        self.nodes.forget(uid);
        self.libvirt.forget(uid);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.remove(uid);
    }
}
