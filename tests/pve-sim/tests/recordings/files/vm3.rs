//! Disks, clones, templates, pools, firewall, locks.

use pve_sim::{Release, SeedGuest};

use super::{File, machine, web1};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "vm3",
    script,
    releases: &[Release::V8_4, Release::V9_2],
};

fn script(release: Release) -> Script {
    let mut seed = machine(release);
    seed.guests.push(web1(release).running());
    if release < Release::V9_2 {
        // The last figures before the first clone were those of the stopped, grown guest 112.
        return imports_passwords(Script::new(seed).figures([33]));
    }
    seed.guests.push(life2());
    // Here they were those of the few seconds in which it ran.
    imports_passwords(Script::new(seed).figures([6]))
}

/// A file of the host is imported as a disk.
fn imports_passwords(script: Script) -> Script {
    script
        .ended_before([31, 49, 63, 133, 137])
        .before(125, |sim| sim.add_file("pve", "/etc/passwd", 1536))
}

/// What `vm2` had left behind.
fn life2() -> SeedGuest {
    let config = [
        ("name", "life2"),
        ("memory", "96"),
        ("cores", "2"),
        ("net0", "virtio,bridge=vmbr0"),
    ];
    SeedGuest {
        config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..SeedGuest::new(111, "life2")
    }
}
