//! What is said of a machine that stands there already: one that stands in the way, or becomes the resource's own.

use kube::ResourceExt;

use crate::api::VirtualMachine;
use crate::api::conditions::reason;
use crate::api::names::ADOPT;
use crate::model::{GuestId, GuestKind, NodeName};
use crate::plan::desired;
use crate::plan::guest_id;
use crate::plan::identity::unplaced::{Obstacle, Taking, Unfit};
use crate::plan::status::{self, Outcome};

/// Something stands in the way of making or taking a machine. `uid`: that of the resource.
#[must_use]
pub fn obstructed(vm: &VirtualMachine, uid: &str, id: GuestId, obstacle: &Obstacle) -> Outcome {
    match obstacle {
        Obstacle::NameTaken => {
            let name = desired::guest_name(vm);
            let message = format!(
                "machine {id}, which no resource owns, is named '{name}': nothing is made, so that it is not \
                 doubled. Choose another spec.name, or rename or remove that machine; to have that one, set spec.vmid to {id} \
                 and the annotation {ADOPT}=true"
            );
            Outcome::stalled(reason::NAME_TAKEN, message)
        }
        Obstacle::Predecessor(why) => unfit(vm, id, why, false),
        Obstacle::Adoption(why) => unfit(vm, id, why, true),
        Obstacle::Resembling(why) => status::hold(*why, id, uid),
        Obstacle::Twice(others) => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            let message = format!(
                "machine {id} carries this resource's mark, and so does {}, as where a backup of a former one was restored: \
                 nothing is sent. Remove the line 'drover/v1' from the notes of all but the one that is meant",
                others.join(", ")
            );
            Outcome::stalled(reason::MARKED_TWICE, message)
        }
    }
}

/// What stands in the way of taking a machine over, and what a person can do. `adopting`: a person wants it adopted.
fn unfit(vm: &VirtualMachine, id: GuestId, why: &Unfit, adopting: bool) -> Outcome {
    let former = if adopting {
        format!("machine {id} can't be adopted")
    } else {
        format!(
            "machine {id} was made for another resource of this kind, namespace and name, an earlier one or one of \
             another Kubernetes cluster: nothing is made, so that it is not doubled"
        )
    };
    let name = vm.name_any();
    let (reason, what) = match why {
        Unfit::Released => (
            reason::MARKED_BY_OTHER,
            format!(
                "It was let go, and is nobody's. To have it back, set spec.vmid to {id} and run 'kubectl annotate dvm \
                 {name} {ADOPT}=true'; else remove it, or choose another name for this resource"
            ),
        ),
        Unfit::OtherCluster(uid) => (
            reason::MARKED_BY_OTHER,
            format!(
                "It belongs to the Kubernetes cluster {uid}. If that one is lost, start Drover with --recover-from {uid}; \
                 else choose another name"
            ),
        ),
        Unfit::Marked => (
            reason::MARKED_BY_OTHER,
            "Its notes say that it is another resource's (the line 'drover/v1'): delete that one with deletionPolicy \
             Retain first, or, if it no longer exists anywhere, remove the line"
                .to_owned(),
        ),
        Unfit::Unsealed => (
            reason::UNPROVEN,
            "Its mark is not sealed: its making was never finished. Remove the machine, or the line 'drover/v1' from its \
             notes"
                .to_owned(),
        ),
        Unfit::Locked(lock) => (
            reason::LOCKED,
            format!(
                "It is locked ('{}'): this goes on when the host is done. If no task runs there, 'qm unlock {id}' takes a \
                 left-over lock off",
                lock.0
            ),
        ),
        Unfit::Template => (reason::IS_TEMPLATE, "It is a template".to_owned()),
        Unfit::NoUuid => (
            reason::UNIDENTIFIED,
            "It has no UUID by which it could be told from a successor: give it one on the host (Options, SMBIOS \
             settings)"
                .to_owned(),
        ),
        Unfit::Anothers(owner) => (
            reason::MARKED_BY_OTHER,
            format!(
                "It is VirtualMachine {owner}'s, whose mark somebody took from its notes: delete that one with \
                 deletionPolicy Retain first"
            ),
        ),
        Unfit::OtherNumber(pinned) => (
            reason::MARKED_BY_OTHER,
            format!("spec.vmid is {pinned}: leave it out, or set it to {id}, to have that machine"),
        ),
        Unfit::Several(others) => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            (
                reason::MARKED_BY_OTHER,
                format!(
                    "So were {}: remove the line 'drover/v1' from the notes of all but the one that is meant",
                    others.join(", ")
                ),
            )
        }
    };
    Outcome::stalled(reason, format!("{former}. {what}"))
}

/// There is no unowned machine under the number that the spec names, and a person wants it adopted. `row`: the guest that
/// the cluster shows under it.
#[must_use]
pub fn nothing_to_adopt(vm: &VirtualMachine, row: impl FnOnce(GuestId) -> Option<GuestKind>) -> Outcome {
    let Some(id) = guest_id::pinned(&vm.spec) else {
        let message =
            format!("the annotation {ADOPT} stands, and spec.vmid does not say which machine is meant");
        return Outcome::stalled(reason::NOTHING_TO_ADOPT, message);
    };
    let what = match row(id) {
        Some(GuestKind::Container) => "it is a container".to_owned(),
        Some(GuestKind::VirtualMachine) => "another resource has it".to_owned(),
        None => format!(
            "the cluster shows no such machine; if it exists, the token lacks VM.Audit on /vms/{id}. To have it made, \
             take the annotation off"
        ),
    };
    let message = format!("machine {id} (spec.vmid) can't be adopted: {what}");
    Outcome::stalled(reason::NOTHING_TO_ADOPT, message)
}

/// A machine that was made for a former resource of the same name still is a living one's.
#[must_use]
pub fn living(id: GuestId, owner: &str) -> Outcome {
    let message =
        format!("machine {id} belongs to VirtualMachine {owner}: nothing is made, so that it is not doubled");
    Outcome::stalled(reason::MARKED_BY_OTHER, message)
}

/// A machine that nobody owns can't be read.
#[must_use]
pub fn unreadable(id: GuestId, node: &NodeName, error: &str) -> Outcome {
    let message = format!(
        "machine {id} on node {node}, which nobody owns, can't be read ({error}): nothing is made before it is \
         certain that it is not this resource's"
    );
    Outcome::unknown(reason::READING_GUESTS, message)
}

/// A machine is being made, and may turn out to be the resource's own.
#[must_use]
pub fn being_made(id: GuestId) -> Outcome {
    let message = format!(
        "machine {id} is being made by somebody: whether it is this resource's shows when it is done. If \
         nothing is under way on its node, its lock is a left-over: 'qm unlock {id}' takes it off, \
         'qm destroy {id}' removes an unfinished machine"
    );
    Outcome::progressing(reason::READING_GUESTS, message)
}

/// A number that was reserved once is not shown, and is not free.
#[must_use]
pub fn reserved_not_shown(id: GuestId) -> Outcome {
    let message = format!(
        "number {id} was reserved for this resource, and whether a machine of it exists can't be told: \
         the cluster does not show it (does the token have VM.Audit on /vms/{id}?)"
    );
    Outcome::unknown(reason::PRESENCE_UNKNOWN, message)
}

/// The cluster has no majority.
#[must_use]
pub fn no_majority() -> Outcome {
    Outcome::unknown(
        reason::NOT_QUORATE,
        "the cluster has no majority: nothing can be concluded until it has",
    )
}

/// The status was lost, and the machine is found again.
#[must_use]
pub fn bound_again(id: GuestId) -> String {
    format!("machine {id} carries this resource's mark: it is bound again")
}

/// A machine becomes the resource's own: the reason for the Event, and what is said.
#[must_use]
pub fn taken(id: GuestId, taking: &Taking) -> (&'static str, String) {
    match taking {
        Taking::Adopt => (
            reason::ADOPTED,
            format!("machine {id} was adopted, as the annotation {ADOPT} says"),
        ),
        Taking::Rebind(former) => (
            reason::BOUND,
            format!(
                "machine {id} was made for this resource's predecessor (uid {former}) and is this one's now"
            ),
        ),
    }
}
