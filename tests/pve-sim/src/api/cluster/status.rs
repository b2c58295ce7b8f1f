//! What the cluster is: version, members, the next free number.

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use crate::verify::{Kind, may};
use crate::wire::{ApiError, ApiResult, Reply};

const AUDIT: Allow = Allow::Any("/", &["Sys.Audit"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/version", Allow::Everyone, &[], Run::Show(version)),
    Endpoint::get("/cluster/status", AUDIT, &[], Run::Show(status)),
    Endpoint::get("/cluster/config/nodes", AUDIT, &[], Run::Show(members)),
    Endpoint::get(
        "/cluster/nextid",
        Allow::Everyone,
        &[&[may("vmid", Kind::Vmid)]],
        Run::Now(next_id),
    ),
];

fn version(call: &Call) -> Reply {
    let release = call.release();
    Reply::data(json!({"version": release.version(), "release": release.name(), "repoid": release.repoid()}))
}

/// A node that stands alone has no cluster row.
fn status(call: &Call) -> Reply {
    let world = call.world();
    let alone = world.nodes.len() == 1;
    let mut rows = Vec::new();
    if !alone {
        rows.push(json!({
            "id": "cluster",
            "type": "cluster",
            "name": world.cluster_name,
            "nodes": world.nodes.len(),
            "quorate": u8::from(world.quorate),
            "version": world.nodes.len(),
        }));
    }
    for (at, node) in world.nodes.iter().enumerate() {
        rows.push(json!({
            "id": format!("node/{}", node.name),
            "type": "node",
            "name": node.name,
            "nodeid": if alone { 0 } else { at + 1 },
            "ip": node.ip,
            "local": u8::from(at == 0),
            "online": u8::from(node.online),
            "level": "",
        }));
    }
    Reply::data(rows)
}

/// As `corosync.conf` lists them; a node that stands alone has no such file.
fn members(call: &Call) -> Reply {
    let world = call.world();
    if world.nodes.len() == 1 {
        return Reply::data(json!([]));
    }
    let rows = world.nodes.iter().enumerate().map(|(at, node)| {
        json!({
            "node": node.name,
            "name": node.name,
            "nodeid": (at + 1).to_string(),
            "quorum_votes": "1",
            "ring0_addr": node.ip,
        })
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn next_id(call: &Call) -> ApiResult {
    let world = call.world();
    match call.number::<u32>("vmid") {
        Some(vmid) if world.guests.contains_key(&vmid) => {
            Err(ApiError::parameter("vmid", format!("VM {vmid} already exists")))
        }
        Some(vmid) => Ok(Reply::data(vmid.to_string())),
        None => match world.first_free_vmid() {
            Some(vmid) => Ok(Reply::data(vmid.to_string())),
            None => Err(ApiError::internal("unable to get any free VMID in range")),
        },
    }
}
