//! A machine that is there no longer, or can't be seen. One that is wanted is made again only if somebody said so.

use kube::ResourceExt;
use uuid::Uuid;

use super::obstacles::no_majority;
use crate::api::conditions::reason;
use crate::api::names::RECREATE;
use crate::api::{VirtualMachine, WhenLost};
use crate::model::{GuestId, NodeName};
use crate::plan::guest_id;
use crate::plan::identity::presence::Presence;
use crate::plan::status::Outcome;

/// What becomes of a resource whose machine is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The machine is made again under a new number, with these words.
    Recreate(String),
    /// It waits for a person.
    Wait(Outcome),
}

/// Decides it. `recorded`: the identity of the machine that is gone.
#[must_use]
pub fn lost(vm: &VirtualMachine, id: GuestId, recorded: Option<Uuid>) -> Lost {
    let identity = recorded.map(|uuid| uuid.to_string()).unwrap_or_default();
    let asked = vm.annotations().get(RECREATE).is_some_and(|v| *v == identity);
    let wanted = asked || vm.spec.when_lost == Some(WhenLost::Recreate);
    if wanted && guest_id::pinned(&vm.spec) == Some(id) {
        let message = format!(
            "machine {id} no longer exists on the host, and spec.vmid names its number: a number is not given twice. \
             Remove spec.vmid, and the machine is made again under a new one"
        );
        return Lost::Wait(Outcome::stalled(reason::GUEST_LOST, message));
    }
    if wanted {
        return Lost::Recreate(format!(
            "machine {id} ({identity}) is gone, and is made again under a new number"
        ));
    }
    let message = format!(
        "machine {id} no longer exists on the host, or another one has its number. It is not made again by \
         itself: its data would be missing. To make it again, run kubectl annotate dvm {} \
         drover.dev/recreate={identity}",
        vm.metadata.name.clone().unwrap_or_default()
    );
    Lost::Wait(Outcome::stalled(reason::GUEST_LOST, message))
}

/// Nothing is shown under a number.
#[must_use]
pub fn absent(id: GuestId, presence: Presence) -> Outcome {
    let (reason, message) = match presence {
        Presence::Taken => (
            reason::PRESENCE_UNKNOWN,
            format!(
                "the cluster says that machine {id} exists, but does not show it: it may be on its way to another \
                 node, or the token lacks VM.Audit on /vms/{id}. Nothing counts as gone"
            ),
        ),
        Presence::NotQuorate => return no_majority(),
        Presence::Unsettled(until) => (
            reason::PRESENCE_UNKNOWN,
            format!(
                "no machine of this resource stands under number {id}, but a create whose answer is unknown may still make \
                 it; this is certain at {until:.0}"
            ),
        ),
        Presence::Gone => (reason::PRESENCE_UNKNOWN, format!("machine {id} does not exist")),
    };
    Outcome::unknown(reason, message)
}

/// The list goes on showing the guests of a node that is away as they were.
#[must_use]
pub fn node_offline(id: GuestId, node: &NodeName) -> Outcome {
    let message = format!(
        "machine {id} is on node {node}, which is offline: how it is can't be told, and nothing is sent until \
         the node is back"
    );
    Outcome::unknown(reason::NODE_OFFLINE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_machine_is_made_again_where_somebody_said_so_and_never_under_its_number() {
        let vm = |metadata: &str, spec: &str| -> VirtualMachine {
            let text = format!(
                "{{apiVersion: drover.dev/v1alpha1, kind: VirtualMachine, metadata: {{name: web, {metadata}}}, spec: {{hostRef: {{kind: \
                 ProxmoxNode, name: pve}}, {spec}}}}}"
            );
            serde_yaml::from_str(&text).unwrap()
        };
        let uuid = Uuid::from_u128(7);
        let named = format!("annotations: {{{RECREATE}: '{uuid}'}}");
        let other = format!("annotations: {{{RECREATE}: '{}'}}", Uuid::from_u128(8));
        for (metadata, spec, again) in [
            ("", "", false),
            (named.as_str(), "", true),
            (other.as_str(), "", false),
            ("", "whenLost: Recreate", true),
            ("", "whenLost: Recreate, vmid: 105", false),
            ("", "whenLost: Recreate, vmid: 106", true),
        ] {
            let number = GuestId::try_from(105).unwrap();
            match lost(&vm(metadata, spec), number, Some(uuid)) {
                Lost::Recreate(note) => assert!(again && note.contains("machine 105"), "{metadata} {spec}"),
                Lost::Wait(outcome) => {
                    assert!(
                        !again && outcome.reason == reason::GUEST_LOST,
                        "{metadata} {spec}"
                    );
                }
            }
        }
    }
}
