//! Storages, uploads, backups and restores.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "storage",
    script,
    unequal_for_now: [None, Some(108)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
