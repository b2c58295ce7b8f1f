//! HTTP itself.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "wire",
    script,
    unequal_for_now: [None, Some(12)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
