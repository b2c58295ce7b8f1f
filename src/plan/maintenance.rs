//! How the maintenance of a node goes: a report of the machines that leave it and come back.

use kube::ResourceExt;

use crate::api::conditions::{self, Finding, Truth, reason};
use crate::api::{
    DesiredPower, Maintained, MaintainedMachine, MaintenanceMode, MaintenanceStatus, ManagementPolicy,
    ObservedPower, VirtualMachine,
};

/// How many machines are named; the counts hold for all.
const MOST: usize = 200;

/// What is to be told of the maintenance of a node; nothing if there is none and all machines are back. `others`: guests
/// that run there and that no resource owns.
#[must_use]
pub fn report<'a>(
    mode: MaintenanceMode,
    node: &str,
    machines: impl Iterator<Item = &'a VirtualMachine>,
    others: u32,
) -> Option<MaintenanceStatus> {
    let mut told: Vec<MaintainedMachine> = machines
        .filter_map(|machine| state(mode, node, machine))
        .collect();
    if mode == MaintenanceMode::None && told.is_empty() {
        return None;
    }
    told.sort_by(|a, b| (a.state, &a.namespace, &a.name).cmp(&(b.state, &b.namespace, &b.name)));
    let count = |states: &[Maintained]| {
        let found = told
            .iter()
            .filter(|machine| states.contains(&machine.state))
            .count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let status = MaintenanceStatus {
        mode,
        waiting: count(&[Maintained::Waiting, Maintained::Moving, Maintained::Returning]),
        away: count(&[Maintained::Away]),
        blocked: count(&[Maintained::Blocked]),
        others,
        machines: Vec::new(),
    };
    told.truncate(MOST);
    Some(MaintenanceStatus {
        machines: told,
        ..status
    })
}

fn state(mode: MaintenanceMode, node: &str, machine: &VirtualMachine) -> Option<MaintainedMachine> {
    let status = machine.status.as_ref()?;
    let vmid = status.vmid?;
    if machine.spec.management_policy == Some(ManagementPolicy::Observe) {
        return None;
    }
    let here = status.node.as_deref() == Some(node);
    let away = status.evacuation.as_ref().filter(|e| e.from == node);
    let blocked = status.evacuation.as_ref().and_then(|e| e.blocked.clone());
    let state = match mode {
        MaintenanceMode::Evacuate if here => {
            let runs = matches!(
                status.power_state,
                Some(ObservedPower::Running | ObservedPower::Paused)
            );
            let to_run = matches!(
                machine.spec.power_state,
                Some(DesiredPower::Running | DesiredPower::Paused)
            );
            match (blocked.is_some(), status.migration.is_some()) {
                (true, _) => Maintained::Blocked,
                (_, true) => Maintained::Moving,
                _ if runs || to_run => Maintained::Waiting,
                _ => return None,
            }
        }
        _ if here => return None,
        MaintenanceMode::None if blocked.is_some() => away.map(|_| Maintained::Blocked)?,
        MaintenanceMode::None => away.map(|_| Maintained::Returning)?,
        MaintenanceMode::Cordon | MaintenanceMode::Evacuate => away.map(|_| Maintained::Away)?,
    };
    Some(MaintainedMachine {
        namespace: machine.namespace().unwrap_or_default(),
        name: machine.name_any(),
        vmid,
        state,
        node: status.node.clone(),
        message: blocked.filter(|_| state == Maintained::Blocked),
    })
}

/// The condition that says how it goes.
#[must_use]
pub fn finding(status: &MaintenanceStatus) -> Finding {
    let MaintenanceStatus {
        waiting,
        away,
        blocked,
        others,
        ..
    } = status;
    let first = status
        .machines
        .iter()
        .find(|machine| machine.state == Maintained::Blocked);
    let first = first.map_or_else(String::new, |machine| {
        let message = machine.message.as_deref().unwrap_or_default();
        format!("; {}/{}: {message}", machine.namespace, machine.name)
    });
    let left = match others {
        0 => String::new(),
        others => format!("; {others} guests that no resource owns run here, and are left alone"),
    };
    let (reason, message) = match status.mode {
        MaintenanceMode::Cordon => (
            reason::CORDONED,
            format!("no machine is made or moved here; {away} are away until the maintenance ends"),
        ),
        MaintenanceMode::Evacuate if *waiting > 0 => (
            reason::EVACUATING,
            format!("{away} machines are away, {waiting} are still to go, {blocked} can't{first}{left}"),
        ),
        MaintenanceMode::Evacuate if *blocked > 0 => (
            reason::EVACUATION_BLOCKED,
            format!("{away} machines are away, and {blocked} can't be moved{first}{left}"),
        ),
        MaintenanceMode::Evacuate => (
            reason::EVACUATED,
            format!(
                "all of Drover's machines that ran here are away ({away}){left}; set spec.maintenance.mode to None to have them back"
            ),
        ),
        MaintenanceMode::None => (
            reason::RETURNING,
            format!("{waiting} machines are still to come back, {blocked} can't{first}"),
        ),
    };
    Finding::new(conditions::MAINTENANCE, Truth::True, reason, message)
}
