//! `/nodes/{node}/storage`: what can be stored where, and what is.

use serde_json::{Value, json};

use super::{Allow, Call, Endpoint, Run};
use crate::state::{Storage, World};
use crate::verify::{CONTENT, CONTENT_LIST, Kind, NODE, STORAGE, may};
use crate::wire::{ApiError, ApiResult, Reply};

const SEE: &[&str] = &["Datastore.Audit", "Datastore.AllocateSpace"];

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
        "/nodes/{node}/storage/{storage}/content",
        Allow::Any("/storage/{storage}", SEE),
        &[&[may("content", CONTENT), may("vmid", Kind::Vmid)]],
        Run::Now(content),
    ),
    Endpoint::get(
        "/nodes/{node}/storage/{storage}/status",
        Allow::Any("/storage/{storage}", SEE),
        &[],
        Run::Now(status),
    ),
];

/// The kinds of content, as Proxmox joins them.
pub(super) fn storage_content(storage: &Storage) -> String {
    storage.content.join(",")
}

fn figures(world: &World, node: &str, storage: &Storage) -> Value {
    let active = storage.enabled;
    let total = if active { storage.total } else { 0 };
    let used = if active {
        world.used(node, &storage.name)
    } else {
        0
    };
    json!({
        "type": storage.kind,
        "content": storage_content(storage),
        "active": u8::from(active),
        "enabled": u8::from(storage.enabled),
        "shared": u8::from(storage.shared),
        "total": total,
        "used": used,
        "avail": total.saturating_sub(used),
    })
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let mut rows = Vec::new();
    for storage in &world.storages {
        let path = format!("/storage/{}", storage.name);
        let asked = call.text("storage").is_none_or(|name| name == storage.name)
            && (!call.flag("enabled") || storage.enabled)
            && call
                .text("content")
                .is_none_or(|kinds| kinds.split([',', ';', ' ']).any(|kind| storage.allows(kind)));
        if !asked || !world.access.any(&call.caller, &path, SEE) {
            continue;
        }
        let mut row = figures(&world, call.node(), storage);
        row["storage"] = json!(storage.name);
        let used = row["used"].as_f64().unwrap_or(0.0);
        if let Some(total) = row["total"].as_f64().filter(|t| *t > 0.0) {
            row["used_fraction"] = json!(used / total);
        }
        rows.push(row);
    }
    Reply::data(rows)
}

fn status(call: &Call) -> ApiResult {
    let world = call.world();
    let found = call.text("storage").and_then(|name| world.storage(name));
    let storage = found.ok_or_else(|| ApiError::parameter("storage", "No such storage."))?;
    Ok(Reply::data(figures(&world, call.node(), storage)))
}

fn content(call: &Call) -> ApiResult {
    let world = call.world();
    let name = call.text("storage").unwrap_or("");
    let storage = world
        .storage(name)
        .ok_or_else(|| ApiError::internal(format!("storage '{name}' does not exist")))?;
    if !storage.enabled {
        return Err(ApiError::internal(format!("storage '{name}' is disabled")));
    }
    let rows = world.volumes_on(call.node(), name).filter(|v| {
        call.text("content").is_none_or(|kind| kind == v.content)
            && call.number::<u32>("vmid").is_none_or(|vmid| v.vmid == Some(vmid))
    });
    let rows = rows.map(|volume| {
        let mut row = json!({
            "volid": volume.volid,
            "content": volume.content,
            "format": volume.format,
            "size": volume.size,
            "ctime": volume.ctime,
        });
        if let Some(vmid) = volume.vmid {
            row["vmid"] = json!(vmid);
            row["used"] = json!(volume.used);
            row["parent"] = json!(volume.parent_shown());
        }
        row
    });
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}
