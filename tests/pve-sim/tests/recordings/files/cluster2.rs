//! Two nodes: a live migration, the HA stack's configuration, a node that is gone, and a cluster without quorum.

use pve_sim::{Release, Seed, SeedGuest, SeedTask};

use super::{File, pair};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "cluster2",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    let seed = Seed {
        tasks: past(),
        ..pair(release).with_guest(migrated())
    };
    Script::new(seed)
        .ended_before([17, 21, 24])
        .figures([15])
        .before(39, |sim| {
            sim.set_node_online("pve2", false).unwrap();
            sim.set_quorum(false);
        })
        .before(56, |sim| {
            sim.set_node_online("pve2", true).unwrap();
            sim.set_quorum(true);
        })
}

/// The guest that `cluster1` made and moved.
pub(super) fn migrated() -> SeedGuest {
    let config = [
        ("name", "onp2"),
        ("memory", "64"),
        ("scsi0", "local:300/vm-300-disk-0.qcow2,size=1G"),
        ("net0", "virtio,bridge=vmbr0"),
        ("boot", "order=scsi0;net0"),
    ];
    SeedGuest {
        config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..SeedGuest::new(300, "onp2").on("pve1")
    }
}

/// The tasks of `cluster1`.
fn past() -> Vec<SeedTask> {
    let missing = "Configuration file 'nodes/pve1/qemu-server/300.conf' does not exist";
    let task = |kind: &str, exit: &str| SeedTask::new(kind, "300", exit);
    vec![
        task("qmcreate", "OK").on("pve2"),
        task("qmstart", missing),
        task("qmstart", "OK").on("pve2"),
        task("qmigrate", "migration aborted").on("pve2"),
        task("qmstop", "OK").on("pve2"),
        task("qmigrate", "OK").on("pve2"),
    ]
}
