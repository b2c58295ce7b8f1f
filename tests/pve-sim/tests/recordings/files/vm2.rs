//! A running guest, snapshots and locks.

use std::time::Duration;

use pve_sim::{Release, Shutdown};

use super::{File, machine, web1};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "vm2",
    script,
    releases: &[Release::V9_2],
};

fn script(release: Release) -> Script {
    let mut script = Script::new(machine(release).with_guest(web1(release).running()))
        .before(3, |sim| {
            // Its disk is empty: nothing boots from it.
            sim.set_agent(111, false).unwrap();
            sim.set_shutdown(111, Shutdown::Ignores).unwrap();
        })
        // A shutdown of it at the shell, in vain, for half a minute.
        .before(30, |sim| sim.take_lock_file(111))
        .before(39, |sim| sim.let_go_of_lock_file(111))
        // The start that the last rollback had ordered was not over yet.
        .before(55, |sim| sim.take_lock_file(111))
        .before(56, |sim| sim.let_go_of_lock_file(111))
        .ended_before([60, 73, 82, 85, 88, 91, 94, 97, 100, 103]);
    // Long enough for the requests after it, which find the task waiting.
    script.seed.timing.lock_timeout = Duration::from_secs(2);
    script
}
