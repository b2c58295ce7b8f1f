//! Two nodes: more of migration and HA, and a lost quorum.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "cluster2",
    script,
    unequal_for_now: [None, Some(59)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
