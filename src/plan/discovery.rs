//! What is found on a host that no resource speaks of, and the resources that are made for it.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::export;
use crate::api::names::DISCOVERED;
use crate::api::{
    Discovery, Host, HostKind, HostRef, ManagementPolicy, NameRef, ProxmoxNode, ProxmoxNodeSpec,
    VirtualMachine, VirtualMachineSpec,
};
use crate::model::Vmid;
use crate::model::{GuestId, GuestRow};
use crate::plan::guest_id;

/// The namespace of discovered machines where none is named.
const NAMESPACE: &str = "drover-system";

/// The namespace in which a host's machines are shown; none where they are not.
#[must_use]
pub fn namespace(host: &Host) -> Option<&str> {
    let shown = host.spec.discovery == Some(Discovery::Observe);
    shown.then(|| host.spec.discovery_namespace.as_deref().unwrap_or(NAMESPACE))
}

/// Whether a resource was made because a machine was found on this host, and nobody made it its own since.
#[must_use]
pub fn is_discovered(machine: &VirtualMachine, host: &str) -> bool {
    machine.labels().get(DISCOVERED).is_some_and(|by| by == host)
        && machine.spec.management_policy == Some(ManagementPolicy::Observe)
}

/// The number that a resource speaks of.
#[must_use]
pub fn number(machine: &VirtualMachine) -> Option<GuestId> {
    let seen = machine.status.as_ref().and_then(guest_id::current);
    seen.or_else(|| guest_id::pinned(&machine.spec))
}

/// The resource that shows a machine.
#[must_use]
pub fn observer(row: &GuestRow, (kind, host): (HostKind, &str), namespace: &str) -> VirtualMachine {
    let base = export::resource_name(row.name.as_deref(), row.id);
    let number = row.id.to_string();
    // Names on a host are not unique, numbers are.
    let name = if base.ends_with(&number) {
        base
    } else {
        format!("{base}-{number}")
    };
    let mut machine = VirtualMachine::new(
        &name,
        VirtualMachineSpec {
            host_ref: HostRef {
                kind,
                name: host.to_owned(),
            },
            name: row.name.clone(),
            vmid: row.id.number().map(Vmid::get),
            uuid: row.id.domain(),
            management_policy: Some(ManagementPolicy::Observe),
            ..VirtualMachineSpec::default()
        },
    );
    machine.metadata.namespace = Some(namespace.to_owned());
    machine.metadata.labels = Some([(DISCOVERED.to_owned(), host.to_owned())].into());
    machine
}

/// Members of a cluster that nobody declared, as resources that take their connection from this host. `declared`: the
/// nodes of the cluster that are; `taken`: names of all hosts.
#[must_use]
pub fn members(
    host: &ProxmoxNode,
    members: &[String],
    declared: &BTreeSet<String>,
    taken: &BTreeSet<String>,
) -> Vec<ProxmoxNode> {
    let own = host.name_any();
    let undeclared = members.iter().filter(|node| !declared.contains(*node));
    undeclared
        .map(|node| {
            let plain = node.to_ascii_lowercase();
            let name = if taken.contains(&plain) {
                format!("{own}-{plain}")
            } else {
                plain
            };
            let spec = ProxmoxNodeSpec {
                connection_ref: Some(NameRef { name: own.clone() }),
                node_name: Some(node.clone()),
                budget: host.spec.budget.clone(),
                allowed_namespaces: host.spec.allowed_namespaces.clone(),
                tenancy: host.spec.tenancy.clone(),
                defaults: host.spec.defaults.clone(),
                destroy_limit: host.spec.destroy_limit.clone(),
                ..ProxmoxNodeSpec::default()
            };
            let mut member = ProxmoxNode::new(&name, spec);
            let mut labels: BTreeMap<String, String> = host.labels().clone();
            labels.insert(DISCOVERED.to_owned(), own.clone());
            member.metadata.labels = Some(labels);
            member
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_get_what_their_host_has_and_a_name_that_is_free() {
        let mut host = ProxmoxNode::new(
            "a",
            ProxmoxNodeSpec {
                discover_members: Some(true),
                ..ProxmoxNodeSpec::default()
            },
        );
        host.metadata.labels = Some([("region".to_owned(), "eu".to_owned())].into());
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|n| (*n).to_owned())
                .collect::<BTreeSet<String>>()
        };
        let all = ["PVE1", "pve2", "pve3"].map(str::to_owned);
        let found = members(&host, &all, &names(&["pve2"]), &names(&["a", "b", "pve3"]));
        let told: Vec<_> = found
            .iter()
            .map(|m| (m.name_any(), m.spec.node_name.clone().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("pve1".to_owned(), "PVE1".to_owned()),
                ("a-pve3".to_owned(), "pve3".to_owned())
            ]
        );
        assert_eq!(found[0].labels()["region"], "eu");
        assert_eq!(found[0].spec.discover_members, None);
    }
}
