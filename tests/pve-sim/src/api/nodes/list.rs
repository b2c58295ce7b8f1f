//! `/nodes`, and the row of a node in the lists.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::status::used_memory;
use crate::state::{Node, World};
use crate::wire::Reply;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/nodes", Allow::Everyone, &[], Run::Show(list)),
    Endpoint::get("/nodes/{node}/version", Allow::Everyone, &[], Run::Show(version)),
];

/// The version of a node's own packages: one that is being upgraded is ahead of the others.
fn version(call: &Call) -> Reply {
    let release = call.release();
    let world = call.world();
    let own = world.node(call.node()).and_then(|node| node.version.clone());
    let version = own.unwrap_or_else(|| release.version().to_owned());
    Reply::data(json!({"version": version, "release": release.name(), "repoid": release.repoid()}))
}

/// A node as `/nodes` and `/cluster/resources` show it; without Sys.Audit, without figures. Until pvestatd has told its
/// first figures a node is `unknown` (`PVE::API2Tools::extract_node_stats`).
pub(in super::super) fn node_row(world: &World, node: &Node, audited: bool) -> Value {
    let known = world.cache.memory.contains_key(&node.name);
    let status = match (node.online, known) {
        (false, _) => "offline",
        (true, false) => "unknown",
        (true, true) => "online",
    };
    let mut row = json!({
        "id": format!("node/{}", node.name),
        "type": "node",
        "node": node.name,
        "status": status,
    });
    if !known {
        return row;
    }
    row["level"] = json!("");
    if audited {
        row["maxcpu"] = json!(node.cpus);
        row["maxmem"] = json!(node.memory);
        row["maxdisk"] = json!(node.rootfs.0);
    }
    if audited && node.online {
        row["cpu"] = json!(0.05);
        row["mem"] = json!(used_memory(world, &node.name));
        row["disk"] = json!(node.rootfs.1);
        row["uptime"] = json!(node.uptime());
    }
    row
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let rows = world.nodes.iter().map(|node| {
        let path = format!("/nodes/{}", node.name);
        let audited = world.access.any(&call.caller, &path, &["Sys.Audit"]);
        let mut row = node_row(&world, node, audited);
        row["ssl_fingerprint"] = json!(node.fingerprint());
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}
