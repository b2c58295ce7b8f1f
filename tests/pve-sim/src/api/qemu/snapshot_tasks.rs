//! Takes, deletes and goes back to snapshots (`PVE::AbstractConfig`). Each has two parts under the lock file, and a lock
//! in the configuration between them; a task that dies there leaves it behind.

use super::super::Call;
use super::start::Starter;
use super::{check_lock, need_quorum, saved_state};
use crate::clock;
use crate::release::Release;
use crate::state::{Feature, Guest, VolumeName, World};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

pub(super) fn take(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = call.text("snapname").unwrap_or("").to_owned();
    for reserved in ["current", "pending"] {
        if name == reserved {
            let text = format!("unable to use snapshot name '{reserved}' (reserved name)");
            return Err(ApiError::internal(text));
        }
    }
    need_quorum(call)?;
    let description = call.text("description").unwrap_or("").to_owned();
    let with_memory = call.flag("vmstate");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmsnapshot", vmid),
        move |worker| async move {
            prepare(&worker, &node, vmid, &name, &description, with_memory).await?;
            worker.pause(|t| t.snapshot).await;
            save(&worker, &node, vmid, &name).await?;
            commit(&worker, &node, vmid, &name).await
        },
        |_| {},
    ))
}

/// Writes the section and the lock.
async fn prepare(
    worker: &Worker,
    node: &str,
    vmid: u32,
    name: &str,
    description: &str,
    with_memory: bool,
) -> Result<(), String> {
    worker.world().guest_on(node, vmid)?;
    let _lock = worker.lock_file(vmid, false).await?;
    let mut world = worker.world();
    let guest = world.guest_on(node, vmid)?;
    if guest.is_template() {
        return Err("you can't take a snapshot if it's a template".to_owned());
    }
    check_lock(guest)?;
    if guest.snapshots.contains_key(name) {
        return Err(format!("snapshot name '{name}' already used"));
    }
    let disks = Guest::disks_of(&guest.config);
    let can = |(_, volid): &(String, String)| world.has_feature(Feature::Snapshot, volid, false);
    if !disks.iter().all(can) {
        return Err("snapshot feature is not available".to_owned());
    }
    let mut section = guest.options_for_snapshot();
    if with_memory && guest.is_running() {
        let storage = world.state_storage(guest);
        let (state, log) = saved_state::allocate(&mut world, node, vmid, &storage, &format!("state-{name}"))?;
        for line in log {
            world.tasks.log(&worker.upid, line);
        }
        section.extend(state);
    }
    section.insert("snapstate".to_owned(), "prepare".to_owned());
    section.insert("snaptime".to_owned(), clock::now().to_string());
    if !description.is_empty() {
        section.insert("description".to_owned(), description.to_owned());
    }
    let guest = world.guest_on_mut(node, vmid)?;
    guest.snapshots.insert(name.to_owned(), section);
    guest.config.insert("lock".to_owned(), "snapshot".to_owned());
    drop(world);
    Ok(())
}

/// Saves the memory and lets the storages take theirs.
async fn save(worker: &Worker, node: &str, vmid: u32, name: &str) -> Result<(), String> {
    let (state, running, disks, lacks_agent) = {
        let timing = worker.sim.timing();
        let world = worker.world();
        let guest = world.guest_on(node, vmid)?;
        let section = guest.snapshot(name)?;
        let silent = guest.agent_enabled() && !guest.agent_answers(timing.real(timing.agent_boot));
        (
            section.get("vmstate").cloned(),
            guest.is_running(),
            Guest::disks_of(section),
            silent,
        )
    };
    if let Some(state) = &state {
        let storage = state.split(':').next().unwrap_or("");
        worker.log(format!("saving VM state and RAM using storage '{storage}'"));
        worker.pause(|t| t.save_state).await;
        // As much as a small guest that does nothing has in its memory.
        worker.log("completed saving the VM state in 1s, saved 1.00 MiB");
    } else if running && lacks_agent {
        worker.log("skipping guest filesystem freeze - agent configured but not running?");
    }
    for (drive, volid) in disks.iter().filter(|_| running) {
        worker.log(format!("snapshotting 'drive-{drive}' ({volid})"));
        let in_file = VolumeName::parse(volid).and_then(|name| name.extension()) == Some("qcow2");
        if in_file && worker.sim.release >= Release::V9_2 {
            worker.log("internal qemu snapshot");
        }
    }
    Ok(())
}

async fn commit(worker: &Worker, node: &str, vmid: u32, name: &str) -> Result<(), String> {
    let _lock = worker.lock_file(vmid, false).await?;
    let mut world = worker.world();
    let guest = world.guest_on_mut(node, vmid)?;
    if guest.lock() != Some("snapshot") {
        return Err("missing snapshot lock".to_owned());
    }
    if let Some(section) = guest.snapshots.get_mut(name) {
        section.remove("snapstate");
    }
    guest.config.remove("lock");
    guest.config.insert("parent".to_owned(), name.to_owned());
    drop(world);
    Ok(())
}

pub(super) fn delete(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = call.text("snapname").unwrap_or("").to_owned();
    let force = call.flag("force");
    need_quorum(call)?;
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmdelsnapshot", vmid),
        move |worker| async move {
            // Looked for without the lock file first.
            worker.world().guest_on(&node, vmid)?.snapshot(&name)?;
            {
                let _lock = worker.lock_file(vmid, false).await?;
                let mut world = worker.world();
                check_delete(world.guest_on(&node, vmid)?, &name)?;
                let guest = world.guest_on_mut(&node, vmid)?;
                guest
                    .config
                    .insert("lock".to_owned(), "snapshot-delete".to_owned());
                if let Some(section) = guest.snapshots.get_mut(&name) {
                    section.insert("snapstate".to_owned(), "delete".to_owned());
                }
            }
            worker.pause(|t| t.snapshot).await;
            free(&mut worker.world(), &node, vmid, &name, force)?;
            let _lock = worker.lock_file(vmid, false).await?;
            let mut world = worker.world();
            let guest = world.guest_on_mut(&node, vmid)?;
            guest.drop_snapshot(&name);
            guest.config.remove("lock");
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

fn check_delete(guest: &Guest, name: &str) -> Result<(), String> {
    guest.snapshot(name)?;
    if guest.is_template() {
        return Err("you can't delete a snapshot if vm is a template".to_owned());
    }
    check_lock(guest)
}

/// The saved memory goes; disks that only the snapshot had are kept as unused.
fn free(world: &mut World, node: &str, vmid: u32, name: &str, force: bool) -> Result<(), String> {
    let section = world.guest_on(node, vmid)?.snapshot(name)?.clone();
    if let Some(state) = section.get("vmstate") {
        world.remove_volume(node, state)?;
    }
    for (drive, volid) in Guest::disks_of(&section) {
        if world.volume(node, &volid).is_none() && !force {
            return Err(format!("volume '{volid}' of '{drive}' does not exist"));
        }
        let guest = world.guest_on_mut(node, vmid)?;
        let others = guest.snapshots.iter().filter(|(other, _)| *other != name);
        let mut sections = others.map(|(_, section)| section).chain([&guest.config]);
        let is_named = sections.any(|s| s.values().any(|v| crate::state::drive_volume(v) == volid));
        drop(sections);
        if !is_named {
            guest.keep_unused(&volid);
        }
    }
    Ok(())
}

pub(super) fn rollback(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = call.text("snapname").unwrap_or("").to_owned();
    need_quorum(call)?;
    let start = call.flag("start").then(|| Starter::of(call));
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmrollback", vmid),
        move |worker| async move {
            worker.world().guest_on(&node, vmid)?;
            {
                let _lock = worker.lock_file(vmid, false).await?;
                let mut world = worker.world();
                check_rollback(&world, &node, vmid, &name)?;
                world.power_off(vmid);
                let guest = world.guest_on_mut(&node, vmid)?;
                guest.config.insert("lock".to_owned(), "rollback".to_owned());
            }
            worker.pause(|t| t.snapshot).await;
            let resumes = {
                let _lock = worker.lock_file(vmid, false).await?;
                let mut world = worker.world();
                let section = world.guest_on(&node, vmid)?.snapshot(&name)?;
                let resumes = section.contains_key("vmstate");
                world.restore_snapshot(&node, vmid, &name)?;
                // A snapshot with memory goes on from there at once.
                if resumes {
                    world.power_on(vmid);
                }
                resumes
            };
            if let Some(start) = start.filter(|_| !resumes) {
                start.go();
            }
            Ok(())
        },
        |_| {},
    ))
}

fn check_rollback(world: &World, node: &str, vmid: u32, name: &str) -> Result<(), String> {
    let guest = world.guest_on(node, vmid)?;
    if guest.is_template() {
        return Err("you can't rollback if vm is a template".to_owned());
    }
    let section = guest.snapshot(name)?;
    if let Some(state) = section.get("snapstate") {
        return Err(format!(
            "unable to rollback to incomplete snapshot (snapstate = {state})"
        ));
    }
    check_newest_of_zfs(world, guest, name)?;
    check_lock(guest)
}

/// ZFS goes back to the newest only (`PVE::Storage::ZFSPoolPlugin::volume_rollback_is_possible`).
fn check_newest_of_zfs(world: &World, guest: &Guest, name: &str) -> Result<(), String> {
    let section = guest.snapshot(name)?;
    let time = |section: &crate::state::Config| {
        let text = section.get("snaptime").map_or("0", String::as_str);
        text.parse::<i64>().unwrap_or(0)
    };
    for (_, volid) in Guest::disks_of(section) {
        let storage = volid.split(':').next().and_then(|s| world.storage(s));
        if storage.is_none_or(|s| s.kind != "zfspool") {
            continue;
        }
        let newer = |other: &&crate::state::Config| {
            let has = Guest::disks_of(other).iter().any(|(_, own)| *own == volid);
            has && time(other) > time(section)
        };
        if guest.snapshots.values().find(newer).is_some() {
            return Err(format!(
                "can't rollback, '{name}' is not most recent snapshot on '{volid}'"
            ));
        }
    }
    Ok(())
}
