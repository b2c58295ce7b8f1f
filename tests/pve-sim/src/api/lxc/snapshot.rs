//! Snapshots of containers, as far as their storages have them. A directory hasn't.

use serde_json::{Value, json};

use super::{Call, check_lock, check_writable, config, container, lock_file, need_quorum, power};
use crate::clock;
use crate::state::{Config, Guest, World, drive_volume, is_mount, shown_option};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

/// What a section says of the snapshot itself.
const OF_SNAPSHOT: &[&str] = &["snaptime", "parent", "snapstate", "description"];

pub(super) fn list(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let mut rows: Vec<Value> = guest
        .snapshots
        .iter()
        .map(|(name, section)| row(name, section))
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

fn row(name: &str, section: &Config) -> Value {
    let snaptime = section.get("snaptime").and_then(|t| t.parse::<i64>().ok());
    let mut row = json!({
        "name": name,
        "snaptime": snaptime.unwrap_or(0),
        "description": section.get("description").map_or(json!(""), |d| shown_option("description", d)),
    });
    for key in ["parent", "snapstate"] {
        if let Some(value) = section.get(key) {
            row[key] = json!(value);
        }
    }
    row
}

pub(super) fn index(_: &Call) -> Reply {
    Reply::data(["rollback", "delete", "config"].map(|cmd| json!({"cmd": cmd})))
}

/// The snapshot that a call's path names.
fn named<'a>(guest: &'a Guest, name: &str) -> Result<&'a Config, String> {
    let found = guest.snapshots.get(name);
    found.ok_or_else(|| format!("snapshot '{name}' does not exist"))
}

pub(super) fn config(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let section = named(guest, call.text("snapname").unwrap_or(""))?;
    Ok(Reply::data(config::shown(section)))
}

pub(super) async fn describe(call: Call) -> ApiResult {
    let _lock = lock_file(&call.sim, call.vmid()).await?;
    let mut world = call.world();
    let (node, vmid) = (call.node(), call.vmid());
    let name = call.text("snapname").unwrap_or("");
    let guest = container(&world, node, vmid)?;
    check_lock(guest)?;
    named(guest, name)?;
    check_writable(&world, node, vmid)?;
    let section = world
        .guests
        .get_mut(&vmid)
        .and_then(|guest| guest.snapshots.get_mut(name));
    if let (Some(section), Some(text)) = (section, call.text("description")) {
        section.insert("description".to_owned(), text.to_owned());
    }
    Ok(Reply::null())
}

/// Whether every mount point is on a storage that can take snapshots.
fn can_snapshot(world: &World, guest: &Guest) -> bool {
    volumes(&guest.config).all(|(_, volid)| world.has_snapshots(&guest.node, volid))
}

/// The mount points that are volumes.
fn volumes(config: &Config) -> impl Iterator<Item = (&str, &str)> {
    let mounts = config.iter().filter(|(key, _)| is_mount(key));
    mounts
        .map(|(key, value)| (key.as_str(), drive_volume(value)))
        .filter(|(_, volid)| volid.contains(':') && !volid.starts_with('/'))
}

pub(super) fn create(call: &Call) -> ApiResult {
    let name = call.text("snapname").unwrap_or("").to_owned();
    if name == "current" {
        return Err(ApiError::internal(
            "unable to use snapshot name 'current' (reserved name)",
        ));
    }
    need_quorum(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let description = call.text("description").unwrap_or("").to_owned();
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzsnapshot", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            prepare(&mut worker.world(), &node, vmid, &name, &description)?;
            worker.pause(|t| t.snapshot).await;
            commit(&mut worker.world(), vmid, &name);
            Ok(())
        },
        |_| {},
    ))
}

/// Writes the snapshot's section, and locks the container (`__snapshot_prepare`).
fn prepare(world: &mut World, node: &str, vmid: u32, name: &str, description: &str) -> Result<(), String> {
    let guest = container(world, node, vmid)?;
    check_lock(guest)?;
    if guest.is_template() {
        return Err("you can't take a snapshot if it's a template".to_owned());
    }
    if guest.snapshots.contains_key(name) {
        return Err(format!("snapshot name '{name}' already used"));
    }
    if !can_snapshot(world, guest) {
        return Err("snapshot feature is not available".to_owned());
    }
    check_writable(world, node, vmid)?;
    let guest = world.guests.get_mut(&vmid).ok_or("snapshot failed")?;
    let mut section = guest.config.clone();
    section.retain(|key, _| !key.starts_with("unused") && key != "lock");
    section.insert("snaptime".to_owned(), clock::now().to_string());
    section.insert("snapstate".to_owned(), "prepare".to_owned());
    if description.is_empty() {
        section.remove("description");
    } else {
        section.insert("description".to_owned(), description.to_owned());
    }
    guest.snapshots.insert(name.to_owned(), section);
    guest.config.insert("lock".to_owned(), "snapshot".to_owned());
    Ok(())
}

fn commit(world: &mut World, vmid: u32, name: &str) {
    if let Some(guest) = world.guests.get_mut(&vmid) {
        if let Some(section) = guest.snapshots.get_mut(name) {
            section.remove("snapstate");
        }
        guest.config.remove("lock");
        guest.config.insert("parent".to_owned(), name.to_owned());
    }
}

pub(super) fn delete(call: &Call) -> ApiResult {
    need_quorum(call)?;
    let name = call.text("snapname").unwrap_or("").to_owned();
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let force = call.flag("force");
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzdelsnapshot", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            {
                let mut world = worker.world();
                let guest = container(&world, &node, vmid)?;
                let unfinished = named(guest, &name)?.get("snapstate").map(String::as_str) == Some("prepare");
                if !(force && unfinished) {
                    check_lock(guest)?;
                }
                if let Some(guest) = world.guests.get_mut(&vmid) {
                    guest
                        .config
                        .insert("lock".to_owned(), "snapshot-delete".to_owned());
                    if let Some(section) = guest.snapshots.get_mut(&name) {
                        section.insert("snapstate".to_owned(), "delete".to_owned());
                    }
                }
            }
            worker.pause(|t| t.snapshot).await;
            forget(&mut worker.world(), vmid, &name);
            Ok(())
        },
        |_| {},
    ))
}

/// Takes a snapshot out of the tree: its children get its parent.
fn forget(world: &mut World, vmid: u32, name: &str) {
    let Some(guest) = world.guests.get_mut(&vmid) else {
        return;
    };
    guest.config.remove("lock");
    let parent = guest
        .snapshots
        .remove(name)
        .and_then(|section| section.get("parent").cloned());
    let sections = guest.snapshots.values_mut().chain([&mut guest.config]);
    for section in sections.filter(|s| s.get("parent").is_some_and(|p| p == name)) {
        match &parent {
            Some(parent) => section.insert("parent".to_owned(), parent.clone()),
            None => section.remove("parent"),
        };
    }
}

pub(super) fn rollback(call: &Call) -> ApiResult {
    need_quorum(call)?;
    let name = call.text("snapname").unwrap_or("").to_owned();
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let start = call.flag("start").then(|| call.clone());
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzrollback", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            roll_back(&worker, &node, vmid, &name).await?;
            if let Some(call) = start {
                power::launch_start(&call);
            }
            Ok(())
        },
        |_| {},
    ))
}

async fn roll_back(worker: &Worker, node: &str, vmid: u32, name: &str) -> Result<(), String> {
    let was_running = {
        let mut world = worker.world();
        let guest = container(&world, node, vmid)?;
        if guest.is_template() {
            return Err("you can't rollback if CT is a template".to_owned());
        }
        let section = named(guest, name)?;
        if section.contains_key("snapstate") {
            return Err(format!(
                "unable to rollback to incomplete snapshot (snapstate = {})",
                section["snapstate"]
            ));
        }
        check_lock(guest)?;
        let was_running = guest.is_running();
        if let Some(guest) = world.guests.get_mut(&vmid) {
            guest.config.insert("lock".to_owned(), "rollback".to_owned());
        }
        was_running
    };
    if was_running {
        worker.pause(|t| t.stop).await;
        worker.world().power_off(vmid);
    }
    worker.pause(|t| t.snapshot).await;
    if let Some(guest) = worker.world().guests.get_mut(&vmid)
        && let Some(section) = guest.snapshots.get(name)
    {
        let mut config = section.clone();
        config.retain(|key, _| !OF_SNAPSHOT.contains(&key.as_str()));
        let unused = guest.config.iter().filter(|(key, _)| key.starts_with("unused"));
        config.extend(unused.map(|(key, value)| (key.clone(), value.clone())));
        if let Some(description) = guest.config.get("description") {
            config.insert("description".to_owned(), description.clone());
        }
        config.insert("parent".to_owned(), name.to_owned());
        guest.config = config;
        guest.pending.clear();
    }
    Ok(())
}

pub(super) fn feature(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let snapshot = call.text("snapname");
    let config = match snapshot {
        Some(name) => named(guest, name)?,
        None => &guest.config,
    };
    let has = match call.text("feature").unwrap_or("") {
        "snapshot" => volumes(config).all(|(_, volid)| world.has_snapshots(&guest.node, volid)),
        "clone" => volumes(config).all(|(_, volid)| {
            let is_base = crate::state::VolumeName::parse(volid).is_some_and(|name| name.is_base());
            is_base || (snapshot.is_some() && world.has_snapshots(&guest.node, volid))
        }),
        _ => true,
    };
    Ok(Reply::data(json!({"hasFeature": u8::from(has)})))
}
