//! Makes a guest: the number is taken at once, with a configuration of nothing but a lock; the rest is a task.

use std::collections::BTreeMap;

use super::drives::{self, Made};
use super::{Call, need_quorum, power, restore};
use crate::state::{Config, Guest, is_disk, is_net};
use crate::verify::{option_is_known, option_privileges};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

pub(super) fn create(call: &Call) -> ApiResult {
    if call.text("archive").is_some() {
        return restore::restore(call);
    }
    let vmid = call.vmid();
    let options: Config = call
        .params
        .iter()
        .filter(|(key, _)| option_is_known(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    check_rights(call, vmid, &options)?;
    need_quorum(call)?;
    let node = call.node().to_owned();
    {
        let mut world = call.world();
        if let Some(other) = world.guests.get(&vmid) {
            let text = format!(
                "unable to create VM {vmid} - VM {vmid} already exists on node '{}'",
                other.node
            );
            return Err(ApiError::internal(text));
        }
        for (key, value) in options.iter().filter(|(key, _)| is_disk(key)) {
            drives::check(&world, call, key, value)?;
        }
        let locked = Config::from([("lock".to_owned(), "create".to_owned())]);
        world.guests.insert(vmid, Guest::new(vmid, &node, locked));
    }
    let start = call.flag("start").then(|| power::Starter::of(call));
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmcreate", vmid),
        move |worker| async move {
            fill(&worker, &node, vmid, options).await?;
            if let Some(start) = start {
                worker.log("Execute autostart");
                start.go();
            }
            Ok(())
        },
        move |world| {
            world.remove_guest(vmid);
        },
    ))
}

/// 403 without a path when the number may not be taken; with one for an option.
fn check_rights(call: &Call, vmid: u32, options: &Config) -> Result<(), ApiError> {
    let world = call.world();
    let path = format!("/vms/{vmid}");
    if !world.access.any(&call.caller, &path, &["VM.Allocate"]) {
        return Err(ApiError::new(403, "Permission check failed"));
    }
    if let Some(pool) = call.text("pool") {
        let text = format!("Permission check failed (pool '{pool}' does not exist)");
        return Err(ApiError::new(403, text));
    }
    for key in options.keys() {
        call.require(&world, &path, &[option_privileges(key)])?;
    }
    Ok(())
}

async fn fill(worker: &Worker, node: &str, vmid: u32, mut options: Config) -> Result<(), String> {
    let _lock = worker.sim.lock_file(vmid, false).await?;
    worker.pause(|t| t.create).await;
    let drives: BTreeMap<String, String> = take(&mut options, is_disk);
    let mut world = worker.world();
    let Made { values, log, .. } = drives::make(&mut world, node, vmid, &drives)?;
    for line in log {
        world.tasks.log(&worker.upid, line);
    }
    options.extend(values);
    if !options.contains_key("boot") {
        options.insert("boot".to_owned(), boot_order(&options));
    }
    crate::state::complete(&mut options);
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = options;
    }
    drop(world);
    Ok(())
}

/// Takes the options whose names a predicate picks.
fn take(options: &mut Config, pick: fn(&str) -> bool) -> BTreeMap<String, String> {
    options.extract_if(.., |key, _| pick(key)).collect()
}

/// The first disk, the first CD and the first card; a blank when there is nothing to boot from.
fn boot_order(options: &Config) -> String {
    let buses = ["ide", "scsi", "virtio", "sata"];
    let is_cd = |key: &&String| options.get(*key).is_some_and(|v| v.contains("media=cdrom"));
    let drives = || {
        buses.iter().flat_map(|bus| {
            options
                .keys()
                .filter(move |key| key.starts_with(bus) && is_disk(key))
        })
    };
    let disk = drives().find(|key| !is_cd(key));
    let cd = drives().find(is_cd);
    let card = options.keys().find(|key| is_net(key));
    let order: Vec<&str> = [disk, cd, card]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if order.is_empty() {
        " ".to_owned()
    } else {
        format!("order={}", order.join(";"))
    }
}
