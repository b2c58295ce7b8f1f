//! A running guest, snapshots and locks.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "vm2",
    script,
    unequal_for_now: [None, Some(107)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
