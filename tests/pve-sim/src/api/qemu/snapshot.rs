//! `/nodes/{node}/qemu/{vmid}/snapshot`: lists snapshots, shows and describes them; orders of the rest are tasks.

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::snapshot_tasks;
use crate::state::typed;
use crate::verify::{CONFIG_ID, Kind, TEXT, may, need};
use crate::wire::{ApiResult, Reply};

const SNAPSHOT: Allow = Allow::Any("/vms/{vmid}", &["VM.Snapshot"]);

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/snapshot",
        Allow::Any("/vms/{vmid}", &["VM.Audit"]),
        &[],
        Run::Now(list),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/snapshot",
        SNAPSHOT,
        &[&[
            may("description", TEXT),
            need("snapname", CONFIG_ID),
            may("vmstate", Kind::Boolean),
        ]],
        Run::Now(snapshot_tasks::take),
    ),
    Endpoint::delete(
        "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}",
        SNAPSHOT,
        &[&[may("force", Kind::Boolean)]],
        Run::Now(snapshot_tasks::delete),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config",
        Allow::Any(
            "/vms/{vmid}",
            &["VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit"],
        ),
        &[],
        Run::Now(show),
    ),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config",
        SNAPSHOT,
        &[&[may("description", TEXT)]],
        Run::Later(|call| Box::pin(describe(call))),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback",
        Allow::Any("/vms/{vmid}", &["VM.Snapshot", "VM.Snapshot.Rollback"]),
        &[&[may("start", Kind::Boolean)]],
        Run::Now(snapshot_tasks::rollback),
    ),
];

/// The last row is what the guest is now.
fn list(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let mut rows: Vec<Value> = guest
        .snapshots
        .iter()
        .map(|(name, section)| {
            let text = |key: &str| section.get(key).map_or("", String::as_str);
            let mut row = json!({
                "name": name,
                "description": text("description"),
                "snaptime": text("snaptime").parse::<i64>().unwrap_or(0),
                "vmstate": u8::from(section.contains_key("vmstate")),
            });
            for key in ["parent", "snapstate"] {
                if let Some(value) = section.get(key) {
                    row[key] = json!(value);
                }
            }
            row
        })
        .collect();
    let mut current = json!({
        "name": "current",
        "description": "You are here!",
        "digest": guest.digest(),
        "running": u8::from(guest.is_running()),
    });
    if let Some(parent) = guest.option("parent") {
        current["parent"] = json!(parent);
    }
    rows.push(current);
    Ok(Reply::data(rows))
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let section = guest.snapshot(call.text("snapname").unwrap_or(""))?;
    let release = call.release();
    let shown: Map<String, Value> = section
        .iter()
        .map(|(key, value)| (key.clone(), typed(release, key, value)))
        .collect();
    Ok(Reply::data(shown))
}

async fn describe(call: Call) -> ApiResult {
    let (node, vmid) = (call.node(), call.vmid());
    call.world().guest_on(node, vmid)?;
    let Some(description) = call.text("description") else {
        return Ok(Reply::null());
    };
    let _lock = call.sim.lock_file(vmid, false).await?;
    let mut world = call.world();
    let guest = world.guest_on(node, vmid)?;
    super::check_lock(guest)?;
    super::check_writable(&world, node, vmid)?;
    let guest = world.guest_on_mut(node, vmid)?;
    let name = call.text("snapname").unwrap_or("");
    guest.snapshot(name)?;
    if let Some(section) = guest.snapshots.get_mut(name) {
        section.insert("description".to_owned(), description.to_owned());
    }
    drop(world);
    Ok(Reply::null())
}
