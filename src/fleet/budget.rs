//! How many mutating tasks may run at once in a cluster, on one storage, and from one source of clones.
//!
//! Nobody waits in here: who finds no room is put on a list, and when there is room it is kept for the
//! first on the list who fits, who is woken and asks again. So a late-comer can't take what another was
//! woken for, and one full storage does not hold up work on others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::events::{Events, FleetEvent};
use super::options::Budget;
use super::{locked, now};
use crate::model::{ClusterId, GuestId};

/// How long room is kept for who was woken.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// A mutating task that somebody wants to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The guest for which it is: who is woken when there is room.
    pub id: GuestId,
    /// The storages that it writes to.
    pub storages: BTreeSet<String>,
    /// The guest that it copies.
    pub clone_source: Option<GuestId>,
}

impl Work {
    /// Work that counts as a task alone.
    #[must_use]
    pub const fn plain(id: GuestId) -> Self {
        Self {
            id,
            storages: BTreeSet::new(),
            clone_source: None,
        }
    }
}

/// Why a task may not start yet. The guest is woken, first come first served, when it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// In words, for a condition.
    pub reason: String,
}

/// The right to run one mutating task, given back when dropped. Hand it to [`super::Cluster::track`] with
/// the task, or drop it when the call was done at once or failed.
#[derive(Debug)]
#[must_use = "the room is given back when the permit is dropped"]
pub struct Permit {
    budgets: Arc<Budgets>,
    work: Work,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = locked(&self.budgets.state);
        state.used.remove(&self.work);
        self.budgets.hand_out(&mut state);
    }
}

/// The budgets of one cluster.
#[derive(Debug)]
pub(super) struct Budgets {
    cluster: ClusterId,
    events: Events,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: Budget,
    /// By running work and by room that is kept.
    used: Usage,
    waiting: VecDeque<Work>,
    kept: BTreeMap<GuestId, Kept>,
}

#[derive(Debug)]
struct Kept {
    work: Work,
    until: Instant,
}

impl Budgets {
    pub(super) const fn new(cluster: ClusterId, events: Events, limits: Budget) -> Self {
        Self {
            cluster,
            events,
            state: Mutex::new(State {
                limits,
                used: Usage {
                    tasks: 0,
                    storages: BTreeMap::new(),
                    sources: BTreeMap::new(),
                },
                waiting: VecDeque::new(),
                kept: BTreeMap::new(),
            }),
        }
    }

    /// Changes the limits; what runs, runs on.
    pub(super) fn limit(&self, limits: Budget) {
        let mut state = locked(&self.state);
        state.limits = limits;
        self.hand_out(&mut state);
    }

    /// Room for this work, or why there is none.
    pub(super) fn admit(self: &Arc<Self>, work: Work) -> Result<Permit, Held> {
        let mut state = locked(&self.state);
        let was_woken = state.kept.remove(&work.id);
        if let Some(kept) = &was_woken {
            state.used.remove(&kept.work);
        }
        let fits = state.used.fits(&state.limits, &work);
        let place = state.waiting.iter().position(|other| other.id == work.id);
        let answer = match (fits, place) {
            (Ok(()), place) => {
                if let Some(place) = place {
                    state.waiting.remove(place);
                }
                state.used.add(&work);
                Ok(Permit {
                    budgets: Arc::clone(self),
                    work,
                })
            }
            (Err(reason), place) => {
                match place {
                    Some(place) => state.waiting[place] = work,
                    None if was_woken.is_some() => state.waiting.push_front(work),
                    None => state.waiting.push_back(work),
                }
                Err(Held { reason })
            }
        };
        self.hand_out(&mut state);
        answer
    }

    /// Counts work that runs already, whether there is room or not (a task of an earlier process).
    pub(super) fn count(self: &Arc<Self>, work: Work) -> Permit {
        locked(&self.state).used.add(&work);
        Permit {
            budgets: Arc::clone(self),
            work,
        }
    }

    /// Gives room away that was kept for somebody who did not come.
    pub(super) fn expire(&self) {
        let mut state = locked(&self.state);
        let now = now();
        let late: Vec<GuestId> = state
            .kept
            .iter()
            .filter(|(_, kept)| kept.until <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            if let Some(kept) = state.kept.remove(&id) {
                state.used.remove(&kept.work);
            }
        }
        self.hand_out(&mut state);
    }

    fn hand_out(&self, state: &mut State) {
        let mut place = 0;
        while state.used.tasks < state.limits.tasks.max(1)
            && let Some(work) = state.waiting.get(place)
        {
            if state.used.fits(&state.limits, work).is_err() {
                place += 1;
                continue;
            }
            if let Some(work) = state.waiting.remove(place) {
                let id = work.id;
                state.used.add(&work);
                let until = now() + KEPT_FOR;
                state.kept.insert(id, Kept { work, until });
                self.events.send(FleetEvent::Guest {
                    cluster: self.cluster.clone(),
                    id,
                });
            }
        }
    }
}

/// What is taken of the limits.
#[derive(Debug, Default)]
struct Usage {
    tasks: usize,
    storages: BTreeMap<String, usize>,
    sources: BTreeMap<GuestId, usize>,
}

impl Usage {
    fn fits(&self, limits: &Budget, work: &Work) -> Result<(), String> {
        // A limit of nothing would hold everything for ever: it counts as one.
        let tasks = limits.tasks.max(1);
        if self.tasks >= tasks {
            return Err(format!("{} of {tasks} tasks of the cluster run", self.tasks));
        }
        let per_storage = limits.tasks_per_storage.max(1);
        for storage in &work.storages {
            let used = self.storages.get(storage).copied().unwrap_or(0);
            if used >= per_storage {
                return Err(format!(
                    "{used} of {per_storage} tasks on the storage '{storage}' run"
                ));
            }
        }
        if let Some(source) = work.clone_source {
            let per_source = limits.clones_per_source.max(1);
            let used = self.sources.get(&source).copied().unwrap_or(0);
            if used >= per_source {
                return Err(format!("{used} of {per_source} clones of the guest {source} run"));
            }
        }
        Ok(())
    }

    fn add(&mut self, work: &Work) {
        self.tasks += 1;
        for storage in &work.storages {
            *self.storages.entry(storage.clone()).or_default() += 1;
        }
        if let Some(source) = work.clone_source {
            *self.sources.entry(source).or_default() += 1;
        }
    }

    fn remove(&mut self, work: &Work) {
        self.tasks = self.tasks.saturating_sub(1);
        for storage in &work.storages {
            take_one(&mut self.storages, storage);
        }
        if let Some(source) = work.clone_source {
            take_one(&mut self.sources, &source);
        }
    }
}

fn take_one<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::FleetEvents;
    use super::super::fake::{cluster_id, vmid};
    use super::*;
    use crate::model::Vmid;

    fn budgets(tasks: usize, per_storage: usize, per_source: usize) -> (Arc<Budgets>, FleetEvents) {
        let (events, receiver) = Events::new();
        let limits = Budget {
            requests: 1,
            tasks,
            tasks_per_storage: per_storage,
            clones_per_source: per_source,
        };
        (Arc::new(Budgets::new(cluster_id('a'), events, limits)), receiver)
    }

    fn on(storage: &str, number: u32) -> Work {
        Work {
            storages: BTreeSet::from([storage.to_owned()]),
            ..Work::plain(vmid(number))
        }
    }

    fn woken(receiver: &mut FleetEvents) -> Vec<u32> {
        receiver
            .take_waiting()
            .into_iter()
            .filter_map(|event| match event {
                FleetEvent::Guest { id, .. } => id.number().map(Vmid::get),
                FleetEvent::Host(_) => None,
            })
            .collect()
    }

    #[test]
    fn room_goes_to_who_came_first_and_is_kept_for_it() {
        let (budgets, mut receiver) = budgets(1, 9, 9);
        let running = budgets.admit(Work::plain(vmid(100))).unwrap();
        for number in [101, 102, 101] {
            assert!(budgets.admit(Work::plain(vmid(number))).is_err());
        }
        drop(running);
        assert_eq!(woken(&mut receiver), [101]);
        assert!(
            budgets.admit(Work::plain(vmid(103))).is_err(),
            "103 must not overtake"
        );
        let running = budgets.admit(Work::plain(vmid(101))).unwrap();
        drop(running);
        assert_eq!(woken(&mut receiver), [102]);
    }

    #[test]
    fn full_storage_does_not_hold_up_another() {
        let (budgets, mut receiver) = budgets(4, 1, 9);
        let first = budgets.admit(on("slow", 100)).unwrap();
        assert!(
            budgets
                .admit(on("slow", 101))
                .unwrap_err()
                .reason
                .contains("'slow'")
        );
        let other = budgets.admit(on("fast", 102)).unwrap();
        drop(other);
        assert!(woken(&mut receiver).is_empty());
        drop(first);
        assert_eq!(woken(&mut receiver), [101]);
    }

    #[test]
    fn clones_of_one_source_are_limited() {
        let (budgets, _receiver) = budgets(9, 9, 1);
        let clone = |number| Work {
            clone_source: Some(vmid(900)),
            ..Work::plain(vmid(number))
        };
        let _running = budgets.admit(clone(100)).unwrap();
        assert!(budgets.admit(clone(101)).is_err());
        assert!(budgets.admit(Work::plain(vmid(102))).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn room_that_nobody_fetches_goes_to_the_next() {
        let (budgets, mut receiver) = budgets(1, 9, 9);
        let running = budgets.admit(Work::plain(vmid(100))).unwrap();
        let _ = budgets.admit(Work::plain(vmid(101)));
        let _ = budgets.admit(Work::plain(vmid(102)));
        drop(running);
        assert_eq!(woken(&mut receiver), [101]);
        tokio::time::advance(KEPT_FOR).await;
        budgets.expire();
        assert_eq!(woken(&mut receiver), [102]);
    }

    #[test]
    fn work_of_an_earlier_process_counts() {
        let (budgets, _receiver) = budgets(1, 9, 9);
        let earlier = budgets.count(Work::plain(vmid(100)));
        assert!(budgets.admit(Work::plain(vmid(101))).is_err());
        drop(earlier);
        assert!(budgets.admit(Work::plain(vmid(101))).is_ok());
    }
}
