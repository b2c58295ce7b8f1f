//! Disks, clones, templates, pools, firewall, locks.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "vm3",
    script,
    unequal_for_now: [Some(150), Some(150)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
