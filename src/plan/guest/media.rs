//! What lies in the CD drive.

use super::Compare;
use crate::model::{Change, Hardware};
use crate::plan::desired::{Desired, DesiredMedium};

/// The slot of the CD drive that `spec.cdrom` speaks of, where Proxmox VE's own forms put it.
pub const CDROM: &str = "ide2";

pub(super) fn compare(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let inside = next.cdroms.get(CDROM).cloned().flatten();
    let (field, want) = match &desired.medium {
        None => return,
        Some(DesiredMedium::Iso(iso)) => ("cdrom.iso", Some(iso)),
        Some(DesiredMedium::None) => ("cdrom.ejected", None),
    };
    if inside.as_ref() == want {
        return;
    }
    let text = |volume: Option<&_>| volume.map_or_else(|| "none".to_owned(), ToString::to_string);
    let change = Change::Cdrom {
        slot: CDROM.to_owned(),
        volume: want.cloned(),
    };
    compare.differs(field, text(want), text(inside.as_ref()), change);
}
