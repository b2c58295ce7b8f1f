//! Figures over time, two minutes after the cluster had begun.

use pve_sim::{Release, SeedGuest};

use super::cluster2::migrated;
use super::{File, pair};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "rrd",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    Script::new(pair(release).with_guest(migrated()).with_guest(diskless()))
        .before(0, |sim| sim.freeze_statistics(2))
}

/// The guest that `cluster2` made and moved.
fn diskless() -> SeedGuest {
    let config = [
        ("name", "nodisk"),
        ("memory", "64"),
        ("net0", "virtio,bridge=vmbr0"),
    ];
    SeedGuest {
        config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..SeedGuest::new(301, "nodisk").on("pve2")
    }
}
