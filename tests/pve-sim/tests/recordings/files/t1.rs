//! The first calls to a machine without guests, which had just booted.

use pve_sim::{Release, Seed, SeedMachine};

use super::{File, machine};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "t1",
    script,
    releases: &[Release::V8_4, Release::V9_2],
};

fn script(release: Release) -> Script {
    let seed = machine(release);
    Script::new(Seed {
        machine: SeedMachine {
            just_booted: true,
            ..seed.machine.clone()
        },
        ..seed
    })
}
