//! Power: what leads from how a guest is to how it is to be.

use super::{Action, Plan, Reboot, Seen};
use crate::api::{DesiredPower, FieldDrift};
use crate::model::PowerState;
use crate::plan::desired::Desired;

pub(super) fn compare(desired: &Desired, seen: PowerState, plan: &mut Plan) {
    use PowerState::{Paused, Running, Stopped, Suspended};
    let (want, action) = match (desired.power, seen) {
        (Some(DesiredPower::Running), Stopped | Suspended) => ("Running", Action::Start),
        (Some(DesiredPower::Running), Paused) => ("Running", Action::Resume),
        (Some(DesiredPower::Stopped), Running | Paused) => (
            "Stopped",
            Action::ShutDown {
                grace_seconds: desired.grace_seconds,
                force: desired.force,
            },
        ),
        (Some(DesiredPower::Paused), Stopped | Suspended) => ("Paused", Action::Start),
        (Some(DesiredPower::Paused), Running) => ("Paused", Action::Pause),
        // One that does not run has no memory to save; and one that was saved does not run.
        (Some(DesiredPower::Suspended), Running | Paused) => ("Suspended", Action::Suspend),
        _ => return,
    };
    plan.drift.push(FieldDrift {
        field: "powerState".to_owned(),
        desired: want.to_owned(),
        observed: format!("{seen:?}"),
    });
    if seen == Suspended {
        // Nothing of it can be changed before it runs again.
        plan.actions.clear();
    }
    // A machine is started with what it is to have, or not at all.
    if plan.problem.is_none() || action != Action::Start || seen == Suspended {
        plan.actions.push(action);
    }
}

/// A machine that is as declared, but for what waits for a reboot, is rebooted where that was allowed.
pub(super) fn reboot(desired: &Desired, seen: Seen<'_>, plan: &mut Plan) {
    let due = plan.actions.is_empty() && plan.problem.is_none() && !plan.pending.is_empty();
    if !due || seen.power != PowerState::Running {
        return;
    }
    let forced = desired.force && desired.power == Some(DesiredPower::Running);
    let action = match seen.reboot {
        Reboot::No => return,
        Reboot::Insist if forced => Action::ShutDown {
            grace_seconds: desired.grace_seconds,
            force: true,
        },
        Reboot::Ask | Reboot::Insist => Action::Reboot {
            grace_seconds: desired.grace_seconds,
        },
    };
    plan.actions.push(action);
}

/// The reboot that follows once all else is done and so much waits for one.
pub(super) fn reboot_after(
    desired: &Desired,
    seen: Seen<'_>,
    plan: &Plan,
    pending: Vec<String>,
) -> Option<Action> {
    // One that is started has everything at once, and one that is brought down has it at its next start.
    let goes_on = matches!(desired.power, None | Some(DesiredPower::Running));
    let mut then = Plan {
        pending,
        problem: plan.problem.clone(),
        ..Plan::default()
    };
    if goes_on {
        let seen = Seen {
            reboot: Reboot::Ask,
            ..seen
        };
        reboot(desired, seen, &mut then);
    }
    then.actions.pop()
}
