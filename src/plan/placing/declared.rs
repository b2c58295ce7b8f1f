//! What a machine is to be like on its host: with its class and the host's defaults worked in, and within what the host's
//! owner allows.

use uuid::Uuid;

use crate::api::conditions::reason;
use crate::api::{Defaults, Host, VirtualMachine, VirtualMachineClassSpec};
use crate::model::{Capabilities, GuestId};
use crate::plan::desired::{self, Desired, Origin};
use crate::plan::status::Outcome;
use crate::plan::tenancy::Allowed;

/// There is no such class.
#[must_use]
pub fn class_not_found(name: &str) -> Outcome {
    let message =
        format!("there is no VirtualMachineClass '{name}' (spec.classRef): make it, or name another");
    Outcome::stalled(reason::CLASS_NOT_FOUND, message)
}

/// What is wanted. `machine_of`: number and identity of the machine of another resource of the namespace; `able`: what the
/// host can do.
pub fn declared(
    vm: &VirtualMachine,
    class: Option<&VirtualMachineClassSpec>,
    host: &Host,
    machine_of: impl Fn(&str) -> Option<(GuestId, Uuid)>,
    able: &Capabilities,
) -> Result<Desired, Outcome> {
    let none = Defaults::default();
    let defaults = host.spec.defaults.as_ref();
    let mut desired = desired::resolve(vm, class, defaults.unwrap_or(&none))
        .map_err(|invalid| Outcome::stalled(reason::INVALID_SPEC, invalid.to_string()))?;
    if let Origin::CloneOfResource(name) = &desired.origin
        && let Some((id, identity)) = machine_of(name)
    {
        desired.origin = Origin::CloneOf(id);
        desired.copy.identity = Some(identity);
    }
    Allowed::new(host.spec.tenancy.as_ref(), defaults).check(&desired)?;
    desired::leave_out_unsupported(&mut desired, able)?;
    Ok(desired)
}
