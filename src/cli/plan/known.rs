//! What Kubernetes has beside the declaration: hosts, other machines, classes, namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::found::Held;
use crate::api::{
    Host, HostKind, NamespacesFrom, VirtualMachine, VirtualMachineClass, VirtualMachineClassSpec,
};
use crate::cli::reach;
use crate::model::{ClusterId, GuestId};
use crate::plan::{desired, placing};

/// What is read once for a whole file.
pub(super) struct Known {
    pub(super) client: kube::Client,
    /// The UID of the Kubernetes cluster, as marks name it.
    pub(super) uid: String,
    /// Kubernetes clusters that are lost.
    pub(super) recover_from: Vec<String>,
    pub(super) hosts: Vec<Arc<Host>>,
    /// All machines that are declared, as they stand.
    pub(super) machines: Vec<Arc<VirtualMachine>>,
    /// Namespace and name of those in the file.
    pub(super) planned: BTreeSet<(String, String)>,
    /// Numbers that machines in the file are to have, by cluster.
    promised: BTreeSet<(String, GuestId)>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
}

impl Known {
    pub(super) async fn read(client: &kube::Client, recover_from: Vec<String>) -> anyhow::Result<Self> {
        let hosts = reach::all_hosts(client).await?;
        let machines = Api::<VirtualMachine>::all(client.clone());
        let machines = machines.list(&ListParams::default()).await;
        let machines = machines.context("can't list the VirtualMachines")?.items;
        Ok(Self {
            client: client.clone(),
            uid: reach::cluster_uid(client).await?,
            recover_from,
            hosts,
            machines: machines.into_iter().map(Arc::new).collect(),
            planned: BTreeSet::new(),
            promised: BTreeSet::new(),
            labels: BTreeMap::new(),
        })
    }

    pub(super) fn host(&self, kind: HostKind, name: &str) -> Option<Arc<Host>> {
        let mut hosts = self.hosts.iter();
        let found = hosts.find(|host| host.kind() == kind && host.name_any() == name);
        found.map(Arc::clone)
    }

    /// The labels of a namespace, once they were read.
    pub(super) fn labels(&self, machine: &VirtualMachine) -> Option<BTreeMap<String, String>> {
        self.labels.get(machine.metadata.namespace.as_deref()?).cloned()
    }

    /// Reads the labels of a namespace, where a host goes by them.
    pub(super) async fn read_labels(&mut self, namespace: &str) -> anyhow::Result<()> {
        let selects = |host: &Arc<Host>| {
            let allowed = host.spec.allowed_namespaces.as_ref();
            allowed.is_some_and(|allowed| allowed.from == NamespacesFrom::Selector)
        };
        if self.labels.contains_key(namespace) || !self.hosts.iter().any(selects) {
            return Ok(());
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get_opt(namespace).await;
        let found = found.with_context(|| format!("can't read the namespace '{namespace}'"))?;
        self.labels
            .extend(found.map(|found| (namespace.to_owned(), found.labels().clone())));
        Ok(())
    }

    /// The class of a machine, as it was taken where that counts.
    pub(super) async fn class(
        &self,
        machine: &VirtualMachine,
    ) -> Result<Option<VirtualMachineClassSpec>, Held> {
        let status = machine.status.clone().unwrap_or_default();
        let Some(named) = &machine.spec.class_ref else {
            return Ok(None);
        };
        if let Some(pinned) = desired::pinned_class(machine, &status) {
            return Ok(Some(pinned.spec.clone()));
        }
        let classes: Api<VirtualMachineClass> = Api::all(self.client.clone());
        let class = classes.get_opt(&named.name).await;
        match class.context("can't read the class")? {
            Some(class) => Ok(Some(class.spec)),
            None => Err(placing::class_not_found(&named.name).into()),
        }
    }

    /// Gives a number to a machine in the file.
    pub(super) fn promise(&mut self, cluster: &ClusterId, id: GuestId) {
        self.promised.insert((cluster.to_string(), id));
    }

    /// Numbers that machines in the file are to have.
    pub(super) fn promised(&self, cluster: &ClusterId) -> impl Iterator<Item = GuestId> {
        let here = self.promised.iter().filter(|(id, _)| id == cluster.as_str());
        here.map(|(_, id)| *id)
    }

    /// Whether the machine of another resource of the namespace is yet to be made, as the file says.
    pub(super) fn is_awaited(&self, machine: &VirtualMachine, name: &str) -> bool {
        let namespace = machine.namespace().unwrap_or_default();
        let made = self.machines.iter().any(|other| {
            let same = other.namespace().as_ref() == Some(&namespace) && other.name_any() == name;
            same && other.status.as_ref().is_some_and(|s| s.identity.is_some())
        });
        !made && machine.name_any() != name && self.planned.contains(&(namespace, name.to_owned()))
    }

    /// Which other machine has a UID.
    pub(super) fn living(&self, uid: &str) -> Option<String> {
        let found = self.machines.iter().find(|m| m.uid().as_deref() == Some(uid))?;
        Some(format!(
            "{}/{}",
            found.namespace().unwrap_or_default(),
            found.name_any()
        ))
    }
}
