//! A node that can't be reached.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "cluster3",
    script,
    unequal_for_now: [None, Some(4)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
