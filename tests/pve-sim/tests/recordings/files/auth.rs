//! Tickets, tokens, users, groups, roles and ACLs.

use pve_sim::Release;

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "auth",
    script,
    unequal_for_now: [Some(83), Some(83)],
};

fn script(release: Release) -> Script {
    Script::new(machine(release))
}
