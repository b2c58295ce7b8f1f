//! Makes a template of a container. The call answers at once, before its task has found out whether the storages can.

use super::{Call, check_lock, container, lock_file};
use crate::state::{World, drive_volume, is_mount};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

pub(super) async fn template(call: Call) -> ApiResult {
    let _lock = lock_file(&call.sim, call.vmid()).await?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    {
        let world = call.world();
        let guest = container(&world, &node, vmid)?;
        check_lock(guest)?;
        if !guest.snapshots.is_empty() {
            let text = "unable to create template, because CT contains snapshots";
            return Err(ApiError::internal(text));
        }
        if guest.is_template() {
            return Err(ApiError::internal("you can't convert a template to a template"));
        }
        if guest.is_running() {
            let text = "you can't convert a CT to template if the CT is running";
            return Err(ApiError::internal(text));
        }
    }
    worker::launch(
        &call,
        &TaskName::of_guest("vztemplate", vmid),
        move |worker| async move {
            check_volumes(&worker.world(), &node, vmid)?;
            worker.pause(|t| t.clone_base).await;
            convert(&mut worker.world(), &node, vmid)
        },
        |_| {},
    );
    Ok(Reply::null())
}

/// A directory has no bases: containers in it can't be linked.
fn check_volumes(world: &World, node: &str, vmid: u32) -> Result<(), String> {
    let guest = container(world, node, vmid)?;
    for (_, value) in guest.config.iter().filter(|(key, _)| is_mount(key)) {
        let volid = drive_volume(value);
        let storage = volid.split(':').next().and_then(|name| world.storage(name));
        if storage.is_some_and(|s| s.has_files() || s.kind == "lvm") {
            return Err(format!("Template feature is not available for '{volid}'"));
        }
    }
    Ok(())
}

/// The volumes become bases, and the container a template.
pub(super) fn convert(world: &mut World, node: &str, vmid: u32) -> Result<(), String> {
    check_volumes(world, node, vmid)?;
    let config = container(world, node, vmid)?.config.clone();
    let mut renamed = config.clone();
    for (key, value) in config.iter().filter(|(key, _)| is_mount(key)) {
        let old = drive_volume(value);
        if old.contains(':') {
            let new = world.base_volume(node, old)?.volid;
            renamed.insert(key.clone(), value.replacen(old, &new, 1));
        }
    }
    renamed.insert("template".to_owned(), "1".to_owned());
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = renamed;
    }
    Ok(())
}
