//! Two nodes, the other of which refuses connections, and then doesn't answer at all.

use pve_sim::{NodeProxy, Release, Simulator};

use super::{File, pair};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "cluster3",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    let becomes = |proxy: NodeProxy| move |sim: &Simulator| sim.set_node_proxy("pve2", proxy).unwrap();
    Script::new(pair(release))
        .before(0, becomes(NodeProxy::Refuses))
        .before(2, becomes(NodeProxy::Silent))
        .before(3, becomes(NodeProxy::Answers))
}
