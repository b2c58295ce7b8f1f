//! `/version` and `/cluster`, but for the big list of resources.

use serde_json::{Map, Value, json};

use super::{Allow, Call, Endpoint, Run};
use crate::verify::{Kind, may};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/version", Allow::Everyone, &[], Run::Show(version)),
    Endpoint::get(
        "/cluster/status",
        Allow::Any("/", &["Sys.Audit"]),
        &[],
        Run::Show(status),
    ),
    Endpoint::get(
        "/cluster/nextid",
        Allow::Everyone,
        &[&[may("vmid", Kind::Vmid)]],
        Run::Now(next_id),
    ),
    Endpoint::get("/cluster/options", Allow::Everyone, &[], Run::Show(options)),
];

pub(super) fn version(call: &Call) -> Reply {
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

fn options(call: &Call) -> Reply {
    let world = call.world();
    let mut options = Map::new();
    options.insert("mac_prefix".to_owned(), Value::from("BC:24:11"));
    let mut tags: Vec<&str> = world
        .guests
        .values()
        .filter_map(|g| g.option("tags"))
        .flat_map(|t| t.split(';'))
        .filter(|t| !t.trim().is_empty())
        .collect();
    tags.sort_unstable();
    tags.dedup();
    options.insert("allowed-tags".to_owned(), Value::from(tags));
    let (lower, upper) = world.next_id;
    let bounds: Map<String, Value> = [("lower", lower), ("upper", upper)]
        .into_iter()
        .filter_map(|(name, bound)| Some((name.to_owned(), Value::from(bound?.to_string()))))
        .collect();
    if !bounds.is_empty() {
        options.insert("next-id".to_owned(), Value::Object(bounds));
    }
    Reply::data(options)
}
