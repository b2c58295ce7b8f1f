//! Two nodes: calls by way of the other node, and a migration.

use pve_sim::Release;

use super::{File, pair};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "cluster1",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    Script::new(pair(release)).ended_before([14]).figures([39])
}
