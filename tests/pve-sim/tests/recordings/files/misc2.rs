//! Downloads, backup jobs, tasks, and every index.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "misc2",
    script,
    unequal_for_now: [None, Some(139)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
