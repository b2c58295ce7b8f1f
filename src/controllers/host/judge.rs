//! How it stands with a host: from the fleet's view to conditions that say what to do.

use crate::api::HostKind;
use crate::api::conditions::{Truth, reason};
use crate::fleet::{HostState, HostView};
use crate::model::NodeName;
use crate::plan::host::Contact;
use crate::plan::status::Outcome;

/// How it stands with a host, as conditions say it.
pub(super) fn judge(kind: HostKind, view: Option<&HostView>) -> (Outcome, Contact, Option<bool>) {
    let contact = |reachable, authenticated| Contact {
        reachable,
        authenticated,
    };
    let Some(view) = view else {
        let outcome = Outcome::progressing(reason::CONNECTING, "the host is being connected to");
        return (outcome, contact(Truth::Unknown, Truth::Unknown), None);
    };
    let both = contact(Truth::True, Truth::True);
    match &view.state {
        HostState::Connecting => {
            let outcome = Outcome::progressing(reason::CONNECTING, "the host is being connected to");
            (outcome, contact(Truth::Unknown, Truth::Unknown), None)
        }
        HostState::Usable => usable(view, both),
        HostState::Unreachable { reason: why } => {
            let message = format!(
                "{why}; {}",
                match kind {
                    HostKind::ProxmoxNode =>
                        "check spec.host and spec.port, the network, and whether pveproxy runs. Its machines are kept \
                         through another member of its cluster, where one is declared and answers",
                    HostKind::LibvirtHost => "check spec.uri, the network, and whether libvirtd runs",
                }
            );
            let outcome = Outcome::unknown(reason::HOST_UNREACHABLE, message);
            (outcome, contact(Truth::False, Truth::Unknown), None)
        }
        HostState::Denied { reason: why } => {
            let message = format!(
                "{why}; check {} in the Secret, and the permissions",
                match kind {
                    HostKind::ProxmoxNode => "tokenId and tokenSecret, or username and password,",
                    HostKind::LibvirtHost => "certificate or key",
                }
            );
            let outcome = Outcome::stalled(reason::CREDENTIALS_REFUSED, message);
            (outcome, contact(Truth::True, Truth::False), None)
        }
        HostState::Untrusted {
            reason: why,
            fingerprint,
        } => {
            let hint = fingerprint.as_ref().map_or_else(String::new, |f| {
                format!(
                    "; if the node's Certificates page shows the fingerprint {f}, put it into spec.tls.fingerprint"
                )
            });
            let outcome = Outcome::stalled(reason::CERTIFICATE_NOT_TRUSTED, format!("{why}{hint}"));
            (outcome, contact(Truth::True, Truth::Unknown), None)
        }
        HostState::ClusterChanged { expected, found } => {
            let message = format!(
                "the cluster at this address has the identity {found}, and the one recorded in status.cluster.id is \
                 {expected}: nothing is sent, and nothing counts as gone. Let the address lead to the former cluster, \
                 or make another {} for this one",
                kind.as_str()
            );
            (Outcome::stalled(reason::CLUSTER_CHANGED, message), both, None)
        }
        HostState::NodeUnknown { name, members } => {
            let names: Vec<&str> = members.iter().map(NodeName::as_str).collect();
            let wanted = name.as_ref().map_or("of its own", |n| n.as_str());
            let message = format!(
                "the cluster has no node {wanted} (spec.nodeName); it has: {}",
                names.join(", ")
            );
            (Outcome::stalled(reason::NODE_NOT_FOUND, message), both, None)
        }
        HostState::NotMember { of } => {
            let message = format!(
                "it shows the same cluster identity as ProxmoxNode '{of}', but is not a member of its cluster: \
                 nothing is sent"
            );
            (Outcome::stalled(reason::CLUSTER_CHANGED, message), both, None)
        }
        HostState::Failed { reason: why } => {
            let outcome = Outcome::unknown(reason::HOST_NOT_READY, why.clone());
            (outcome, contact(Truth::True, Truth::Unknown), None)
        }
    }
}

fn usable(view: &HostView, contact: Contact) -> (Outcome, Contact, Option<bool>) {
    let (Some(cluster), Some(node)) = (&view.cluster, &view.node) else {
        let outcome = Outcome::progressing(reason::CONNECTING, "the host is being looked at");
        return (outcome, contact, None);
    };
    let snapshot = cluster.snapshot();
    if snapshot.taken.is_none() {
        let outcome = Outcome::progressing(reason::CONNECTING, "its guests are being listed");
        return (outcome, contact, None);
    }
    let quorate = snapshot.status.quorate;
    if !quorate {
        let message = "the cluster has no majority: nothing is changed until it has";
        return (
            Outcome::unknown(reason::NOT_QUORATE, message),
            contact,
            Some(false),
        );
    }
    if snapshot.node(node.as_str()).is_some_and(|row| !row.online) {
        let message = format!("node {node} is offline; the rest of its cluster answers");
        return (
            Outcome::unknown(reason::NODE_OFFLINE, message),
            contact,
            Some(true),
        );
    }
    let message = format!("node {node} can be used");
    (Outcome::ready(reason::USABLE, message), contact, Some(true))
}
