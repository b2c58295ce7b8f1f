//! A guest created and started.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "t2",
    script,
    unequal_for_now: [Some(0), Some(0)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
