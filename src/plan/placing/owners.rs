//! Whose the machines of a cluster are, as the resources say.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::ResourceExt;
use uuid::Uuid;

use crate::api::names::ADOPT;
use crate::api::{GuestOrigin, Host, VirtualMachine};
use crate::model::{GuestConfig, GuestId};
use crate::plan::desired;
use crate::plan::guest_id;
use crate::plan::identity::mark::{self, Mark, MarkReading};
use crate::plan::identity::unplaced::{Other, Seeker};

/// The kind of a resource, as marks name it.
pub const KIND: &str = "VirtualMachine";

/// Whether a person said that the machine under `spec.vmid` is to be this resource's.
#[must_use]
pub fn adopts(vm: &VirtualMachine) -> bool {
    vm.annotations().get(ADOPT).is_some_and(|v| v == "true")
}

/// The number that was reserved last, as the witness says that outlives a lost status.
#[must_use]
pub fn reserved_before(vm: &VirtualMachine) -> Option<GuestId> {
    guest_id::reserved_before(vm)
}

/// What a resource and its machine are called.
#[derive(Clone, Debug)]
pub struct Names {
    namespace: String,
    name: String,
    /// The name of the machine on its host.
    guest: String,
    /// The other resources, where this one adopts a machine that must not be one of theirs.
    others: Vec<Other>,
}

impl Names {
    /// Of this resource; `machines` and `hosts` are all that are declared, `cluster` is that of its host.
    #[must_use]
    pub fn of(
        vm: &VirtualMachine,
        machines: &[Arc<VirtualMachine>],
        hosts: &[Arc<Host>],
        cluster: &str,
    ) -> Self {
        let machines = machines.iter().filter(|_| adopts(vm));
        let is_here = |machine: &VirtualMachine| {
            let host = hosts.iter().find(|h| h.name_any() == machine.spec.host_ref.name);
            let status = host.and_then(|host| host.status.as_ref());
            status
                .and_then(|s| s.cluster.as_ref())
                .is_some_and(|c| c.id == cluster)
        };
        Self {
            others: machines
                .filter_map(|machine| other(machine, vm, is_here(machine)))
                .collect(),
            namespace: vm.namespace().unwrap_or_default(),
            name: vm.name_any(),
            guest: desired::guest_name(vm),
        }
    }

    /// The resource as one that has no number. `cluster`: the UID of the Kubernetes cluster; `recover_from`: those that are
    /// lost.
    #[must_use]
    pub fn seeker<'a>(
        &'a self,
        vm: &VirtualMachine,
        uid: &'a str,
        cluster: &'a str,
        recover_from: &'a [String],
    ) -> Seeker<'a> {
        Seeker {
            uid,
            kind: KIND,
            namespace: &self.namespace,
            name: &self.name,
            guest_name: &self.guest,
            deleting: vm.metadata.deletion_timestamp.is_some(),
            cluster,
            recover_from,
            pinned: guest_id::pinned(&vm.spec),
            reserved: reserved_before(vm),
            adopt: adopts(vm),
            template: vm.spec.template == Some(true),
            others: &self.others,
        }
    }
}

/// Another resource than this one. `here`: its number would be one of the same cluster.
fn other(machine: &VirtualMachine, vm: &VirtualMachine, here: bool) -> Option<Other> {
    let placed = machine
        .status
        .as_ref()
        .is_some_and(|s| guest_id::current(s).is_some());
    Some(Other {
        uid: machine
            .uid()
            .filter(|uid| vm.metadata.uid.as_ref() != Some(uid))?,
        title: format!(
            "{}/{}",
            machine.namespace().unwrap_or_default(),
            machine.name_any()
        ),
        reserved: reserved_before(machine).filter(|_| here && !placed),
    })
}

/// The mark of a resource's machine, not sealed. `cluster`: the UID of the Kubernetes cluster.
#[must_use]
pub fn mark(vm: &VirtualMachine, uid: &str, cluster: &str, id: GuestId, adopted: bool) -> Mark {
    Mark {
        cluster: cluster.to_owned(),
        kind: KIND.to_owned(),
        namespace: vm.namespace().unwrap_or_default(),
        name: vm.name_any(),
        uid: uid.to_owned(),
        id,
        uuid: None,
        released: false,
        adopted,
    }
}

/// Where a machine came from, as its mark says.
#[must_use]
pub fn origin(id: GuestId, config: &GuestConfig) -> GuestOrigin {
    match mark::read(id, config) {
        MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) | MarkReading::Released(mark)
            if mark.adopted =>
        {
            GuestOrigin::Adopted
        }
        _ => GuestOrigin::Made,
    }
}

/// All resources, looked at for the machines of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Owners<'a> {
    machines: &'a [Arc<VirtualMachine>],
    cluster: &'a str,
}

impl<'a> Owners<'a> {
    /// Of all machines that are declared.
    #[must_use]
    pub const fn new(machines: &'a [Arc<VirtualMachine>], cluster: &'a str) -> Self {
        Self { machines, cluster }
    }

    fn of_cluster(self) -> impl Iterator<Item = (&'a VirtualMachine, GuestId)> {
        self.machines.iter().filter_map(move |machine| {
            let status = machine.status.as_ref()?;
            let here = status.cluster.as_deref() == Some(self.cluster);
            Some((machine.as_ref(), guest_id::current(status).filter(|_| here)?))
        })
    }

    /// Numbers that other resources have than the one with this UID.
    #[must_use]
    pub fn claimed(self, uid: &str) -> BTreeSet<GuestId> {
        let others = self.of_cluster().filter(|(m, _)| m.uid().as_deref() != Some(uid));
        others.map(|(_, id)| id).collect()
    }

    /// Whether a machine belongs to a resource of a namespace: the number alone may be another machine's by now.
    #[must_use]
    pub fn is_of_namespace(self, namespace: Option<&str>, id: GuestId, config: &GuestConfig) -> bool {
        self.of_cluster().any(|(machine, number)| {
            machine.metadata.namespace.as_deref() == namespace
                && number == id
                && config.uuid.is_some()
                && config.uuid == identity(machine)
        })
    }
}

/// The identity of a resource's machine, once that is made.
fn identity(vm: &VirtualMachine) -> Option<Uuid> {
    let identity = vm.status.as_ref()?.identity.as_ref()?;
    Some(identity.uuid)
}

/// Number and identity of a resource's machine on a cluster; none before it is made, since one that is not made yet is no
/// source.
#[must_use]
pub fn made_on(vm: &VirtualMachine, cluster: &str) -> Option<(GuestId, Uuid)> {
    let status = vm.status.as_ref()?;
    let here = status.cluster.as_deref() == Some(cluster);
    let id = guest_id::current(status).filter(|_| here)?;
    Some((id, identity(vm)?))
}

/// Whether a backup is of a machine that was of a namespace when it was made. `counts`: whether the marks of a
/// Kubernetes cluster do.
pub fn recovers(
    namespace: Option<&str>,
    id: Option<GuestId>,
    archived: &GuestConfig,
    counts: impl Fn(&String) -> bool,
) -> bool {
    match id.map(|id| mark::read(id, archived)) {
        Some(MarkReading::Sealed(mark) | MarkReading::Released(mark)) => {
            counts(&mark.cluster) && namespace == Some(mark.namespace.as_str())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::names::RESERVED_VMID;

    fn machine(name: &str, host: &str, annotation: (&str, &str)) -> Arc<VirtualMachine> {
        let text = format!(
            "{{metadata: {{name: {name}, namespace: default, uid: {name}, annotations: {{{}: '{}'}}}}, \
             spec: {{hostRef: {{kind: ProxmoxNode, name: {host}}}, vmid: 150}}}}",
            annotation.0, annotation.1
        );
        let mut value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        value["apiVersion"] = "drover.dev/v1alpha1".into();
        value["kind"] = KIND.into();
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn host(name: &str, cluster: &str) -> Arc<Host> {
        let mut host = crate::api::ProxmoxNode::new(name, crate::api::ProxmoxNodeSpec::default());
        host.status = Some(crate::api::HostStatus {
            cluster: Some(crate::api::ClusterInfo {
                id: cluster.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        });
        Arc::new(host.into())
    }

    #[test]
    fn number_that_was_reserved_on_another_cluster_keeps_nothing_from_adoption() {
        let hosts = [host("pve1", "a"), host("far1", "b")];
        let adopting = machine("db", "pve1", (ADOPT, "true"));
        let lost = |host| machine("web", host, (RESERVED_VMID, "150"));
        for (on, reserved) in [
            ("pve1", Some(150.try_into().unwrap())),
            ("far1", None),
            ("gone", None),
        ] {
            let names = Names::of(&adopting, &[adopting.clone(), lost(on)], &hosts, "a");
            let seeker = names.seeker(&adopting, "db", "c0ffee", &[]);
            let [other] = seeker.others else {
                panic!("{:?}", seeker.others)
            };
            assert_eq!((other.title.as_str(), other.reserved), ("default/web", reserved));
        }
        let plain = machine("db", "pve1", ("example.com/x", "y"));
        let names = Names::of(&plain, &[plain.clone(), lost("pve1")], &hosts, "a");
        assert!(names.seeker(&plain, "db", "c0ffee", &[]).others.is_empty());
    }
}
