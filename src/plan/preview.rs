//! What would be done for a declaration, in lines for a person: the plan of the controller, and what each step means.

use std::fmt;

use super::guest::{Action, Managed, Plan};
use crate::api::{FieldDrift, OnRemove, RebootPolicy};
use crate::model::PowerState;
use crate::plan::desired::Desired;
use crate::plan::window::Opening;

/// What a difference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is mended at once.
    Now,
    /// It is written, and waits for the next reboot of the guest.
    AfterReboot,
    /// Data are deleted.
    Destroys,
    /// It is told, and not mended.
    Reported,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The field.
    pub field: String,
    /// What the guest has.
    pub from: String,
    /// What the spec says.
    pub to: String,
    /// What that leads to.
    pub effect: Effect,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, from, to, .. } = self;
        write!(f, "{field}: {from} -> {to}")?;
        f.write_str(match self.effect {
            Effect::Now => "",
            Effect::AfterReboot => " (waits for a reboot)",
            Effect::Destroys => " (DESTROYS DATA)",
            Effect::Reported => " (reported, not put back)",
        })
    }
}

/// What a running guest takes only with its next start, by the first part of the field. Proxmox VE plugs disks, interfaces
/// and USB devices while a guest runs unless its option `hotplug` says otherwise, and takes notes, tags, limits and start-up
/// order at once (qemu-server, `QemuServer.pm`, `vmconfig_hotplug_pending`).
const AT_START: [&str; 11] = [
    "cpu.sockets",
    "cpu.cores",
    "cpu.type",
    "memory.size",
    "firmware",
    "hostDevices",
    "agent",
    "boot.devices",
    "cloudInit",
    "extraConfig",
    "template",
];

/// The differences of a plan. `reported`: differences are told and not mended.
#[must_use]
pub fn lines(plan: &Plan, power: PowerState, managed: &Managed, reported: bool) -> Vec<Line> {
    let line = |drift: &FieldDrift| Line {
        field: drift.field.clone(),
        from: drift.observed.clone(),
        to: drift.desired.clone(),
        effect: if reported {
            Effect::Reported
        } else {
            effect(drift, power, managed)
        },
    };
    plan.drift.iter().map(line).collect()
}

fn effect(drift: &FieldDrift, power: PowerState, managed: &Managed) -> Effect {
    let slot = drift
        .field
        .strip_prefix("disks[")
        .and_then(|rest| rest.strip_suffix(']'));
    let deleted = slot
        .and_then(|slot| managed.disks.get(slot))
        .is_some_and(|disk| disk.on_remove == OnRemove::Delete);
    let at_start = AT_START.iter().any(|field| {
        let rest = drift.field.strip_prefix(field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    match power {
        _ if deleted => Effect::Destroys,
        PowerState::Running | PowerState::Paused if at_start => Effect::AfterReboot,
        _ => Effect::Now,
    }
}

/// What is done besides mending fields.
#[must_use]
pub fn steps(plan: &Plan) -> Vec<String> {
    let step = |action: &Action| match action {
        Action::Migrate(moving) if !moving.declared => Some(format!(
            "moves to node {} because of a maintenance",
            moving.migration.target
        )),
        Action::MakeTemplate => Some("makes a template of it, for good".to_owned()),
        Action::Configure(_)
        | Action::GrowDisk { .. }
        | Action::MoveDisk { .. }
        | Action::JoinPool { .. }
        | Action::SetHa { .. }
        | Action::Migrate(_)
        | Action::Start
        | Action::Pause
        | Action::Resume
        | Action::Suspend
        | Action::Reboot { .. }
        | Action::ShutDown { .. } => None,
    };
    plan.actions.iter().filter_map(step).collect()
}

/// The reboot that is made for what waits for one; nothing where it is left to people. `opens`: when it may be made.
#[must_use]
pub fn reboot(policy: RebootPolicy, opens: Opening) -> Option<String> {
    let when = match opens {
        Opening::Open => "as soon as all else is done".to_owned(),
        Opening::At(start) => format!("when the maintenance window opens at {start:.0}"),
        Opening::Never => return None,
    };
    Some(format!(
        "reboots the machine for what waits for that, {when} (rebootPolicy: {policy:?})"
    ))
}

/// What the host's release can't do.
pub fn unsupported(desired: &Desired) -> impl Iterator<Item = String> {
    let unsupported = desired.unsupported.iter();
    unsupported.map(|what| format!("not supported: {what}; the rest is done"))
}

/// What a new machine is like.
#[must_use]
pub fn shape(desired: &Desired) -> String {
    let mut parts = Vec::new();
    if let Some(cores) = desired.cores {
        parts.push(format!("{cores} cores"));
    }
    if let Some(mib) = desired.memory_mib {
        parts.push(format!("{mib} MiB of memory"));
    }
    let disks = desired.disks.iter().map(|disk| {
        let storage = disk.storage.as_deref().unwrap_or("the source's storage");
        format!("disk {} on {storage}", disk.slot)
    });
    let nics = desired.nics.iter().map(|nic| {
        let plug = nic.bridge.as_deref().or(nic.network.as_deref());
        format!("interface {} at {}", nic.slot, plug.unwrap_or("no bridge"))
    });
    parts.extend(disks.chain(nics));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::guest::ManagedDisk;

    fn drift(field: &str) -> FieldDrift {
        FieldDrift {
            field: field.to_owned(),
            desired: "b".to_owned(),
            observed: "a".to_owned(),
        }
    }

    #[test]
    fn what_waits_and_what_destroys_is_told() {
        let disk = |on_remove| ManagedDisk {
            volume: Some("local-lvm:vm-105-disk-1".to_owned()),
            on_remove,
        };
        let managed = Managed {
            disks: [
                ("scsi1".to_owned(), disk(OnRemove::Delete)),
                ("scsi2".to_owned(), disk(OnRemove::Detach)),
            ]
            .into(),
            ..Managed::default()
        };
        for (field, power, expected) in [
            ("cpu.cores", PowerState::Running, Effect::AfterReboot),
            ("cpu.cores", PowerState::Stopped, Effect::Now),
            ("cpu.limit", PowerState::Running, Effect::Now),
            ("firmware.machine", PowerState::Running, Effect::AfterReboot),
            ("disks[scsi1]", PowerState::Running, Effect::Destroys),
            ("disks[scsi2]", PowerState::Running, Effect::Now),
            ("disks[scsi1].size", PowerState::Running, Effect::Now),
            ("agentless", PowerState::Running, Effect::Now),
        ] {
            assert_eq!(effect(&drift(field), power, &managed), expected, "{field}");
        }
    }
}
