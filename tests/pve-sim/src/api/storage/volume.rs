//! One volume: what it is, what is written on it, and its end.

use serde_json::json;

use super::super::{Allow, Endpoint, Run};
use super::access::kind_and_owner;
use super::content::volid_of;
use super::{Call, check_volume_access};
use crate::state::World;
use crate::verify::{Kind, TEXT, may};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

const PATH: &str = "/nodes/{node}/storage/{storage}/content/{volume}";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(PATH, Allow::Everyone, &[], Run::Now(show)),
    Endpoint::put(
        PATH,
        Allow::Everyone,
        &[&[may("notes", TEXT), may("protected", Kind::Boolean)]],
        Run::Now(change),
    ),
    Endpoint::delete(
        PATH,
        Allow::Everyone,
        &[&[may("delay", Kind::Integer(1, 30))]],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let volid = volid_of(call, &world)?;
    check_volume_access(call, &world, None, &volid, None)?;
    let volume = world.volume(call.node(), &volid);
    let volume = volume.ok_or_else(|| format!("volume_size_info on '{volid}' failed - no format"))?;
    let is_image = ["images", "rootdir"].contains(&volume.content.as_str());
    // What qemu-img counts: sectors of the file, blocks of the file system. Whatever isn't an image is raw to it.
    let mut info = json!({
        "path": world.path_of(&volid),
        "format": if is_image { volume.format.as_str() } else { "raw" },
        "size": volume.size.next_multiple_of(512),
        "used": volume.used.next_multiple_of(4096),
    });
    if volume.content == "backup" {
        info["protected"] = json!(u8::from(volume.protected));
        if let Some(notes) = &volume.notes {
            info["notes"] = json!(notes);
        }
    }
    Ok(Reply::data(info))
}

fn change(call: &Call) -> ApiResult {
    let mut world = call.world();
    let volid = volid_of(call, &world)?;
    check_volume_access(call, &world, None, &volid, None)?;
    let (kind, _) = kind_and_owner(&volid);
    for attribute in ["notes", "protected"] {
        if call.text(attribute).is_some() && kind != "backup" {
            let text = format!("only backups support attribute '{attribute}'");
            return Err(ApiError::internal(text));
        }
    }
    if call.flag("protected") {
        check_protected(call, &world, &volid)?;
    }
    let Some(volume) = world.volume_mut(call.node(), &volid) else {
        return Err(ApiError::internal(format!("volume '{volid}' does not exist")));
    };
    if let Some(notes) = call.text("notes") {
        volume.notes = (!notes.is_empty()).then(|| notes.to_owned());
    }
    if call.text("protected").is_some() {
        volume.protected = call.flag("protected");
    }
    drop(world);
    Ok(Reply::null())
}

/// So many backups of a guest may be protected; who may do everything with the storage may protect all.
fn check_protected(call: &Call, world: &World, volid: &str) -> Result<(), ApiError> {
    let name = call.text("storage").unwrap_or("");
    let path = format!("/storage/{name}");
    let own = world
        .storage(name)
        .and_then(|s| s.options.get("max-protected-backups"));
    let unlimited = world.access.any(&call.caller, &path, &["Datastore.Allocate"]);
    let most = own
        .and_then(|most| most.parse().ok())
        .unwrap_or(if unlimited { -1 } else { 5 });
    let guest = world.volume(call.node(), volid).and_then(|v| v.vmid);
    let others = world
        .volumes_on(call.node(), name)
        .filter(|v| v.protected && v.vmid == guest && v.volid != volid)
        .count();
    if most >= 0 && i64::try_from(others).unwrap_or(i64::MAX) >= most {
        let text =
            format!("The number of protected backups per guest is limited to {most} on storage '{name}'");
        return Err(ApiError::internal(text));
    }
    Ok(())
}

/// A task, which is well with a file that isn't there; with `delay` it is waited for so long.
async fn delete(call: Call) -> ApiResult {
    let (volid, owner) = {
        let world = call.world();
        let volid = volid_of(&call, &world)?;
        let (kind, owner) = kind_and_owner(&volid);
        if kind.is_empty() {
            let name = volid.split_once(':').map_or("", |(_, name)| name);
            let text = format!("unable to parse directory volume name '{name}'");
            return Err(ApiError::internal(text));
        }
        let path = format!("/storage/{}", call.text("storage").unwrap_or(""));
        match owner.filter(|_| kind == "backup") {
            Some(owner) => {
                call.require(&world, &path, &["Datastore.AllocateSpace"])?;
                call.require(&world, &format!("/vms/{owner}"), &["VM.Backup"])?;
            }
            None => call.require(&world, &path, &["Datastore.Allocate"])?,
        }
        (volid, owner)
    };
    let storage = call.text("storage").unwrap_or("");
    let name = TaskName {
        kind: "imgdel",
        id: owner.map_or_else(|| storage.to_owned(), |owner| format!("{owner}@{storage}")),
    };
    let node = call.node().to_owned();
    let upid = worker::launch(
        &call,
        &name,
        move |worker| async move {
            worker.pause(|t| t.resize).await;
            free(&worker, &mut worker.world(), &node, &volid)
        },
        |_| {},
    );
    let Some(seconds) = call.number::<u64>("delay") else {
        return Ok(Reply::data(upid));
    };
    match worker::ended(&call.sim, &upid, std::time::Duration::from_secs(seconds)).await {
        Some(exit) if exit == "OK" => Ok(Reply::null()),
        Some(exit) => Err(ApiError::internal(exit)),
        None => Ok(Reply::data(upid)),
    }
}

/// What the task does; it would take a running machine's disk away without asking.
fn free(worker: &Worker, world: &mut World, node: &str, volid: &str) -> Result<(), String> {
    let (storage, name) = volid.split_once(':').unwrap_or(("", volid));
    let path = world.path_of(volid);
    let mut lines = Vec::new();
    match world.volume(node, volid) {
        Some(volume) if volume.protected => {
            return Err(format!("cannot remove protected volume '{name}' on '{storage}'"));
        }
        Some(_) => {
            lines = world.remove_volume(node, volid)?;
            world.free_volume(node, volid);
        }
        None => lines.push(format!("disk image '{path}' does not exist")),
    }
    lines.push(format!("Removed volume '{volid}'"));
    for line in lines {
        world.tasks.log(&worker.upid, line);
    }
    Ok(())
}
