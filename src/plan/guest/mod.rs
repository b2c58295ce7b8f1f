//! What is done next to a guest that is the resource's own, and where it is not as declared.

mod cloud_init;
mod compare;
mod disks;
mod media;
mod nics;
mod power;
mod shape;
#[cfg(test)]
mod tests;

pub use media::CDROM;

use crate::api::FieldDrift;
use crate::model::{Change, GuestConfig, Hardware, Lock, PowerState};
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
    /// Start it; one that was suspended goes on where it was.
    Start,
    /// Stop its processors.
    Pause,
    /// Let its processors go on.
    Resume,
    /// Save its memory to disk and stop it.
    Suspend,
    /// Bring it down.
    ShutDown {
        /// Seconds that it may take.
        grace_seconds: u32,
        /// Whether it is powered off after that.
        force: bool,
    },
}

/// What only a person can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The guest lacks the disk that the spec names; these are there.
    DiskMissing {
        /// The slot in the spec.
        slot: String,
        /// The slots of the guest.
        present: Vec<String>,
    },
    /// The interface can't be added because nobody names a bridge for it.
    BridgeMissing {
        /// The slot in the spec.
        slot: String,
    },
    /// No slot is free for the medium of cloud-init, or nobody names a storage for it.
    NoPlaceForCloudInit,
    /// A Secret that the spec names can't be used.
    NoSecret {
        /// What is wrong, and what would be right.
        what: String,
    },
}

/// Compares a guest with what is declared.
#[must_use]
pub fn plan(desired: &Desired, seen: Seen<'_>) -> Plan {
    let config = seen.config;
    let mut compare = Compare::default();
    let have = config.name.clone().unwrap_or_default();
    compare.field(
        "name",
        Some(&desired.name).filter(|_| desired.named),
        &have,
        Change::Name,
    );
    hardware(desired, &config.next, seen.password_sent, &mut compare);
    disks::grow(desired, &config.next, &mut compare);
    let Compare {
        drift,
        changes,
        grow,
        problem,
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
    plan.actions.extend(grow);
    power::compare(desired, seen.power, &mut plan);
    plan
}

/// The changes that make what is declared of a configuration in which nothing stands, but for its disks: where they
/// come from is another matter.
#[must_use]
pub fn from_nothing(desired: &Desired) -> Vec<Change> {
    let mut compare = Compare::default();
    hardware(desired, &Hardware::nothing(), None, &mut compare);
    compare.changes
}

/// All that is set by a change of the configuration. Each field is one line in one of these.
fn hardware(desired: &Desired, next: &Hardware, password_sent: Option<&str>, compare: &mut Compare) {
    shape::compare(desired, next, compare);
    media::compare(desired, next, compare);
    nics::compare(desired, next, compare);
    cloud_init::compare(desired, next, password_sent, compare);
}

/// The lock that refuses what the plan wants to do, if there is something to do.
#[must_use]
pub fn blocked_by<'a>(plan: &Plan, config: &'a GuestConfig) -> Option<&'a Lock> {
    let lock = config.lock.as_ref()?;
    // What was suspended is started through its lock.
    let goes_on = lock.is_suspended() && plan.actions.first() == Some(&Action::Start);
    (!plan.actions.is_empty() && !goes_on).then_some(lock)
}
