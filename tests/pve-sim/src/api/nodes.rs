//! `/nodes`: the hosts themselves.

use serde_json::{Value, json};

use super::cluster::version;
use super::{Allow, Call, Endpoint, Run};
use crate::state::{Node, World};
use crate::verify::{TEXT, may};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/nodes", Allow::Everyone, &[], Run::Show(list)),
    Endpoint::get("/nodes/{node}/version", Allow::Everyone, &[], Run::Show(version)),
    Endpoint::get(
        "/nodes/{node}/status",
        Allow::Any("/nodes/{node}", &["Sys.Audit"]),
        &[],
        Run::Now(status),
    ),
    Endpoint::get(
        "/nodes/{node}/certificates/info",
        Allow::Everyone,
        &[],
        Run::Now(certificates),
    ),
    Endpoint::get(
        "/nodes/{node}/network",
        Allow::Everyone,
        &[&[may("type", TEXT)]],
        Run::Now(network),
    ),
];

/// Bytes of a node's root file system, and how many are used.
const ROOTFS: (u64, u64) = (100 << 30, 12 << 30);

/// Bytes in use on a node: what its guests had when the figures were taken, and itself.
fn used_memory(world: &World, node: &str) -> u64 {
    (2 << 30) + world.cache.memory.get(node).copied().unwrap_or(0)
}

/// A node as `/nodes` and `/cluster/resources` show it; without Sys.Audit, without figures.
pub(super) fn node_row(world: &World, node: &Node, audited: bool) -> Value {
    let mut row = json!({
        "id": format!("node/{}", node.name),
        "type": "node",
        "node": node.name,
        "status": if node.online { "online" } else { "offline" },
        "level": "",
    });
    if audited {
        row["maxcpu"] = json!(node.cpus);
        row["maxmem"] = json!(node.memory);
        row["maxdisk"] = json!(ROOTFS.0);
    }
    if audited && node.online {
        row["cpu"] = json!(0.05);
        row["mem"] = json!(used_memory(world, &node.name));
        row["disk"] = json!(ROOTFS.1);
        row["uptime"] = json!(node.uptime());
    }
    row
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let rows = world.nodes.iter().map(|node| {
        let path = format!("/nodes/{}", node.name);
        let mut row = node_row(
            &world,
            node,
            world.access.any(&call.caller, &path, &["Sys.Audit"]),
        );
        row["ssl_fingerprint"] = json!(node.fingerprint());
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn found<'a>(world: &'a World, call: &Call) -> Result<&'a Node, ApiError> {
    let node = world.node(call.node());
    node.ok_or_else(|| ApiError::internal(format!("no such cluster node '{}'", call.node())))
}

fn status(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    let used = used_memory(&world, &node.name);
    let free = node.memory.saturating_sub(used);
    Ok(Reply::data(json!({
        "pveversion": format!("pve-manager/{}/{}", call.release().version(), call.release().repoid()),
        "kversion": "Linux 6.17.4-1-pve #1 SMP PREEMPT_DYNAMIC PMX 6.17.4-1",
        "current-kernel": {
            "sysname": "Linux",
            "release": "6.17.4-1-pve",
            "version": "#1 SMP PREEMPT_DYNAMIC PMX 6.17.4-1",
            "machine": "x86_64",
        },
        "boot-info": {"mode": "efi", "secureboot": 0},
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
            "vendor": "GenuineSim",
            "family": "25",
            "mhz": "3000.000",
            "user_hz": 100,
            "hvm": "1",
            "flags": "fpu sse sse2 svm",
        },
        "memory": {"total": node.memory, "used": used, "free": free, "available": free},
        "swap": {"total": 0, "used": 0, "free": 0},
        "rootfs": {"total": ROOTFS.0, "used": ROOTFS.1, "free": ROOTFS.0 - ROOTFS.1, "avail": ROOTFS.0 - ROOTFS.1},
        "ksm": {"shared": 0},
    })))
}

fn certificates(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    Ok(Reply::data(&node.certificates))
}

fn network(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    let wanted = |kind: &str| {
        call.text("type")
            .is_none_or(|t| t == kind || t.starts_with("any_"))
    };
    let rows = world
        .bridges
        .iter()
        .enumerate()
        .filter(|_| wanted("bridge"))
        .map(|(at, bridge)| {
            let mut row = json!({
                "iface": bridge,
                "type": "bridge",
                "active": 1,
                "autostart": 1,
                "bridge_fd": "0",
                "bridge_ports": "",
                "bridge_stp": "off",
                "families": ["inet"],
                "method": "manual",
                "method6": "manual",
                "priority": at + 3,
            });
            if at == 0 {
                row["method"] = json!("static");
                row["address"] = json!(node.ip);
                row["netmask"] = json!("24");
                row["cidr"] = json!(format!("{}/24", node.ip));
                row["gateway"] = json!("192.0.2.1");
            }
            row
        });
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}
