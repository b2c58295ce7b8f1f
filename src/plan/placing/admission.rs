//! Whether a machine's host takes it, before anything is looked for.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::owners::{adopts, reserved_before};
use crate::api::conditions::reason;
use crate::api::{
    Host, HostKind, MaintenanceMode, ManagementPolicy, NamespacesFrom, VirtualMachine, VirtualMachineStatus,
};
use crate::model::{ClusterId, GuestId};
use crate::plan::discovery;
use crate::plan::guest_id;
use crate::plan::status::Outcome;
use crate::plan::window::BadWindow;

/// The host on which a machine is being made, or that it is taken from, whatever the spec names since; else the one of the
/// spec. `known`: there is a host of that name.
pub fn host_name<'a>(
    vm: &'a VirtualMachine,
    status: &'a VirtualMachineStatus,
    known: impl Fn(&str) -> bool,
) -> &'a String {
    let making = guest_id::current(status).is_some() && status.identity.is_none();
    let deleting = vm.metadata.deletion_timestamp.is_some();
    let placed = status.host.as_ref().filter(|_| making || deleting);
    placed
        .filter(|name| known(name))
        .unwrap_or(&vm.spec.host_ref.name)
}

/// There is no such host.
#[must_use]
pub fn host_not_found(kind: HostKind, name: &str, deleting: bool) -> Outcome {
    let what = if deleting {
        "the machine can't be removed without it"
    } else {
        "make it, or name another"
    };
    let kind = kind.as_str();
    let message = format!("there is no {kind} '{name}' (spec.hostRef): {what}");
    Outcome::stalled(reason::HOST_NOT_FOUND, message)
}

/// Whether a machine is only looked at.
#[must_use]
pub fn observes(vm: &VirtualMachine) -> bool {
    vm.spec.management_policy == Some(ManagementPolicy::Observe)
}

/// It is to be looked at, and the spec does not say which it is.
#[must_use]
pub fn observed_without_number() -> Outcome {
    let message = "managementPolicy: Observe needs the number of the machine to look at (spec.vmid)";
    Outcome::stalled(reason::INVALID_SPEC, message)
}

/// It is to be looked at, and is a container.
#[must_use]
pub fn observed_container(id: GuestId) -> Outcome {
    let message = format!("number {id} (spec.vmid) is a container, not a virtual machine");
    Outcome::stalled(reason::NOTHING_TO_OBSERVE, message)
}

/// It is to be looked at, and there is none.
#[must_use]
pub fn nothing_to_observe(id: GuestId, host: &str) -> Outcome {
    let message = match id {
        GuestId::Number(_) => format!(
            "the cluster of ProxmoxNode '{host}' shows no machine {id} (spec.vmid); if it exists, the token lacks VM.Audit \
             on /vms/{id}"
        ),
        GuestId::Domain(_) => format!("LibvirtHost '{host}' has no domain {id} (spec.uuid)"),
    };
    Outcome::stalled(reason::NOTHING_TO_OBSERVE, message)
}

/// Whether the resource only looks on, in the namespace where the host's owner wants its machines shown.
#[must_use]
pub fn is_shown_by(vm: &VirtualMachine, host: &Host) -> bool {
    observes(vm) && vm.metadata.namespace.as_deref() == discovery::namespace(host)
}

/// Whether the host's owner lets the machine's namespace in. `labels`: those of the namespace, where it is known.
pub fn is_allowed(
    vm: &VirtualMachine,
    host: &Host,
    labels: impl FnOnce() -> Option<BTreeMap<String, String>>,
) -> bool {
    if is_shown_by(vm, host) {
        return true;
    }
    let Some(allowed) = &host.spec.allowed_namespaces else {
        return false;
    };
    match allowed.from {
        NamespacesFrom::None => false,
        NamespacesFrom::All => true,
        NamespacesFrom::Selector => {
            let selector = allowed.selector.clone().unwrap_or_default();
            match (labels(), kube::core::Selector::try_from(selector)) {
                (Some(labels), Ok(selector)) => {
                    use kube::core::SelectorExt;
                    selector.matches(&labels)
                }
                _ => false,
            }
        }
    }
}

/// The same, with what is said where it does not.
pub fn allow(
    vm: &VirtualMachine,
    host: &Host,
    labels: impl FnOnce() -> Option<BTreeMap<String, String>>,
) -> Result<(), Outcome> {
    if is_allowed(vm, host, labels) {
        return Ok(());
    }
    let (title, namespace) = (host.title(), vm.namespace().unwrap_or_default());
    Err(Outcome::stalled(
        reason::NAMESPACE_NOT_ALLOWED,
        format!(
            "{title} does not allow the namespace '{namespace}': its owner must name it in \
             spec.allowedNamespaces"
        ),
    ))
}

/// Whether the host takes further machines. One that is there already may be adopted and bound while it is under
/// maintenance all the same.
pub fn takes_machines(vm: &VirtualMachine, host: &Host) -> Result<(), Outcome> {
    let title = host.title();
    if host.metadata.deletion_timestamp.is_some() {
        let message = format!("{title} is being deleted and takes no further machines: name another");
        return Err(Outcome::stalled(reason::HOST_NOT_READY, message));
    }
    let mode = host.spec.maintenance.as_ref().map(|m| m.mode);
    let known = adopts(vm) || reserved_before(vm).is_some();
    match mode.filter(|mode| *mode != MaintenanceMode::None && !known) {
        None => Ok(()),
        Some(mode) => Err(Outcome::progressing(
            reason::CORDONED,
            format!(
                "{title} takes no further machines while its maintenance lasts (spec.maintenance.mode: {mode:?}): \
                 name another, or wait"
            ),
        )),
    }
}

/// The host can be looked at alone.
#[must_use]
pub fn not_on_libvirt_yet() -> Outcome {
    let message =
        "machines on hosts with libvirt are neither made nor changed by this version yet: name a ProxmoxNode";
    Outcome::stalled(reason::UNSUPPORTED, message)
}

/// The host can't be used.
#[must_use]
pub fn not_usable(title: &str, reason: &'static str, why: &str) -> Outcome {
    let message =
        format!("{title} can't be used: {why}. Nothing is sent and nothing counts as gone until it can");
    Outcome::unknown(reason, message)
}

/// The host's maintenance window can't be understood.
#[must_use]
pub fn window_not_understood(host: &Host, bad: &BadWindow) -> Outcome {
    Outcome::stalled(reason::INVALID_SPEC, format!("{}: {bad}", host.title()))
}

/// Checks that the host is of the cluster which has the machine.
pub fn same_cluster(status: &VirtualMachineStatus, host: &Host, cluster: &ClusterId) -> Result<(), Outcome> {
    let Some(recorded) = status.cluster.as_ref().filter(|id| *id != cluster.as_str()) else {
        return Ok(());
    };
    if let Some(placed) = status.host.as_ref().filter(|placed| **placed != host.name_any()) {
        let host = host.title();
        let message = format!(
            "{host} (spec.hostRef) is of another cluster than '{placed}', which has the machine: a \
             machine is moved within its cluster alone, and nothing is sent. Name '{placed}' again, or back the machine up \
             and make another one from that"
        );
        return Err(Outcome::stalled(reason::MIGRATION_IMPOSSIBLE, message));
    }
    let message = format!(
        "the machine was made on cluster {recorded}, and {} now is cluster {cluster}: nothing is sent. Let the host's \
         address lead to the former cluster again",
        host.title()
    );
    Err(Outcome::stalled(reason::CLUSTER_CHANGED, message))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::api::IdentityStatus;
    use crate::api::names::{ADOPT, RESERVED_VMID};

    fn machine() -> VirtualMachine {
        serde_yaml::from_str(
            "{apiVersion: drover.dev/v1alpha1, kind: VirtualMachine, metadata: {name: web, namespace: team}, spec: {hostRef: \
             {kind: ProxmoxNode, name: new}}}",
        )
        .unwrap()
    }

    fn host(spec: &str) -> Host {
        let text = format!(
            "{{apiVersion: drover.dev/v1alpha1, kind: ProxmoxNode, metadata: {{name: pve}}, spec: {{host: pve, {spec}}}}}"
        );
        serde_yaml::from_str::<crate::api::ProxmoxNode>(&text)
            .unwrap()
            .into()
    }

    #[test]
    fn host_that_made_or_has_the_machine_counts_until_it_is_made_or_gone() {
        let vm = machine();
        let mut status = VirtualMachineStatus {
            vmid: Some(101),
            host: Some("old".to_owned()),
            ..VirtualMachineStatus::default()
        };
        let known = |name: &str| ["old", "new"].contains(&name);
        assert_eq!(host_name(&vm, &status, known), "old", "being made");
        assert_eq!(
            host_name(&vm, &status, |name| name == "new"),
            "new",
            "its host is gone"
        );
        status.identity = Some(IdentityStatus {
            uuid: uuid::Uuid::from_u128(1),
        });
        assert_eq!(host_name(&vm, &status, known), "new", "made");
        let mut going = machine();
        going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(host_name(&going, &status, known), "old", "being deleted");
    }

    #[test]
    fn namespaces_are_let_in_as_the_host_says() {
        let vm = machine();
        let labels = |text: &str| Some(BTreeMap::from([("env".to_owned(), text.to_owned())]));
        let selector = "allowedNamespaces: {from: Selector, selector: {matchLabels: {env: prod}}}";
        for (spec, labels, expected) in [
            ("port: 8006", labels("prod"), false),
            ("allowedNamespaces: {from: None}", labels("prod"), false),
            ("allowedNamespaces: {from: All}", None, true),
            (selector, labels("prod"), true),
            (selector, labels("test"), false),
            (selector, None, false),
        ] {
            let allowed = allow(&vm, &host(spec), || labels.clone());
            assert_eq!(allowed.is_ok(), expected, "{spec} {labels:?}");
        }
        let mut shown = machine();
        shown.spec.management_policy = Some(ManagementPolicy::Observe);
        let showing = host("discovery: Observe, discoveryNamespace: team");
        assert!(is_allowed(&shown, &showing, || None) && !is_allowed(&vm, &showing, || None));
    }

    #[test]
    fn host_under_maintenance_takes_what_is_there_already_alone() {
        let noted = |key: &str, value: &str| {
            let mut vm = machine();
            vm.metadata.annotations = Some(BTreeMap::from([(key.to_owned(), value.to_owned())]));
            vm
        };
        let reason = |vm: &VirtualMachine, host: &Host| takes_machines(vm, host).err().map(|o| o.reason);
        let cordoned = host("maintenance: {mode: Cordon}");
        assert_eq!(reason(&machine(), &cordoned), Some(reason::CORDONED));
        assert_eq!(reason(&noted(ADOPT, "true"), &cordoned), None);
        assert_eq!(reason(&noted(RESERVED_VMID, "101"), &cordoned), None);
        assert_eq!(reason(&machine(), &host("maintenance: {mode: None}")), None);
        let mut going = host("port: 8006");
        going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(
            reason(&noted(ADOPT, "true"), &going),
            Some(reason::HOST_NOT_READY)
        );
    }

    #[test]
    fn machine_is_kept_by_the_cluster_that_has_it_alone() {
        let id = |digit: &str| ClusterId::from_fingerprint(&digit.repeat(64)).unwrap();
        let status = |cluster: Option<ClusterId>, host: &str| VirtualMachineStatus {
            cluster: cluster.map(|id| id.to_string()),
            host: Some(host.to_owned()),
            ..VirtualMachineStatus::default()
        };
        let pve = host("");
        let found =
            |status: &VirtualMachineStatus| same_cluster(status, &pve, &id("a")).err().map(|o| o.reason);
        assert_eq!(found(&status(None, "pve")), None);
        assert_eq!(found(&status(Some(id("a")), "other")), None);
        assert_eq!(
            found(&status(Some(id("b")), "other")),
            Some(reason::MIGRATION_IMPOSSIBLE)
        );
        assert_eq!(
            found(&status(Some(id("b")), "pve")),
            Some(reason::CLUSTER_CHANGED)
        );
    }
}
