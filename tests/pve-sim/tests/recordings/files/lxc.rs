//! Containers.

use pve_sim::{Release, Shutdown};

use super::{File, container_machine, web1};
use crate::recordings::script::Script;

pub(crate) const FILE: File = File {
    name: "lxc",
    script,
    releases: &[Release::V9_2],
};

/// From this request on the container heeded nobody: its init didn't know the signal.
const DEAF: usize = 22;

fn script(release: Release) -> Script {
    let seed = container_machine(release).with_guest(web1(release).running());
    Script::new(seed)
        .at(0, |request, _| {
            request.field("password", "secret-enough");
        })
        .at(12, |request, _| {
            request.field("password", "abc");
        })
        .before(5, |sim| {
            // It was asked before anything in it had set up its cards.
            let mut timing = sim.timing();
            timing.agent_boot = std::time::Duration::from_hours(1);
            sim.set_timing(timing);
        })
        .before(DEAF, |sim| {
            sim.set_shutdown(200, Shutdown::Ignores).unwrap();
        })
        .before(52, |sim| {
            // The recorded machine was a container itself, in which nothing could be mounted into another.
            let trouble = "failed to change apparmor profile: Invalid argument";
            sim.set_mount_trouble(200, Some(trouble)).unwrap();
        })
        .ended_before([32, 65])
        .figures([79])
}
