//! The number that a spec names.

use kube::ResourceExt;

use crate::api::VirtualMachine;
use crate::api::conditions::reason;
use crate::api::names::ADOPT;
use crate::model::{GuestId, GuestRow, VolumeId};
use crate::plan::status::Outcome;

/// Checks that nobody has it. `row`: the guest that the cluster shows under it; `claimed`: another resource has it.
pub fn check_taken(
    vm: &VirtualMachine,
    id: GuestId,
    row: Option<&GuestRow>,
    claimed: bool,
) -> Result<(), Outcome> {
    let by = match row {
        Some(row) => format!(
            "'{}' on node {} (to have that machine, 'kubectl annotate dvm {} {ADOPT}=true')",
            row.name.as_deref().unwrap_or("a guest without a name"),
            row.node,
            vm.name_any()
        ),
        None if claimed => "another resource".to_owned(),
        None => return Ok(()),
    };
    let message = format!("number {id} (spec.vmid) is taken by {by}: choose another, or leave spec.vmid out");
    Err(Outcome::stalled(reason::VMID_TAKEN, message))
}

/// Something is left of a guest that had it.
#[must_use]
pub fn has_volumes(id: GuestId, volume: &VolumeId) -> Outcome {
    let message = format!(
        "number {id} (spec.vmid) still has volumes, such as {volume}: they would belong to the new machine. \
         Choose another number, or remove them"
    );
    Outcome::stalled(reason::VMID_HAS_VOLUMES, message)
}

/// A guest has it that the host does not show.
#[must_use]
pub fn not_shown(id: GuestId) -> Outcome {
    let message = format!(
        "number {id} (spec.vmid) is taken by a guest that the host does not show: choose another, \
         or leave spec.vmid out; if it is to be shown, the token lacks VM.Audit on /vms/{id}"
    );
    Outcome::stalled(reason::VMID_TAKEN, message)
}
