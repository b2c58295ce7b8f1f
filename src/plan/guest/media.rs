//! What lies in the CD drive.

use super::Compare;
use crate::model::{Change, Hardware};
use crate::plan::desired::Desired;

/// The slot of the CD drive that `spec.cdrom` speaks of, where Proxmox VE's own forms put it.
pub const CDROM: &str = "ide2";

pub(super) fn compare(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let Some(iso) = &desired.iso else { return };
    let inside = next.cdroms.get(CDROM).cloned().flatten();
    if inside.as_ref() != Some(iso) {
        let change = Change::Cdrom {
            slot: CDROM.to_owned(),
            volume: iso.clone(),
        };
        let have = inside.map_or_else(|| "none".to_owned(), |v| v.to_string());
        compare.differs("cdrom.iso", iso.to_string(), have, change);
    }
}
