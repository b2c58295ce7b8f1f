//! How parameters are verified.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "params",
    script,
    unequal_for_now: [Some(100), Some(100)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release)).token("root@pam!op4")
}
