//! `/nodes/{node}/storage`: what a node has, and how full it is.

use serde_json::{Value, json};

use super::super::{Allow, Endpoint, Run};
use super::{Call, SEE};
use crate::state::{Storage, World};
use crate::verify::{CONTENT_LIST, Kind, NODE, STORAGE, may};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/storage",
        Allow::Everyone,
        &[&[
            may("content", CONTENT_LIST),
            may("enabled", Kind::Boolean),
            may("format", Kind::Boolean),
            may("storage", STORAGE),
            may("target", NODE),
        ]],
        Run::Show(list),
    ),
    Endpoint::get(
        "/nodes/{node}/storage/{storage}/status",
        Allow::Any("/storage/{storage}", SEE),
        &[],
        Run::Now(status),
    ),
];

/// The kinds of content, as Proxmox joins them.
pub(in crate::api) fn storage_content(storage: &Storage) -> String {
    storage.content.join(",")
}

fn figures(world: &World, node: &str, storage: &Storage) -> Value {
    let (total, used) = if storage.enabled {
        (storage.total, world.used(node, &storage.name).min(storage.total))
    } else {
        (0, 0)
    };
    json!({
        "type": storage.kind,
        "content": storage_content(storage),
        "active": u8::from(storage.enabled),
        "enabled": u8::from(storage.enabled),
        "shared": u8::from(storage.shared),
        "total": total,
        "used": used,
        "avail": total.saturating_sub(used),
    })
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let kinds = call.list("content");
    let mut rows = Vec::new();
    for storage in world.storages.iter().filter(|s| s.is_on(call.node())) {
        let path = format!("/storage/{}", storage.name);
        let there = call
            .text("target")
            .is_none_or(|target| target == call.node() || (storage.shared && storage.is_on(target)));
        let asked = call.text("storage").is_none_or(|name| name == storage.name)
            && (!call.flag("enabled") || storage.enabled)
            && (kinds.is_empty() || kinds.iter().any(|kind| storage.allows(kind)));
        if !asked || !there || !world.access.any(&call.caller, &path, SEE) {
            continue;
        }
        let mut row = figures(&world, call.node(), storage);
        row["storage"] = json!(storage.name);
        let used = row["used"].as_f64().unwrap_or(0.0);
        if let Some(total) = row["total"].as_f64().filter(|t| *t > 0.0) {
            row["used_fraction"] = json!(used / total);
        }
        if call.flag("format") {
            row["format"] = formats(storage);
        }
        rows.push(row);
    }
    Reply::data(rows)
}

/// The formats that disks can have there, and the usual one.
fn formats(storage: &Storage) -> Value {
    let usual = storage.options.get("format").map_or("raw", String::as_str);
    if storage.has_files() {
        json!([{"raw": 1, "qcow2": 1, "vmdk": 1, "subvol": 1}, usual])
    } else if storage.kind == "zfspool" {
        json!([{"raw": 1, "subvol": 1}, "raw"])
    } else {
        json!([{"raw": 1}, "raw"])
    }
}

fn status(call: &Call) -> ApiResult {
    let world = call.world();
    let found = call.text("storage").and_then(|name| world.storage(name));
    let storage = found
        .filter(|s| s.is_on(call.node()))
        .ok_or_else(|| ApiError::parameter("storage", "No such storage."))?;
    Ok(Reply::data(figures(&world, call.node(), storage)))
}
