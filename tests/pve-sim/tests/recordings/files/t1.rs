//! The first calls to a machine without guests.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "t1",
    script,
    unequal_for_now: [Some(16), Some(16)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
