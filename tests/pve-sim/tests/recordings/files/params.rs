//! How parameters are verified.

use pve_sim::Release;

use super::{File, machine, web1};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "params",
    script,
    releases: &[Release::V8_4, Release::V9_2],
};

fn script(release: Release) -> Script {
    let token = if release >= Release::V9_2 { "op4" } else { "op6" };
    Script::new(machine(release).with_guest(web1(release).running()))
        .token(&format!("root@pam!{token}"))
        .still_running([12])
}
