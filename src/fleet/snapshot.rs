//! The last seen state of a cluster, shared by all readers and replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::diff::{self, GuestDiff};
use super::locked;
use crate::model::{
    ClusterStatus, GuestAddress, GuestId, GuestRow, Lock, NodeRow, NumberBounds, Overview, Power,
    PowerReading, StorageRow,
};

/// What a cluster looked like when it was asked last. While it can't be reached, the snapshot stays and
/// grows old: see [`super::Cluster::reachable`].
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the bulk list was asked for; `None` before the first one.
    pub taken: Option<Instant>,
    /// Goes up with every change that is worth an event.
    pub revision: u64,
    /// Guests by number, with power and lock as read live where that is newer than the list.
    pub guests: Arc<BTreeMap<GuestId, Arc<GuestRow>>>,
    /// Guests that were paused when their own status was read last.
    pub paused: Arc<BTreeSet<GuestId>>,
    /// Nodes, by name.
    pub nodes: Arc<[NodeRow]>,
    /// Storages, by name and node.
    pub storages: Arc<[StorageRow]>,
    /// Members, by name, and quorum. Which member answered is not kept.
    pub status: Arc<ClusterStatus>,
    /// The datacenter's bounds for new numbers, as of the last time that a host was connected to.
    pub bounds: NumberBounds,
}

impl Snapshot {
    /// One guest.
    #[must_use]
    pub fn guest(&self, id: GuestId) -> Option<&GuestRow> {
        self.guests.get(&id).map(Arc::as_ref)
    }

    /// Where a guest is now.
    #[must_use]
    pub fn address(&self, id: GuestId) -> Option<GuestAddress> {
        self.guest(id).map(|row| GuestAddress {
            node: row.node.clone(),
            id,
        })
    }

    /// One node.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeRow> {
        self.nodes.iter().find(|node| node.name.as_str() == name)
    }

    /// A storage as one node has it.
    #[must_use]
    pub fn storage(&self, node: &str, storage: &str) -> Option<&StorageRow> {
        self.storages
            .iter()
            .find(|row| row.storage == storage && row.node.as_str() == node)
    }
}

/// What a new list changed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) guests: GuestDiff,
    /// Nodes or storages differ from those announced last.
    pub(super) host: bool,
}

/// The snapshot of one cluster and what is needed to make the next one.
#[derive(Debug)]
pub(super) struct View {
    shown: ArcSwap<Snapshot>,
    inner: Mutex<Inner>,
    /// How far the list lags behind a guest's own status.
    lag: Duration,
}

#[derive(Debug, Default)]
struct Inner {
    /// Live readings that the list has not caught up with.
    live: BTreeMap<GuestId, Live>,
    announced: Option<Capacity>,
}

/// Nodes and storages.
type Capacity = (Arc<[NodeRow]>, Arc<[StorageRow]>);

/// A guest's own status, newer than its row.
#[derive(Clone, Debug)]
struct Live {
    power: Power,
    lock: Option<Lock>,
    read_at: Instant,
}

impl Live {
    /// The row as this reading corrects it.
    fn correct(&self, row: &Arc<GuestRow>) -> Arc<GuestRow> {
        if row.power == self.power && row.lock == self.lock {
            return Arc::clone(row);
        }
        let uptime = if row.power == self.power { row.uptime } else { 0 };
        Arc::new(GuestRow {
            power: self.power,
            lock: self.lock.clone(),
            uptime,
            ..GuestRow::clone(row)
        })
    }
}

impl View {
    /// A cluster of which nothing but its members was seen yet.
    pub(super) fn new(status: ClusterStatus, bounds: NumberBounds, lag: Duration) -> Self {
        Self {
            shown: ArcSwap::from_pointee(Snapshot {
                taken: None,
                revision: 0,
                guests: Arc::default(),
                paused: Arc::default(),
                nodes: Arc::from([]),
                storages: Arc::from([]),
                status: Arc::new(status),
                bounds,
            }),
            inner: Mutex::default(),
            lag,
        }
    }

    pub(super) fn shown(&self) -> Arc<Snapshot> {
        self.shown.load_full()
    }

    /// Takes in a bulk list that was asked for at `asked_at`. Its rows are older than that by the lag at
    /// most, so that a live reading counts until a list was asked for later than the lag after it.
    pub(super) fn take_list(&self, overview: Overview, asked_at: Instant) -> Seen {
        let Overview {
            guests,
            mut nodes,
            mut storages,
        } = overview;
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        storages.sort_by(|a, b| (&a.storage, &a.node).cmp(&(&b.storage, &b.node)));
        let mut rows: BTreeMap<GuestId, Arc<GuestRow>> =
            guests.into_iter().map(|row| (row.id, Arc::new(row))).collect();

        let mut inner = locked(&self.inner);
        inner.live.retain(|_, live| asked_at < live.read_at + self.lag);
        for (id, live) in &inner.live {
            if let Some(row) = rows.get_mut(id) {
                *row = live.correct(row);
            }
        }
        let before = self.shown.load_full();
        let diff = diff::guests(&before.guests, &rows);
        let host = inner.announced.as_ref().is_none_or(|(old_nodes, old_storages)| {
            diff::capacity_differs((old_nodes, old_storages), (&nodes, &storages))
        });
        let (nodes, storages): (Arc<[NodeRow]>, Arc<[StorageRow]>) = (nodes.into(), storages.into());
        if host {
            inner.announced = Some((Arc::clone(&nodes), Arc::clone(&storages)));
        }
        let mut paused = Arc::clone(&before.paused);
        let no_longer = |id: &GuestId| {
            diff.started.contains(id) || rows.get(id).is_none_or(|row| row.power != Power::Running)
        };
        if paused.iter().any(no_longer) {
            Arc::make_mut(&mut paused).retain(|id| !no_longer(id));
        }
        let changed = host || !diff.changed.is_empty() || !diff.vanished.is_empty();
        self.shown.store(Arc::new(Snapshot {
            taken: Some(asked_at),
            revision: before.revision + u64::from(changed),
            guests: Arc::new(rows),
            paused,
            nodes,
            storages,
            status: Arc::clone(&before.status),
            bounds: before.bounds,
        }));
        Seen { guests: diff, host }
    }

    /// Takes in a guest's own status, as it was at `read_at`.
    pub(super) fn take_power(&self, id: GuestId, reading: &PowerReading, read_at: Instant) -> GuestDiff {
        let mut inner = locked(&self.inner);
        let before = self.shown.load_full();
        let outdated = before.taken.is_some_and(|taken| taken >= read_at + self.lag)
            || inner.live.get(&id).is_some_and(|live| live.read_at > read_at);
        if outdated {
            return GuestDiff::default();
        }
        let live = Live {
            power: reading.power,
            lock: reading.lock.clone(),
            read_at,
        };
        let Some(row) = before.guests.get(&id) else {
            inner.live.insert(id, live);
            return GuestDiff::default();
        };
        let corrected = live.correct(row);
        inner.live.insert(id, live);
        let paused = reading.paused && reading.power == Power::Running;
        let pause_differs = before.paused.contains(&id) != paused;
        let mut diff = diff::guests(
            &BTreeMap::from([(id, Arc::clone(row))]),
            &BTreeMap::from([(id, Arc::clone(&corrected))]),
        );
        if pause_differs && diff.changed.is_empty() {
            diff.changed.push(id);
        }
        if !diff.changed.is_empty() {
            let mut next = Snapshot::clone(&before);
            next.revision += 1;
            Arc::make_mut(&mut next.guests).insert(id, corrected);
            if pause_differs {
                let set = Arc::make_mut(&mut next.paused);
                if paused {
                    set.insert(id);
                } else {
                    set.remove(&id);
                }
            }
            self.shown.store(Arc::new(next));
        }
        diff
    }

    /// Takes in members and quorum; whether they differ from those before.
    pub(super) fn take_status(&self, mut status: ClusterStatus, bounds: Option<NumberBounds>) -> bool {
        status.members.sort_by(|a, b| a.name.cmp(&b.name));
        let _writing = locked(&self.inner);
        let before = self.shown.load_full();
        let bounds = bounds.unwrap_or(before.bounds);
        // Which member answered changes when another one is asked, and means nothing to the readers.
        for member in &mut status.members {
            member.local = false;
        }
        let differs = status != *before.status || bounds != before.bounds;
        let mut next = Snapshot::clone(&before);
        next.revision += u64::from(differs);
        next.status = Arc::new(status);
        next.bounds = bounds;
        self.shown.store(Arc::new(next));
        differs
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{overview, row, vmid};
    use super::*;

    fn view() -> View {
        let status = ClusterStatus {
            name: None,
            quorate: true,
            members: Vec::new(),
        };
        View::new(status, NumberBounds::default(), Duration::from_secs(13))
    }

    fn reading(power: Power, paused: bool) -> PowerReading {
        PowerReading {
            power,
            paused,
            lock: None,
        }
    }

    #[test]
    fn live_reading_counts_until_the_list_must_have_caught_up() {
        let view = view();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        view.take_list(overview(&[row(100, Power::Stopped)]), at(0));
        let diff = view.take_power(vmid(100), &reading(Power::Running, false), at(5));
        assert_eq!(diff.started, [vmid(100)]);

        let lagging = view.take_list(overview(&[row(100, Power::Stopped)]), at(10));
        assert_eq!(lagging.guests, GuestDiff::default());
        assert_eq!(view.shown().guest(vmid(100)).unwrap().power, Power::Running);

        let later = view.take_list(overview(&[row(100, Power::Stopped)]), at(20));
        assert_eq!(later.guests.ended, [vmid(100)]);
    }

    #[test]
    fn reading_older_than_the_list_by_more_than_the_lag_is_ignored() {
        let view = view();
        let start = Instant::now();
        view.take_list(
            overview(&[row(100, Power::Stopped)]),
            start + Duration::from_mins(1),
        );
        let diff = view.take_power(vmid(100), &reading(Power::Running, false), start);
        assert_eq!(diff, GuestDiff::default());
        assert_eq!(view.shown().guest(vmid(100)).unwrap().power, Power::Stopped);
    }

    #[test]
    fn pause_is_kept_until_the_guest_stops() {
        let view = view();
        let start = Instant::now();
        view.take_list(overview(&[row(100, Power::Running)]), start);
        view.take_power(vmid(100), &reading(Power::Running, true), start);
        view.take_list(
            overview(&[row(100, Power::Running)]),
            start + Duration::from_mins(1),
        );
        assert!(view.shown().paused.contains(&vmid(100)));
        view.take_list(
            overview(&[row(100, Power::Stopped)]),
            start + Duration::from_secs(70),
        );
        assert!(view.shown().paused.is_empty());
    }

    #[test]
    fn revision_stands_still_while_nothing_changes() {
        let view = view();
        let start = Instant::now();
        view.take_list(overview(&[row(100, Power::Running)]), start);
        let revision = view.shown().revision;
        let older = GuestRow {
            uptime: 9_999,
            ..row(100, Power::Running)
        };
        view.take_list(overview(&[older]), start + Duration::from_secs(10));
        assert_eq!(view.shown().revision, revision);
    }
}
