//! Power: what leads from how a guest is to how it is to be.

use super::{Action, Plan};
use crate::api::{DesiredPower, FieldDrift};
use crate::model::Power;
use crate::plan::desired::Desired;

pub(super) fn compare(desired: &Desired, power: Power, plan: &mut Plan) {
    let (want, have, action) = match (desired.power, power) {
        (Some(DesiredPower::Running), Power::Stopped) => ("Running", "Stopped", Action::Start),
        (Some(DesiredPower::Stopped), Power::Running) => (
            "Stopped",
            "Running",
            Action::ShutDown {
                grace_seconds: desired.grace_seconds,
                force: desired.force,
            },
        ),
        _ => return,
    };
    plan.drift.push(FieldDrift {
        field: "powerState".to_owned(),
        desired: want.to_owned(),
        observed: have.to_owned(),
    });
    // A machine is started with what it is to have, or not at all.
    if plan.problem.is_none() || action != Action::Start {
        plan.actions.push(action);
    }
}
