//! `/nodes/{node}/status`: how a node is.

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use super::{AUDIT, found};
use crate::release::Release;
use crate::state::World;
use crate::verify::{Kind, need};
use crate::wire::{ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/nodes/{node}/status", AUDIT, &[], Run::Now(status)),
    Endpoint::post(
        "/nodes/{node}/status",
        Allow::Any("/nodes/{node}", &["Sys.PowerMgmt"]),
        &[&[need("command", Kind::Enum(&["reboot", "shutdown"]))]],
        Run::Now(command),
    ),
];

/// Bytes in use on a node: what its guests had when the figures were taken, and itself.
pub(super) fn used_memory(world: &World, node: &str) -> u64 {
    (2 << 30) + world.cache.memory.get(node).copied().unwrap_or(0)
}

/// The kernel that goes with a release.
fn kernel(release: Release) -> (&'static str, &'static str) {
    match release {
        Release::V7_4 => ("5.15.158-2-pve", "#1 SMP PVE 5.15.158-2"),
        Release::V8_4 => ("6.8.12-11-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-11"),
        Release::V9_2 => ("6.17.4-1-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.17.4-1"),
    }
}

fn status(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    let used = used_memory(&world, &node.name);
    let free = node.memory.saturating_sub(used);
    let release = call.release();
    let (kernel, build) = kernel(release);
    let (total, in_use) = node.rootfs;
    let mut status = json!({
        "pveversion": format!("pve-manager/{}/{}", release.version(), release.repoid()),
        "kversion": format!("Linux {kernel} {build}"),
        "uptime": node.uptime(),
        "cpu": 0.05,
        "wait": 0,
        "idle": 0,
        "loadavg": ["0.42", "0.37", "0.31"],
        "cpuinfo": {
            "cpus": node.cpus,
            "cores": node.cpus,
            "sockets": 1,
            "model": "Simulated CPU",
            "mhz": "3000.000",
            "user_hz": 100,
            "hvm": "1",
            "flags": "fpu sse sse2 svm",
        },
        "memory": {"total": node.memory, "used": used, "free": free},
        "swap": {"total": 0, "used": 0, "free": 0},
        "rootfs": {"total": total, "used": in_use, "free": total - in_use, "avail": total - in_use},
        "ksm": {"shared": 0},
    });
    // Since pve-manager 8.0.
    if release >= Release::V8_4 {
        status["boot-info"] = json!({"mode": "legacy-bios"});
        status["current-kernel"] =
            json!({"sysname": "Linux", "release": kernel, "version": build, "machine": "x86_64"});
    }
    if release >= Release::V9_2 {
        status["memory"]["available"] = json!(free);
        status["cpuinfo"]["vendor"] = json!("GenuineSim");
        status["cpuinfo"]["family"] = json!("25");
    }
    Ok(Reply::data(status))
}

/// The node goes down with all that runs on it; after a reboot it is back, and its guests are not, as none starts at
/// boot here.
fn command(call: &Call) -> ApiResult {
    let mut world = call.world();
    let node = found(&world, call)?.name.clone();
    let running: Vec<u32> = world
        .guests
        .values()
        .filter(|g| g.node == node && g.is_running())
        .map(|g| g.vmid)
        .collect();
    for vmid in running {
        world.power_off(vmid);
    }
    let found = super::found_mut(&mut world, call)?;
    if call.text("command") == Some("reboot") {
        found.reboot();
    } else {
        found.online = false;
    }
    Ok(Reply::null())
}
