//! Disks: grown, never shrunk.

use super::{Action, Compare, Problem};
use crate::api::Size;
use crate::model::Hardware;
use crate::plan::desired::{Desired, DesiredDisk};

/// A disk is as declared when it has at least the declared size: storages round up, and people may grow it.
pub(super) fn grow(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    for want in &desired.disks {
        grow_one(want, next, compare);
    }
}

fn grow_one(want: &DesiredDisk, next: &Hardware, compare: &mut Compare) {
    let Some(have) = next.disks.get(&want.slot) else {
        compare.problem(Problem::DiskMissing {
            slot: want.slot.clone(),
            present: next.disks.keys().cloned().collect(),
        });
        return;
    };
    let (Some(bytes), Some(size)) = (want.size, have.size) else {
        return;
    };
    if bytes > size {
        let text = |bytes| Size::of_bytes(bytes).0;
        compare.drifted(&want.field("size"), text(bytes), text(size));
        compare.grow.push(Action::GrowDisk {
            slot: want.slot.clone(),
            bytes,
        });
    }
}
