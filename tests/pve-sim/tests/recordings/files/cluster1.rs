//! Two nodes: migration and HA.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "cluster1",
    script,
    unequal_for_now: [None, Some(41)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
