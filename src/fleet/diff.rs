//! What of two consecutive looks at a cluster is a difference that somebody should look at. Pure. What
//! ticks by itself (uptime, small moves of a capacity) is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{GuestId, GuestRow, NodeRow, Power, StorageRow};

/// The guests that differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GuestDiff {
    /// In the new list and different, or not in the old one.
    pub(super) changed: Vec<GuestId>,
    /// No longer in the list, which proves nothing.
    pub(super) vanished: Vec<GuestId>,
    /// Under the number stands, or may stand, another guest than before.
    pub(super) replaced: Vec<GuestId>,
    /// Came to run, or run anew.
    pub(super) started: Vec<GuestId>,
    /// Ceased to run.
    pub(super) ended: Vec<GuestId>,
}

type Guests = BTreeMap<GuestId, Arc<GuestRow>>;

/// Compares two lists of guests.
pub(super) fn guests(old: &Guests, new: &Guests) -> GuestDiff {
    let mut diff = GuestDiff::default();
    for (id, row) in new {
        let Some(before) = old.get(id) else {
            diff.changed.push(*id);
            continue;
        };
        let (ran, runs) = (before.power == Power::Running, row.power == Power::Running);
        let restarted = ran && runs && row.uptime < before.uptime;
        if restarted || (runs && !ran) {
            diff.started.push(*id);
        }
        if ran && row.power == Power::Stopped {
            diff.ended.push(*id);
        }
        if may_be_another(before, row) {
            diff.replaced.push(*id);
        }
        if restarted || differs(before, row) {
            diff.changed.push(*id);
        }
    }
    diff.vanished = old.keys().filter(|id| !new.contains_key(id)).copied().collect();
    diff
}

/// A change of kind or name: the number may have been recycled between two looks. A name that a new guest
/// gets after its first seconds is none.
fn may_be_another(old: &GuestRow, new: &GuestRow) -> bool {
    old.kind != new.kind || (old.name.is_some() && new.name.is_some() && old.name != new.name)
}

/// Whether anything but the uptime differs.
pub(super) fn differs(old: &GuestRow, new: &GuestRow) -> bool {
    let GuestRow {
        id,
        kind,
        node,
        name,
        power,
        template,
        lock,
        cpus,
        memory,
        uptime: _,
        tags,
        pool,
        ha_state,
    } = old;
    *id != new.id
        || *kind != new.kind
        || *node != new.node
        || *name != new.name
        || *power != new.power
        || *template != new.template
        || *lock != new.lock
        || *cpus != new.cpus
        || *memory != new.memory
        || *tags != new.tags
        || *pool != new.pool
        || *ha_state != new.ha_state
}

/// Whether nodes or storages differ from those that were announced last. The capacity of a pool that is
/// shared with others moves all the time; less than one in a hundred is no difference.
pub(super) fn capacity_differs(old: (&[NodeRow], &[StorageRow]), new: (&[NodeRow], &[StorageRow])) -> bool {
    let same_storage = |(a, b): (&StorageRow, &StorageRow)| {
        a.capacity.abs_diff(b.capacity) <= a.capacity / 100
            && StorageRow {
                capacity: b.capacity,
                ..a.clone()
            } == *b
    };
    old.0 != new.0 || old.1.len() != new.1.len() || !old.1.iter().zip(new.1).all(same_storage)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{node, row, storage_row, vmid};
    use super::*;

    fn list(rows: &[GuestRow]) -> Guests {
        rows.iter().map(|row| (row.id, Arc::new(row.clone()))).collect()
    }

    #[test]
    fn uptime_alone_is_no_difference_but_a_smaller_one_is_a_restart() {
        let old = row(100, Power::Running);
        let later = GuestRow {
            uptime: 500,
            ..old.clone()
        };
        assert_eq!(
            guests(
                &list(std::slice::from_ref(&old)),
                &list(std::slice::from_ref(&later))
            ),
            GuestDiff::default()
        );
        let diff = guests(&list(&[later]), &list(&[old]));
        assert_eq!((diff.changed, diff.started), (vec![vmid(100)], vec![vmid(100)]));
    }

    #[test]
    fn a_shorter_list_only_says_who_is_missing() {
        let old = list(&[row(100, Power::Running), row(101, Power::Stopped)]);
        let diff = guests(&old, &list(&[row(101, Power::Stopped)]));
        assert_eq!(
            diff,
            GuestDiff {
                vanished: vec![vmid(100)],
                ..GuestDiff::default()
            }
        );
    }

    #[test]
    fn another_name_may_be_another_guest_but_a_first_name_is_not() {
        let named = row(100, Power::Stopped);
        let unnamed = GuestRow {
            name: None,
            ..named.clone()
        };
        let renamed = GuestRow {
            name: Some("other".into()),
            ..named.clone()
        };
        assert!(
            guests(&list(&[unnamed]), &list(std::slice::from_ref(&named)))
                .replaced
                .is_empty()
        );
        assert_eq!(guests(&list(&[named]), &list(&[renamed])).replaced, [vmid(100)]);
    }

    #[test]
    fn capacity_that_ticks_is_no_difference() {
        let old = storage_row("tank", &node("pve1"), 1_000_000);
        let ticked = StorageRow {
            capacity: 1_000_500,
            ..old.clone()
        };
        let grown = StorageRow {
            capacity: 2_000_000,
            ..old.clone()
        };
        assert!(!capacity_differs(
            (&[], std::slice::from_ref(&old)),
            (&[], &[ticked])
        ));
        assert!(capacity_differs(
            (&[], std::slice::from_ref(&old)),
            (&[], &[grown])
        ));
        let gone = StorageRow {
            available: false,
            ..old.clone()
        };
        assert!(capacity_differs((&[], &[old]), (&[], &[gone])));
    }
}
