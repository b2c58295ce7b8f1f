//! What stands in the way of a migration.

use serde_json::{Map, Value, json};

use super::super::{Call, check_lock};
use super::references::{self, Reference};
use crate::release::Release;
use crate::state::{Guest, World};
use crate::wire::{ApiResult, Reply};

pub(super) fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    check_lock(guest)?;
    let volumes = references::volumes(guest);
    let devices = references::devices(&guest.config);
    let local_disks: Vec<Value> = volumes
        .iter()
        .filter(|(name, volume)| is_local(&world, name) && !volume.shared)
        .map(|(name, volume)| row(world.release, name, volume))
        .collect();
    let mut answer = json!({
        "running": u8::from(guest.is_running()),
        "local_disks": local_disks,
        "local_resources": devices.local,
    });
    if world.release >= Release::V8_4 {
        let info = devices.mapped.iter();
        let info: Map<String, Value> = info
            .map(|(key, name)| (key.clone(), json!({"name": name})))
            .collect();
        answer["mapped-resources"] = json!(devices.mapped.keys().collect::<Vec<_>>());
        answer["mapped-resource-info"] = Value::Object(info);
    }
    if world.release >= Release::V9_2 {
        answer["has-dbus-vmstate"] = json!(1);
    }
    // 7.4 says nothing of nodes while the guest runs.
    if world.release >= Release::V8_4 || !guest.is_running() {
        let (allowed, not_allowed) = nodes(&world, guest);
        answer["allowed_nodes"] = json!(allowed);
        answer["not_allowed_nodes"] = Value::Object(not_allowed);
    }
    Ok(Reply::data(answer))
}

/// Whether it lies on a storage that only this node sees.
fn is_local(world: &World, name: &str) -> bool {
    let storage = name
        .split_once(':')
        .and_then(|(storage, _)| world.storage(storage));
    storage.is_some_and(|storage| !storage.shared)
}

fn row(release: Release, name: &str, volume: &Reference) -> Value {
    let mut row = json!({
        "volid": name,
        "cdrom": u8::from(volume.cdrom),
        "is_unused": u8::from(volume.unused),
        "is_tpmstate": u8::from(volume.tpm_state),
        "is_vmstate": u8::from(volume.saved_memory),
        "replicate": u8::from(volume.replicate),
        "shared": u8::from(volume.shared),
    });
    if release >= Release::V8_4 {
        row["is_attached"] = json!(u8::from(volume.attached));
    }
    if release >= Release::V9_2 {
        row["is_cloudinit"] = json!(u8::from(volume.cloud_init));
    }
    if let Some(size) = volume.size {
        row["size"] = json!(size);
    }
    if let Some(drive) = &volume.drive {
        row["drivename"] = json!(drive);
    }
    if volume.pending {
        row["referenced_in_pending"] = json!(1);
    }
    if !volume.snapshots.is_empty() {
        let names = volume.snapshots.iter();
        let names: Map<String, Value> = names.map(|name| (name.clone(), json!(1))).collect();
        row["referenced_in_snapshot"] = Value::Object(names);
    }
    row
}

/// The other nodes that have all storages, and of each what it lacks.
fn nodes(world: &World, guest: &Guest) -> (Vec<String>, Map<String, Value>) {
    let volumes = references::volumes(guest);
    let mut allowed = Vec::new();
    let mut not_allowed = Map::new();
    for node in world.nodes.iter().filter(|n| n.name != guest.node) {
        let mut lacking: Vec<&str> = volumes
            .iter()
            .filter(|(_, volume)| volume.attached)
            .filter_map(|(name, _)| name.split_once(':'))
            .map(|(storage, _)| storage)
            .filter(|storage| world.storage_on(&node.name, storage).is_err())
            .collect();
        lacking.dedup();
        let entry = if lacking.is_empty() {
            allowed.push(node.name.clone());
            json!({})
        } else {
            json!({"unavailable_storages": lacking})
        };
        not_allowed.insert(node.name.clone(), entry);
    }
    (allowed, not_allowed)
}
