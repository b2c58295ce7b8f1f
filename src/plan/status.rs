//! What is said about a guest: its status, from what was seen and how the pass ended.

use jiff::Timestamp;

use crate::api::conditions::{self, Finding, Truth, reason};
use crate::api::{
    Address, AgentStatus, DesiredPower, DriftPolicy, MIB, ManagementPolicy, Observed, ObservedDevice,
    ObservedDisk, ObservedNetwork, ObservedPower, OnRemove, RebootPolicy, Size, TaskStatus, VirtualMachine,
    VirtualMachineStatus,
};
use crate::model::{AgentReport, GuestConfig, GuestId, GuestIp, GuestRow, Lock, Power};
use crate::plan::desired::Desired;
use crate::plan::guest;
use crate::plan::identity::Hold;

/// How a pass ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How things stand.
    pub standing: Standing,
    /// One of [`reason`].
    pub reason: &'static str,
    /// What it means and what to do, for people.
    pub message: String,
}

/// How things stand with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As declared.
    Ready,
    /// Being worked on, or waiting for something that may come by itself.
    Progressing,
    /// It can't be told, for now.
    Unknown,
    /// Waiting for a person.
    Stalled,
}

impl Outcome {
    /// As declared.
    #[must_use]
    pub fn ready(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Standing::Ready, reason, message)
    }

    /// Being worked on.
    #[must_use]
    pub fn progressing(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Standing::Progressing, reason, message)
    }

    /// It can't be told, for now.
    #[must_use]
    pub fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Standing::Unknown, reason, message)
    }

    /// Waiting for a person.
    #[must_use]
    pub fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Standing::Stalled, reason, message)
    }

    fn new(standing: Standing, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            standing,
            reason,
            message: message.into(),
        }
    }
}

/// The conditions that every kind has: `Ready`, and `Reconciling` or `Stalled` while they are true.
#[must_use]
pub fn findings(outcome: &Outcome) -> Vec<Finding> {
    let Outcome {
        standing,
        reason,
        message,
    } = outcome;
    let found = |type_, truth| Finding::new(type_, truth, reason, message.clone());
    match standing {
        Standing::Ready => vec![found(conditions::READY, Truth::True)],
        Standing::Progressing => vec![
            found(conditions::READY, Truth::False),
            found(conditions::RECONCILING, Truth::True),
        ],
        Standing::Unknown => vec![
            found(conditions::READY, Truth::Unknown),
            found(conditions::RECONCILING, Truth::True),
        ],
        Standing::Stalled => vec![
            found(conditions::READY, Truth::False),
            found(conditions::STALLED, Truth::True),
        ],
    }
}

/// Writes the outcome of a pass into the status.
pub fn conclude(vm: &VirtualMachine, status: &mut VirtualMachineStatus, outcome: &Outcome, now: Timestamp) {
    let generation = vm.metadata.generation;
    let mut found = findings(outcome);
    // A difference is drift only where nobody changed the declaration since it was last carried out.
    let told = was_ready(vm, status) || outcome.reason == reason::DRIFT_REPORTED;
    if !status.drift.is_empty() && told {
        let message = format!(
            "somebody changed the machine on the host: {}",
            differences(status)
        );
        found.push(Finding::new(
            conditions::DRIFTED,
            Truth::True,
            reason::CHANGED_ON_HOST,
            message,
        ));
    }
    if let Some(message) = reboot_required(status) {
        found.push(Finding::new(
            conditions::REBOOT_REQUIRED,
            Truth::True,
            reason::PENDING_CHANGES,
            message,
        ));
    }
    if !status.unsupported.is_empty() {
        let message = format!("{}; the rest is done", status.unsupported.join("; "));
        found.push(Finding::new(
            conditions::UNSUPPORTED,
            Truth::True,
            reason::UNSUPPORTED,
            message,
        ));
    }
    if is_paused(vm) {
        let message = "the annotation drover.dev/paused stands: nothing is done until it is removed";
        found.push(Finding::new(
            conditions::PAUSED,
            Truth::True,
            reason::PAUSED,
            message,
        ));
    }
    if vm.metadata.deletion_timestamp.is_some() {
        found.push(Finding::new(
            conditions::DELETING,
            Truth::True,
            outcome.reason,
            outcome.message.clone(),
        ));
    }
    status.conditions = conditions::merge(&status.conditions, found, generation, now);
    status.observed_generation = generation;
    status.last_handled_reconcile_at = vm
        .metadata
        .annotations
        .as_ref()
        .and_then(|a| a.get(crate::api::names::RECONCILE_AT).cloned());
}

/// What is to be changed waits for a lock of the machine.
#[must_use]
pub fn locked(id: GuestId, lock: &Lock) -> Outcome {
    let message = if lock.is_suspended() {
        format!(
            "machine {id} is suspended to disk: what is to be changed waits until it runs again (powerState: Running). \
             Don't take its lock off, which would throw its memory away"
        )
    } else {
        format!(
            "machine {id} is locked ('{}'): what is to be changed waits until the host is done. If no task runs there, \
             'qm unlock {id}' takes a left-over lock off",
            lock.0
        )
    };
    Outcome::progressing(reason::LOCKED, message)
}

/// Differences are told and not put back.
#[must_use]
pub fn reported(status: &VirtualMachineStatus) -> Outcome {
    let message = format!(
        "{}; spec.drift.policy is Report, so nothing is put back until the spec changes",
        differences(status)
    );
    Outcome::stalled(reason::DRIFT_REPORTED, message)
}

/// In which fields the machine is not as declared.
#[must_use]
pub fn differences(status: &VirtualMachineStatus) -> String {
    let fields: Vec<String> = status
        .drift
        .iter()
        .map(|d| format!("{} is {} instead of {}", d.field, d.observed, d.desired))
        .collect();
    fields.join("; ")
}

/// What waits for the next reboot, and when that comes.
#[must_use]
pub fn reboot_required(status: &VirtualMachineStatus) -> Option<String> {
    let waits = !status.pending.is_empty();
    waits.then(|| {
        format!(
            "{} waits for the next reboot{}",
            status.pending.join(", "),
            when(status)
        )
    })
}

/// When a reboot comes that something waits for.
fn when(status: &VirtualMachineStatus) -> String {
    let policy = status.effective.as_ref().and_then(|e| e.reboot_policy);
    let again = status
        .last_reboot
        .as_ref()
        .is_some_and(|last| last.pending == status.pending);
    let task = status.task.as_ref();
    match policy.unwrap_or_default() {
        _ if task.is_some_and(|task| task.action == TaskStatus::REBOOT) => ", which is under way".to_owned(),
        _ if again => ": the last one did not help, and none is repeated for that. Look at the host's log".to_owned(),
        RebootPolicy::Never => ": shut the machine down and start it again, or restart it from the host's page, when it \
                                suits; rebootPolicy can have Drover do that"
            .to_owned(),
        RebootPolicy::WhenRequired => ", which is done as soon as it can be".to_owned(),
        RebootPolicy::InWindow => {
            ", which is done in the maintenance window of its host (spec.maintenanceWindow of the ProxmoxNode)".to_owned()
        }
    }
}

/// Whether the resource's annotation says that no pass may act.
#[must_use]
pub fn is_paused(vm: &VirtualMachine) -> bool {
    let annotations = vm.metadata.annotations.as_ref();
    annotations
        .and_then(|a| a.get(crate::api::names::PAUSED))
        .is_some_and(|v| v == "true")
}

/// Whether the present declaration was carried out before: Ready, for this very generation, and for the class as it is
/// now.
#[must_use]
fn was_ready(vm: &VirtualMachine, now: &VirtualMachineStatus) -> bool {
    vm.status.as_ref().is_some_and(|stored| {
        stored.observed_generation == vm.metadata.generation
            && stored.class == now.class
            && (conditions::is_true(&stored.conditions, conditions::READY)
                || conditions::is_true(&stored.conditions, conditions::DRIFTED))
    })
}

/// Whether differences are told and not put back: the resource only looks on, or reports what others changed since the
/// present declaration was carried out.
#[must_use]
pub fn only_reports(vm: &VirtualMachine, now: &VirtualMachineStatus) -> bool {
    let policy = vm.spec.drift.as_ref().and_then(|d| d.policy);
    let observes = vm.spec.management_policy == Some(ManagementPolicy::Observe);
    observes || (policy == Some(DriftPolicy::Report) && was_ready(vm, now))
}

/// Whether the stored status and the bulk list agree so far that the guest's configuration need not be read.
#[must_use]
pub fn agrees(vm: &VirtualMachine, desired: &Desired, row: &GuestRow, paused: bool) -> bool {
    let Some(status) = &vm.status else { return false };
    let Some(observed) = &status.observed else {
        return false;
    };
    let power = match row.power {
        Power::Running if paused => status.power_state == Some(ObservedPower::Paused),
        Power::Running => status.power_state == Some(ObservedPower::Running),
        Power::Stopped => matches!(
            status.power_state,
            Some(ObservedPower::Stopped | ObservedPower::Suspended)
        ),
        Power::Unknown => true,
    };
    let wanted = match desired.power {
        None => true,
        Some(DesiredPower::Running) => row.power != Power::Stopped && !paused,
        Some(DesiredPower::Paused) => row.power != Power::Stopped && paused,
        Some(DesiredPower::Stopped | DesiredPower::Suspended) => row.power != Power::Running,
    };
    let memory = observed.memory.bytes().ok();
    let handled = vm
        .metadata
        .annotations
        .as_ref()
        .and_then(|a| a.get(crate::api::names::RECONCILE_AT));
    conditions::is_true(&status.conditions, conditions::READY)
        && status.observed_generation == vm.metadata.generation
        && status.last_handled_reconcile_at.as_ref() == handled
        && status.task.is_none()
        && status.drift.is_empty()
        // What waits for a reboot is gone after one, and the list does not tell of every option.
        && status.pending.is_empty()
        && status.identity.is_some()
        && power
        && wanted
        && row.template == desired.template
        && (desired.high_availability.is_none() || desired.leaves("highAvailability") || row.ha_state.is_some())
        && tags_and_pool_agree(desired, row)
        && (!desired.named || row.name.as_ref().is_none_or(|name| *name == desired.name))
        && (row.cpus == 0 || row.cpus == observed.cpus)
        && (row.memory == 0 || Some(row.memory) == memory)
}

fn tags_and_pool_agree(desired: &Desired, row: &GuestRow) -> bool {
    let tags = desired.settings.tags.as_ref().filter(|_| !desired.leaves("tags"));
    let pool = desired.pool.as_ref().filter(|_| !desired.leaves("pool"));
    tags.is_none_or(|tags| *tags == row.tags) && pool.is_none_or(|pool| row.pool.as_ref() == Some(pool))
}

/// Whether the bulk list shows a guest as its configuration was read.
#[must_use]
pub fn shows(row: &GuestRow, config: &GuestConfig) -> bool {
    let hardware = &config.current;
    let cpus = hardware.sockets.saturating_mul(hardware.cores);
    let memory = hardware.memory_mib.saturating_mul(MIB);
    row.tags == config.next.tags
        && (row.name.is_none() || row.name == config.name)
        && (row.cpus == 0 || row.cpus == cpus)
        && (row.memory == 0 || row.memory == memory)
}

/// Writes what the bulk list shows into the status.
pub fn observe_row(status: &mut VirtualMachineStatus, row: &GuestRow) {
    status.node = Some(row.node.to_string());
    status.lock = row.lock.as_ref().map(|l| l.0.clone());
    let paused = status.power_state == Some(ObservedPower::Paused);
    match row.power {
        // The list does not tell a paused guest from a running one.
        Power::Running if paused => {}
        Power::Running => status.power_state = Some(ObservedPower::Running),
        Power::Stopped if row.lock.as_ref().is_some_and(Lock::is_suspended) => {
            status.power_state = Some(ObservedPower::Suspended);
        }
        Power::Stopped => status.power_state = Some(ObservedPower::Stopped),
        Power::Unknown if status.power_state.is_none() => status.power_state = Some(ObservedPower::Unknown),
        Power::Unknown => {}
    }
}

/// Writes what the configuration shows into the status. What the spec named once is remembered until it is gone: only
/// so a disk that is taken out of the spec is told from one that people added.
pub fn observe_config(status: &mut VirtualMachineStatus, desired: &Desired, config: &GuestConfig) {
    let hardware = &config.current;
    let before = status.observed.take().unwrap_or_default();
    status.lock = config.lock.as_ref().map(|l| l.0.clone());
    status.pending.clone_from(&config.pending);
    status.observed = Some(Observed {
        cpus: hardware.sockets.saturating_mul(hardware.cores),
        memory: Size::of_bytes(hardware.memory_mib.saturating_mul(MIB)),
        disks: observed_disks(&before, desired, config),
        networks: hardware
            .nics
            .iter()
            .map(|(slot, nic)| ObservedNetwork {
                name: slot.clone(),
                mac: nic.mac.clone(),
                bridge: nic.bridge.clone(),
                network: nic.network.clone(),
                managed: desired.nics.iter().any(|n| n.named && n.slot == *slot)
                    || before.networks.iter().any(|n| n.managed && n.name == *slot),
            })
            .collect(),
        host_devices: hardware
            .devices
            .iter()
            .filter_map(|(slot, mapping)| Some((slot, mapping.as_ref()?)))
            .map(|(slot, mapping)| ObservedDevice {
                name: slot.clone(),
                mapping: mapping.clone(),
                managed: desired.settings.devices.contains(mapping)
                    || before
                        .host_devices
                        .iter()
                        .any(|d| d.managed && d.name == *slot && d.mapping == *mapping),
            })
            .collect(),
    });
}

fn observed_disks(before: &Observed, desired: &Desired, config: &GuestConfig) -> Vec<ObservedDisk> {
    let named = |slot: &str| {
        desired
            .disks
            .iter()
            .find(|d| d.on_remove.is_some() && d.slot == slot)
    };
    let known = |slot: &str| before.disks.iter().find(|d| d.managed && d.name == slot);
    let there = config.current.disks.iter().map(|(slot, disk)| {
        let volume = disk.volume.to_string();
        // One that somebody put in the place of another is not taken for it.
        let former = known(slot).and_then(|known| known.volume.clone());
        let former = former.filter(|former| guest::is_another(former, &disk.volume, &config.next));
        let volume = former.filter(|_| named(slot).is_some()).unwrap_or(volume);
        let dropped = known(slot).filter(|known| known.volume.as_ref() == Some(&volume));
        let on_remove = named(slot).and_then(|d| d.on_remove);
        ObservedDisk {
            name: slot.clone(),
            size: disk.size.map(Size::of_bytes),
            storage: disk.volume.storage().to_owned(),
            volume: Some(volume),
            managed: named(slot).is_some() || dropped.is_some(),
            on_remove: on_remove.or(dropped.and_then(|known| known.on_remove)),
        }
    });
    // One that somebody took out, and one whose volume is still to be deleted.
    let unused = |volume: &str| {
        let owned = config.current.unused.values().chain(config.next.unused.values());
        owned.map(ToString::to_string).any(|owned| owned == volume)
    };
    let gone = before.disks.iter().filter(|disk| {
        let deleted = || {
            disk.on_remove == Some(OnRemove::Delete)
                && disk.volume.as_ref().is_some_and(|volume| unused(volume))
        };
        disk.managed
            && !config.current.disks.contains_key(&disk.name)
            && (named(&disk.name).is_some() || deleted())
    });
    there.chain(gone.cloned()).collect()
}

/// Writes what the agent reported into the status. The system inside stays known until the machine is started anew.
pub fn observe_agent(status: &mut VirtualMachineStatus, report: &AgentReport) {
    const MOST: usize = 32;
    let known = status.agent.take().and_then(|agent| agent.os);
    status.agent = Some(AgentStatus {
        connected: report.connected,
        os: report.system.clone().or(known),
    });
    let mut sorted: Vec<&GuestIp> = report.ips.iter().collect();
    sorted.sort_by_key(|ip| (ip.is_ipv6(), **ip));
    status.addresses = sorted
        .into_iter()
        .take(MOST)
        .map(|ip| Address {
            type_: "InternalIP".to_owned(),
            address: ip.to_string(),
        })
        .collect();
}

/// The outcome for a guest that is as declared.
#[must_use]
pub fn as_declared(status: &VirtualMachineStatus, desired: &Desired) -> Outcome {
    let reason = match desired.power {
        _ if desired.template => reason::TEMPLATE,
        Some(DesiredPower::Running) => reason::RUNNING,
        Some(DesiredPower::Paused) => reason::GUEST_PAUSED,
        Some(DesiredPower::Suspended) if status.power_state == Some(ObservedPower::Suspended) => {
            reason::SUSPENDED
        }
        Some(DesiredPower::Stopped | DesiredPower::Suspended) => reason::STOPPED,
        None => reason::AS_DECLARED,
    };
    let mut message = "the machine is as declared".to_owned();
    if !status.pending.is_empty() {
        message = format!(
            "all that can be changed while it runs is done; {} waits for a reboot",
            status.pending.join(", ")
        );
    }
    Outcome::ready(reason, message)
}

/// What a hold means, and what a person can do.
#[must_use]
pub fn hold(why: Hold, id: GuestId, uid: &str) -> Outcome {
    let (reason, message) = match why {
        Hold::IdentityChanged => (
            reason::IDENTITY_CHANGED,
            format!(
                "machine {id} carries this resource's mark but another UUID than status.identity: somebody \
                 replaced it or changed smbios1. Nothing is sent. Set its UUID back, or remove the line \
                 'drover/v1' from its notes if it is not this resource's"
            ),
        ),
        Hold::MarkedByOther => (
            reason::MARKED_BY_OTHER,
            format!(
                "machine {id} is marked in its notes as somebody else's. Nothing is sent. If it is this \
                 resource's (uid {uid}), remove the line 'drover/v1' from its notes"
            ),
        ),
        Hold::Unidentified => (
            reason::UNIDENTIFIED,
            format!(
                "it can't be told whether machine {id} is this resource's: it carries no mark of its own and \
                 no known UUID. Nothing is sent. If it is a left-over of this resource, remove it on the host; if it is \
                 somebody's, delete this resource, take the finalizer drover.dev/guest off it, and make it again"
            ),
        ),
        Hold::Template => (
            reason::IS_TEMPLATE,
            format!(
                "machine {id} was made a template on the host: it is neither started nor destroyed. To let this resource \
                 go, remove the template on the host"
            ),
        ),
        Hold::Unproven => (
            reason::UNPROVEN,
            format!(
                "machine {id} carries this resource's mark, not sealed, and the node's tasks do not show that \
                 Drover made it. Nothing is sent. Remove the machine if it is a left-over"
            ),
        ),
        Hold::IdentityWithoutMark => (
            reason::UNIDENTIFIED,
            format!(
                "machine {id} has the UUID of this resource's machine but not its mark. Nothing is made. \
                 Remove the machine, or change its UUID, if it is not this resource's"
            ),
        ),
    };
    Outcome::stalled(reason, message)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::api::LastReboot;

    #[test]
    fn reboot_that_is_under_way_is_not_said_to_have_been_in_vain() {
        let mut status = VirtualMachineStatus {
            pending: vec!["cores".to_owned()],
            last_reboot: Some(LastReboot {
                at: Time(Timestamp::UNIX_EPOCH),
                pending: vec!["cores".to_owned()],
            }),
            ..VirtualMachineStatus::default()
        };
        assert!(reboot_required(&status).unwrap().contains("did not help"));
        status.task = Some(TaskStatus {
            id: "UPID".to_owned(),
            action: TaskStatus::REBOOT.to_owned(),
            started_at: Time(Timestamp::UNIX_EPOCH),
            message: None,
        });
        let told = reboot_required(&status).unwrap();
        assert_eq!(told, "cores waits for the next reboot, which is under way");
    }

    #[test]
    fn stalled_and_reconciling_are_there_only_while_true() {
        let types = |outcome: &Outcome| {
            findings(outcome)
                .iter()
                .map(|f| (f.type_, f.truth))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            types(&Outcome::ready(reason::RUNNING, "")),
            [("Ready", Truth::True)]
        );
        assert_eq!(
            types(&Outcome::stalled(reason::NAME_TAKEN, "")),
            [("Ready", Truth::False), ("Stalled", Truth::True)]
        );
        assert_eq!(
            types(&Outcome::unknown(reason::HOST_UNREACHABLE, "")),
            [("Ready", Truth::Unknown), ("Reconciling", Truth::True)]
        );
    }

    #[test]
    fn first_address_is_the_lowest_ipv4() {
        let mut status = VirtualMachineStatus::default();
        let addresses = ["2001:db8::1", "192.0.2.9", "192.0.2.1", "192.0.2.9"].map(|a| a.parse().unwrap());
        let report = AgentReport {
            ips: addresses.into_iter().collect(),
            connected: true,
            system: None,
        };
        status.agent = Some(AgentStatus {
            connected: false,
            os: Some("Debian".into()),
        });
        observe_agent(&mut status, &report);
        let agent = status.agent.clone().unwrap();
        assert_eq!((agent.connected, agent.os.as_deref()), (true, Some("Debian")));
        let shown: Vec<&str> = status.addresses.iter().map(|a| a.address.as_str()).collect();
        assert_eq!(shown, ["192.0.2.1", "192.0.2.9", "2001:db8::1"]);
    }
}
