//! What every pass is given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, ResourceExt};

use super::claims::Claims;
use super::hosts::{HostStores, Hosts};
use super::journal::Journal;
use super::latest::Latest;
use super::memory::Memory;
use super::numbers::NumberBook;
use super::others::OthersHosts;
use crate::api::{Host, HostKind, VirtualMachine, VirtualMachineClass};
use crate::fleet::Fleet;
use crate::plan::claim::Shard;
use crate::runtime::leader::lease_name;
use crate::runtime::{Fence, Runtime, Settings};

/// Caches of what the passes refer to.
#[derive(Clone)]
pub struct Stores {
    /// The hosts that this process acts on.
    pub hosts: HostStores,
    /// All machines.
    pub machines: Store<VirtualMachine>,
    /// All classes.
    pub classes: Store<VirtualMachineClass>,
    /// All namespaces, for their labels.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
}

/// What every pass is given.
pub struct Context {
    /// The Kubernetes API.
    pub client: Client,
    /// How Drover was started.
    pub settings: Settings,
    /// Clock, metrics, health.
    pub runtime: Runtime,
    /// The hosts.
    pub fleet: Fleet,
    /// UID of the namespace `kube-system`: tells this Kubernetes cluster from others.
    pub cluster_uid: String,
    /// Whether anything may be changed on a host.
    pub fence: Fence,
    /// Caches.
    pub stores: Stores,
    /// Events.
    pub(super) journal: Journal,
    /// Versions of machines that the cache may not show yet.
    pub(super) machines: Latest<VirtualMachine>,
    /// The hosts that this process acts on.
    pub(super) hosts: Hosts,
    /// What is remembered of machines.
    pub(super) memory: Memory,
    /// Which numbers were handed out.
    pub(super) numbers: NumberBook,
    /// Whose replica this process is.
    pub(super) shard: Shard,
    /// What is remembered of the claims on hosts.
    pub(super) claims: Claims,
    /// Hosts that are another Drover's.
    pub(super) others: OthersHosts,
    /// Hosts over which a pass was made.
    pub(super) hosts_tried: Mutex<BTreeSet<String>>,
    /// When the rights on hosts were asked for last.
    pub(super) privileges: Mutex<BTreeMap<String, super::host::Asked>>,
    /// Whether all hosts were tried once.
    pub(super) hosts_seen: AtomicBool,
    /// When this process started: what it can't know of creates sent before.
    pub(super) started: Timestamp,
}

impl Context {
    /// What every pass is given.
    #[must_use]
    pub fn new(
        client: Client,
        settings: Settings,
        runtime: Runtime,
        fleet: Fleet,
        cluster_uid: String,
        fence: Fence,
        stores: Stores,
    ) -> Self {
        let shard = Shard {
            name: lease_name(settings.host_selector.as_deref()),
            namespace: settings
                .election
                .as_ref()
                .map(|election| election.namespace.clone()),
            selector: settings.host_selector.clone(),
        };
        Self {
            journal: Journal::new(client.clone(), runtime.clock.clone(), None),
            started: runtime.clock.now(),
            client,
            settings,
            runtime,
            fleet,
            cluster_uid,
            fence,
            hosts: Hosts::new(stores.hosts.clone()),
            stores,
            machines: Latest::default(),
            hosts_tried: Mutex::default(),
            privileges: Mutex::default(),
            hosts_seen: AtomicBool::new(false),
            memory: Memory::default(),
            numbers: NumberBook::default(),
            shard,
            claims: Claims::default(),
            others: OthersHosts::default(),
        }
    }

    /// Whether a change of a host may concern a machine: it names it, or is on its node, or is to be.
    pub(super) fn concerns(host: &Host, machine: &VirtualMachine) -> bool {
        let name = host.name_any();
        if machine.spec.host_ref.kind != host.kind() {
            return false;
        }
        if machine.spec.host_ref.name == name {
            return true;
        }
        let Some(status) = &machine.status else {
            return false;
        };
        let node = host.status.as_ref().and_then(|s| s.node_name.as_deref());
        let from = status.evacuation.as_ref().map(|e| e.from.as_str());
        status.host.as_ref() == Some(&name)
            || (node.is_some() && (status.node.as_deref() == node || from == node))
    }

    /// A host that this process acts on, in its newest version.
    pub(super) fn host(&self, kind: HostKind, name: &str) -> Option<Arc<Host>> {
        self.hosts.get(kind, name)
    }

    /// All hosts that this process acts on, in their newest versions.
    pub(super) fn all_hosts(&self) -> Vec<Arc<Host>> {
        let mut all = self.hosts.all();
        all.retain(|host| !self.is_others(host));
        all
    }

    /// Whether another shard has claimed a host that is selected here, too.
    pub(super) fn is_others(&self, host: &Host) -> bool {
        let claim = host.status.as_ref().and_then(|s| s.claimed_by.as_ref());
        claim.is_some_and(|claim| !self.shard.holds(claim))
    }

    /// All machines, in their newest versions.
    pub(super) fn all_machines(&self) -> Vec<Arc<VirtualMachine>> {
        let cached = self.stores.machines.state();
        cached.into_iter().map(|m| self.machines.newest(m)).collect()
    }

    /// The labels of a namespace; `None` if the cache does not have it.
    pub(super) fn namespace_labels(
        &self,
        namespace: &str,
    ) -> Option<std::collections::BTreeMap<String, String>> {
        let cached = self.stores.namespaces.get(&ObjectRef::new(namespace))?;
        Some(cached.labels().clone())
    }
}
