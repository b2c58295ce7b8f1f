//! What was read of single guests, beside the bulk list: configurations, addresses, and who wants them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::locked;
use crate::hypervisor::Error;
use crate::model::{AgentReport, GuestAddress, GuestConfig, GuestId, GuestIp};

/// A configuration and its age.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigReading {
    /// What was read.
    pub config: Arc<GuestConfig>,
    /// When the request was sent: the configuration is at least as new.
    pub read_at: Instant,
}

/// What is wanted of a guest that Drover owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Its agent is enabled: addresses are asked after each start until found, and once a sweep.
    pub agent: bool,
    /// No address is known yet: ask now, as after a start. Counts when it becomes true, not each time.
    pub seek_addresses: bool,
    /// The system inside is not known yet: ask for it, once a start, when its agent answers.
    pub seek_system: bool,
}

/// What a number stands for, as far as can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberPresence {
    /// No guest has it, said by a cluster with a majority before and after.
    Free,
    /// A guest has it.
    Taken,
    /// The cluster had no majority: nothing may be concluded.
    NotQuorate,
}

/// What is left after reading guests that were not read before.
#[derive(Debug, Default)]
pub struct Unread {
    /// How many of them are still unread.
    pub left: usize,
    /// Which could not be read, and why.
    pub failed: Vec<(GuestAddress, Error)>,
}

/// How often addresses are asked for after a start before the hourly sweep must do.
const SEEK_ATTEMPTS: u32 = 12;
const SEEK_FIRST: Duration = Duration::from_secs(2);
const SEEK_CAP: Duration = Duration::from_mins(1);

/// What is to be read of one guest out of turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Errand {
    pub(super) config: bool,
    pub(super) power: bool,
    pub(super) addresses: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seek {
    due: Instant,
    attempt: u32,
}

/// The readings of one cluster.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    configs: BTreeMap<GuestId, ConfigReading>,
    agents: BTreeMap<GuestId, AgentReport>,
    /// Which agents were asked for the system since the start of their guest.
    systems: BTreeSet<GuestId>,
    interests: BTreeMap<GuestId, Interest>,
    seeking: BTreeMap<GuestId, Seek>,
    errands: BTreeMap<GuestId, Errand>,
}

impl Inner {
    fn forget_agent(&mut self, id: GuestId) {
        self.agents.remove(&id);
        self.systems.remove(&id);
    }
}

impl Readings {
    /// Keeps a configuration unless a newer one is there; whether it differs from the one before.
    pub(super) fn keep_config(&self, id: GuestId, reading: &ConfigReading) -> bool {
        let mut inner = locked(&self.0);
        match inner.configs.get(&id) {
            Some(known) if known.read_at > reading.read_at => false,
            known => {
                let differs = known.is_none_or(|known| known.config != reading.config);
                inner.configs.insert(id, reading.clone());
                differs
            }
        }
    }

    pub(super) fn config(&self, id: GuestId) -> Option<ConfigReading> {
        locked(&self.0).configs.get(&id).cloned()
    }

    /// Forgets a configuration, because under the number stands, or may stand, another guest.
    pub(super) fn forget_config(&self, id: GuestId) {
        locked(&self.0).configs.remove(&id);
    }

    /// Keeps the answer of a guest's agent, or that it gave none; whether that is a change.
    pub(super) fn keep_addresses(&self, id: GuestId, answer: Option<Vec<GuestIp>>) -> bool {
        let mut inner = locked(&self.0);
        let connected = answer.is_some();
        let before = inner.agents.get(&id).cloned().unwrap_or_default();
        let ips = answer.map_or(before.ips, |ips| ips.into_iter().collect());
        if connected && !ips.is_empty() {
            inner.seeking.remove(&id);
        }
        let after = AgentReport {
            ips,
            connected,
            system: before.system,
        };
        inner.agents.insert(id, after.clone()) != Some(after)
    }

    /// Whether the guest's agent is to be asked for the system inside; true once a start.
    pub(super) fn seeks_system(&self, id: GuestId) -> bool {
        let mut inner = locked(&self.0);
        let wanted = inner
            .interests
            .get(&id)
            .is_some_and(|interest| interest.seek_system);
        wanted && inner.systems.insert(id)
    }

    /// Keeps what a guest's agent called the system inside.
    pub(super) fn keep_system(&self, id: GuestId, system: String) {
        if let Some(report) = locked(&self.0).agents.get_mut(&id) {
            report.system = Some(system);
        }
    }

    pub(super) fn agent(&self, id: GuestId) -> Option<AgentReport> {
        locked(&self.0).agents.get(&id).cloned()
    }

    /// Whose guest it is. `runs` is as the snapshot has it; true if there is something to do at once.
    pub(super) fn watch(&self, id: GuestId, interest: Interest, runs: bool, now: Instant) -> bool {
        let mut inner = locked(&self.0);
        let before = inner.interests.insert(id, interest).unwrap_or_default();
        let seeks = |i: Interest| i.agent && i.seek_addresses;
        if !interest.agent {
            inner.seeking.remove(&id);
        }
        let begin = seeks(interest) && !seeks(before) && runs;
        if begin {
            let seek = Seek { due: now, attempt: 0 };
            inner.seeking.entry(id).or_insert(seek);
        }
        begin
    }

    pub(super) fn unwatch(&self, id: GuestId) {
        let mut inner = locked(&self.0);
        inner.interests.remove(&id);
        inner.seeking.remove(&id);
        inner.forget_agent(id);
    }

    pub(super) fn interest(&self, id: GuestId) -> Option<Interest> {
        locked(&self.0).interests.get(&id).copied()
    }

    /// The guest came to run: addresses of its last run are void, and new ones are sought.
    pub(super) fn started(&self, id: GuestId, now: Instant) {
        let mut inner = locked(&self.0);
        inner.forget_agent(id);
        if inner.interests.get(&id).is_some_and(|interest| interest.agent) {
            let due = now + SEEK_FIRST;
            inner.seeking.insert(id, Seek { due, attempt: 0 });
        }
    }

    /// The guest ceased to run.
    pub(super) fn ended(&self, id: GuestId) {
        let mut inner = locked(&self.0);
        inner.forget_agent(id);
        inner.seeking.remove(&id);
    }

    /// Forgets what was read of guests that are no longer there. Who is watched stays watched.
    pub(super) fn retain(&self, there: impl Fn(GuestId) -> bool) {
        let mut inner = locked(&self.0);
        inner.configs.retain(|id, _| there(*id));
        inner.agents.retain(|id, _| there(*id));
        inner.systems.retain(|id| there(*id));
        inner.seeking.retain(|id, _| there(*id));
        inner.errands.retain(|id, _| there(*id));
    }

    /// Has something of a guest read out of turn.
    pub(super) fn send(&self, id: GuestId, errand: Errand) {
        let mut inner = locked(&self.0);
        let known = inner.errands.entry(id).or_default();
        known.config |= errand.config;
        known.power |= errand.power;
    }

    /// When there is something to read out of turn.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let inner = locked(&self.0);
        if !inner.errands.is_empty() {
            return Some(now);
        }
        inner.seeking.values().map(|seek| seek.due).min()
    }

    /// Takes what is to be read now; for addresses the next attempt is set at once.
    pub(super) fn take_due(&self, now: Instant) -> Option<(GuestId, Errand)> {
        let mut inner = locked(&self.0);
        if let Some(first) = inner.errands.pop_first() {
            return Some(first);
        }
        let (id, seek) = inner
            .seeking
            .iter()
            .filter(|(_, seek)| seek.due <= now)
            .min_by_key(|(_, seek)| seek.due)
            .map(|(id, seek)| (*id, *seek))?;
        let attempt = seek.attempt + 1;
        if attempt >= SEEK_ATTEMPTS {
            inner.seeking.remove(&id);
        } else {
            let due = now + (SEEK_FIRST * (1 << attempt.min(5))).min(SEEK_CAP);
            inner.seeking.insert(id, Seek { due, attempt });
        }
        let addresses = Errand {
            addresses: true,
            ..Errand::default()
        };
        Some((id, addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::vmid;
    use super::*;

    const AGENT: Interest = Interest {
        agent: true,
        seek_addresses: false,
        seek_system: true,
    };

    #[test]
    fn addresses_are_sought_after_a_start_a_bounded_number_of_times() {
        let readings = Readings::default();
        let mut now = Instant::now();
        readings.watch(vmid(100), AGENT, false, now);
        readings.started(vmid(100), now);
        let mut attempts = 0;
        while let Some(due) = readings.next_due(now) {
            assert!(due - now <= SEEK_CAP);
            now = due;
            assert!(readings.take_due(now).is_some_and(|(_, errand)| errand.addresses));
            attempts += 1;
        }
        assert_eq!(attempts, SEEK_ATTEMPTS);
    }

    #[test]
    fn found_addresses_end_the_search_and_a_stop_voids_them() {
        let readings = Readings::default();
        let now = Instant::now();
        readings.watch(vmid(100), AGENT, false, now);
        readings.started(vmid(100), now);
        assert!(readings.keep_addresses(vmid(100), Some(vec!["10.0.0.5".parse().unwrap()])));
        assert_eq!(readings.next_due(now), None);
        assert!(!readings.keep_addresses(vmid(100), Some(vec!["10.0.0.5".parse().unwrap()])));
        readings.ended(vmid(100));
        assert_eq!(readings.agent(vmid(100)), None);
    }

    #[test]
    fn silent_agent_keeps_the_addresses_that_were_seen() {
        let readings = Readings::default();
        readings.keep_addresses(vmid(100), Some(vec!["10.0.0.5".parse().unwrap()]));
        readings.keep_addresses(vmid(100), None);
        let known = readings.agent(vmid(100)).unwrap();
        assert_eq!((known.ips.len(), known.connected), (1, false));
    }

    #[test]
    fn wish_for_addresses_counts_when_it_is_new() {
        let readings = Readings::default();
        let now = Instant::now();
        let wish = Interest {
            seek_addresses: true,
            ..AGENT
        };
        assert!(readings.watch(vmid(100), wish, true, now));
        assert!(!readings.watch(vmid(100), wish, true, now));
    }
}
