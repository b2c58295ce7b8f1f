//! A guest created and started.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "t2",
    script,
    releases: &[Release::V8_4, Release::V9_2],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
