//! What is done next to a guest that is the resource's own, and where it is not as declared.

mod cloud_init;
mod compare;
mod disks;
mod media;
mod nics;
mod power;
mod problem;
mod settings;
mod shape;
#[cfg(test)]
mod tests;

pub use disks::{is_another, new_disk};
pub use media::CDROM;
pub use problem::Problem;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{FieldDrift, Observed, OnRemove, VirtualMachineStatus};
use crate::model::{Change, GuestConfig, HaSetting, Hardware, Lock, Migration, PowerState};
use crate::plan::desired::Desired;
use compare::Compare;

/// What was seen of a guest, just now.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its configuration.
    pub config: &'a GuestConfig,
    /// Its power, without the bulk list's lag where that matters.
    pub power: PowerState,
    /// The version of the Secret whose password it was given last.
    pub password_sent: Option<&'a str>,
    /// What the spec named before.
    pub managed: &'a Managed,
    /// Its pool.
    pub pool: SeenPool<'a>,
    /// Whether it may be rebooted for what waits for that.
    pub reboot: Reboot,
    /// What high availability does with it.
    pub high_availability: SeenHa<'a>,
    /// Where it is to be moved to.
    pub moving: Option<&'a Moving>,
}

/// A move to another node that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The node that it is on.
    pub from: String,
    /// The move.
    pub migration: Migration,
    /// Whether the spec says so, and not a maintenance.
    pub declared: bool,
}

/// What high availability does with a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenHa<'a> {
    /// Not asked.
    Unknown,
    /// Nothing: it is not under it.
    None,
    /// This.
    Set(&'a HaSetting),
}

impl<'a> SeenHa<'a> {
    /// What was answered, if it was asked.
    #[must_use]
    pub const fn of(answer: Option<&'a Option<HaSetting>>) -> Self {
        match answer {
            None => Self::Unknown,
            Some(None) => Self::None,
            Some(Some(setting)) => Self::Set(setting),
        }
    }
}

/// Whether a guest may be rebooted for what waits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reboot {
    /// Not now.
    No,
    /// By asking the guest.
    Ask,
    /// It was asked in vain: it is brought down, and started as one that is to run.
    Insist,
}

/// The pool that a guest is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenPool<'a> {
    /// Not known: the list may lag behind a change.
    Unknown,
    /// None.
    None,
    /// This one.
    In(&'a str),
}

/// What the spec named when the guest was last looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed {
    /// Disks by slot.
    pub disks: BTreeMap<String, ManagedDisk>,
    /// Slots of interfaces.
    pub nics: BTreeSet<String>,
    /// Devices of the host: slot and mapping.
    pub devices: BTreeMap<String, String>,
    /// Media for cloud-init that Drover made.
    pub seeds: BTreeSet<String>,
    /// The drive in which one of these was seen.
    pub seed_drive: Option<String>,
}

/// A disk that the spec named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedDisk {
    /// Its volume.
    pub volume: Option<String>,
    /// What becomes of it when the spec no longer names it.
    pub on_remove: OnRemove,
}

impl Managed {
    /// As the status remembers it.
    #[must_use]
    pub fn of(status: &VirtualMachineStatus) -> Self {
        let none = Observed::default();
        let observed = status.observed.as_ref().unwrap_or(&none);
        let media = status.cloud_init.iter().flat_map(|told| &told.media);
        let disks = observed.disks.iter().filter(|disk| disk.managed).map(|disk| {
            let known = ManagedDisk {
                volume: disk.volume.clone(),
                on_remove: disk.on_remove.unwrap_or_default(),
            };
            (disk.name.clone(), known)
        });
        let nics = observed.networks.iter().filter(|nic| nic.managed);
        let devices = observed.host_devices.iter().filter(|device| device.managed);
        Self {
            disks: disks.collect(),
            nics: nics.map(|nic| nic.name.clone()).collect(),
            devices: devices.map(|d| (d.name.clone(), d.mapping.clone())).collect(),
            seeds: media.map(|medium| medium.volume.clone()).collect(),
            seed_drive: status.cloud_init.as_ref().and_then(|told| told.drive.clone()),
        }
    }
}

/// What is to be done, first things first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order; one at a time.
    pub actions: Vec<Action>,
    /// Fields in which the guest is not as declared.
    pub drift: Vec<FieldDrift>,
    /// Options that wait for the next reboot.
    pub pending: Vec<String>,
    /// What keeps the guest from becoming as declared until a person does something.
    pub problem: Option<Problem>,
}

/// One step towards what is declared.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Change the configuration.
    Configure(Vec<Change>),
    /// Grow a disk to a size in bytes.
    GrowDisk {
        /// Its slot.
        slot: String,
        /// The new size.
        bytes: u64,
    },
    /// Move a disk to another storage.
    MoveDisk {
        /// Its slot.
        slot: String,
        /// The storage.
        storage: String,
    },
    /// Put it into a pool.
    JoinPool {
        /// The pool.
        pool: String,
        /// The one that it is in.
        from: Option<String>,
    },
    /// Say what high availability does with it.
    SetHa {
        /// What it is to do.
        setting: HaSetting,
        /// Whether the guest is put under it.
        new: bool,
    },
    /// Move it to another node.
    Migrate(Moving),
    /// Make it a template.
    MakeTemplate,
    /// Start it; one that was suspended goes on where it was.
    Start,
    /// Stop its processors.
    Pause,
    /// Let its processors go on.
    Resume,
    /// Save its memory to disk and stop it.
    Suspend,
    /// Shut it down and start it again, as one act of the host.
    Reboot {
        /// Seconds that it may take to shut down.
        grace_seconds: u32,
    },
    /// Bring it down.
    ShutDown {
        /// Seconds that it may take.
        grace_seconds: u32,
        /// Whether it is powered off after that.
        force: bool,
    },
}

/// Compares a guest with what is declared.
#[must_use]
pub fn plan(desired: &Desired, seen: Seen<'_>) -> Plan {
    let config = seen.config;
    let mut compare = Compare::ignoring(&desired.ignored);
    let have = config.name.clone().unwrap_or_default();
    compare.field(
        "name",
        Some(&desired.name).filter(|_| desired.named),
        &have,
        Change::Name,
    );
    hardware(
        desired,
        &config.next,
        (seen.password_sent, seen.managed),
        &mut compare,
    );
    settings::notes(desired, config, &mut compare);
    settings::extra(desired, &config.raw, &mut compare);
    settings::firmware(desired, &config.next, &mut compare);
    nics::remove(desired, &config.next, seen.managed, &mut compare);
    remove_devices(desired, &config.next, seen.managed, &mut compare);
    disks::compare(desired, &config.next, seen.managed, &mut compare);
    cloud_init::take_out(desired, &config.next, seen.managed, &mut compare);
    let told = cloud_init::is_told(desired, &config.next, seen.managed);
    pool(desired, seen.pool, &mut compare);
    high_availability(desired, seen.high_availability, &mut compare);
    let Compare {
        drift,
        changes,
        then,
        problem,
        ..
    } = compare;
    let mut plan = Plan {
        drift,
        pending: config.pending.clone(),
        problem,
        ..Plan::default()
    };
    if !changes.is_empty() {
        plan.actions.push(Action::Configure(changes));
    }
    plan.actions.extend(then);
    power::compare(desired, seen.power, &mut plan);
    if !told {
        // What it is told at its first start, it is told once; high availability would start it too.
        let starts = |action: &Action| matches!(action, Action::Start | Action::SetHa { .. });
        plan.actions.retain(|action| !starts(action));
    }
    migrate(seen.moving, &mut plan);
    power::reboot(desired, seen, &mut plan);
    template(desired, seen, &mut plan);
    plan
}

/// The changes that make what is declared of a configuration in which nothing stands, but for its disks: where they
/// come from is another matter.
#[must_use]
pub fn from_nothing(desired: &Desired) -> Vec<Change> {
    let mut compare = Compare::default();
    let unmanaged = Managed::default();
    hardware(desired, &Hardware::nothing(), (None, &unmanaged), &mut compare);
    settings::new_firmware(desired, &mut compare);
    settings::extra(desired, &BTreeMap::new(), &mut compare);
    compare.changes
}

fn pool(desired: &Desired, seen: SeenPool<'_>, compare: &mut Compare) {
    let Some(want) = &desired.pool else { return };
    let have = match seen {
        SeenPool::Unknown => return,
        SeenPool::None => None,
        SeenPool::In(pool) => Some(pool),
    };
    if have != Some(want.as_str()) && compare.drifted("pool", want.clone(), have.unwrap_or("none").to_owned())
    {
        compare.then.push(Action::JoinPool {
            pool: want.clone(),
            from: have.map(str::to_owned),
        });
    }
}

fn high_availability(desired: &Desired, seen: SeenHa<'_>, compare: &mut Compare) {
    let Some(want) = &desired.high_availability else {
        return;
    };
    let have = match seen {
        SeenHa::Unknown => return,
        SeenHa::None => None,
        SeenHa::Set(setting) => Some(setting),
    };
    // Without a group in the spec, the group is left to people.
    let group = want
        .group
        .clone()
        .or_else(|| have.and_then(|have| have.group.clone()));
    let wanted = HaSetting {
        state: want.state.clone(),
        group,
    };
    if have == Some(&wanted) {
        return;
    }
    let observed = have.map_or_else(|| "none".to_owned(), ToString::to_string);
    if compare.drifted("highAvailability", wanted.to_string(), observed) {
        compare.then.push(Action::SetHa {
            setting: wanted,
            new: have.is_none(),
        });
    }
}

/// A machine is brought down where it is, and starts or goes on where it is to be.
fn migrate(moving: Option<&Moving>, plan: &mut Plan) {
    let Some(moving) = moving else { return };
    if moving.declared {
        plan.drift.push(FieldDrift {
            field: "hostRef".to_owned(),
            desired: moving.migration.target.to_string(),
            observed: moving.from.clone(),
        });
    }
    let rises = |action: &Action| matches!(action, Action::Start | Action::Resume);
    let place = plan.actions.iter().position(rises).unwrap_or(plan.actions.len());
    plan.actions.insert(place, Action::Migrate(moving.clone()));
}

/// A machine becomes a template when all else is as declared and it does not run.
fn template(desired: &Desired, seen: Seen<'_>, plan: &mut Plan) {
    if !desired.template || seen.config.template {
        return;
    }
    plan.drift.push(FieldDrift {
        field: "template".to_owned(),
        desired: "true".to_owned(),
        observed: "false".to_owned(),
    });
    if plan.actions.is_empty() && plan.problem.is_none() && seen.power == PowerState::Stopped {
        plan.actions.push(Action::MakeTemplate);
    }
}

fn remove_devices(desired: &Desired, next: &Hardware, managed: &Managed, compare: &mut Compare) {
    let named = |mapping: &String| desired.settings.devices.contains(mapping);
    for (slot, mapping) in managed.devices.iter().filter(|(_, mapping)| !named(mapping)) {
        if next.devices.get(slot).and_then(Option::as_ref) == Some(mapping) {
            let field = format!("hostDevices[{mapping}]");
            compare.differs(
                &field,
                "none".to_owned(),
                slot.clone(),
                Change::Unplug(slot.clone()),
            );
        }
    }
}

/// The storage for what comes along with a machine's disks.
fn storage_for(desired: &Desired, next: &Hardware) -> Option<String> {
    let of_spec = desired.disks.iter().find_map(|disk| disk.storage.clone());
    let of_guest = || {
        let disk = next.disks.values().next()?;
        Some(disk.volume.storage().to_owned())
    };
    of_spec.or_else(of_guest)
}

/// All that is set by a change of the configuration. Each field is one line in one of these.
fn hardware(
    desired: &Desired,
    next: &Hardware,
    (password_sent, managed): (Option<&str>, &Managed),
    compare: &mut Compare,
) {
    shape::compare(desired, next, compare);
    media::compare(desired, next, compare);
    nics::compare(desired, next, compare);
    settings::compare(desired, next, compare);
    cloud_init::compare(desired, next, password_sent, managed, compare);
}

/// Whether the guest is rebooted once all that is planned is done and so much waits for that, where it may be.
#[must_use]
pub fn reboots_after(desired: &Desired, seen: Seen<'_>, plan: &Plan, pending: Vec<String>) -> bool {
    power::reboot_after(desired, seen, plan, pending).is_some()
}

/// The lock that refuses what the plan wants to do, if there is something to do.
#[must_use]
pub fn blocked_by<'a>(plan: &Plan, config: &'a GuestConfig) -> Option<&'a Lock> {
    let lock = config.lock.as_ref()?;
    // What was suspended is started through its lock.
    let goes_on = lock.is_suspended() && plan.actions.first() == Some(&Action::Start);
    (!plan.actions.is_empty() && !goes_on).then_some(lock)
}
