//! An order to back up: what it selects and what is wrong with it before anything begins.

use super::Call;
use super::job::Job;
use crate::state::World;
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

/// Options that reach into the host.
const ROOT_ONLY: &[&str] = &["tmpdir", "dumpdir", "script", "job-id"];
/// Options that slow others down.
const MODIFY: &[&str] = &["bwlimit", "ionice", "performance"];

pub(in super::super) fn order(call: &Call) -> ApiResult {
    check(call)?;
    let world = call.world();
    let selected = select(call, &world)?;
    let local: Vec<u32> = selected
        .iter()
        .copied()
        // A guest that isn't anywhere is missed here, visibly.
        .filter(|vmid| world.guests.get(vmid).is_none_or(|g| g.node == call.node()))
        .collect();
    if call.flag("stop") {
        stop_running(&world, call.node());
    }
    if local.is_empty() && (!call.flag("all") || call.flag("stop")) {
        return Ok(Reply::data("OK"));
    }
    let storage = call.text("storage").unwrap_or("local").to_owned();
    if call.text("dumpdir").is_none() {
        call.require(
            &world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
    }
    let cluster = world.cluster_name.clone();
    drop(world);
    let job = Job {
        node: call.node().to_owned(),
        cluster,
        caller: call.caller.clone(),
        named: call.text("vmid").is_some(),
        vmids: local.clone(),
        storage,
        mode: call.text("mode").unwrap_or("snapshot").to_owned(),
        compress: call.text("compress").unwrap_or("0").to_owned(),
        notes: call.text("notes-template").map(str::to_owned),
        protected: call.flag("protected"),
        kept: call.text("prune-backups").map(str::to_owned),
        remove: call.text("remove") != Some("0"),
        lockwait: call.number("lockwait").unwrap_or(180),
        command: command_line(call),
    };
    let id = match local.as_slice() {
        [one] => one.to_string(),
        _ => String::new(),
    };
    let task = TaskName { kind: "vzdump", id };
    let unlocked = local;
    Ok(worker::start(
        call,
        &task,
        move |worker| async move { job.run(&worker).await },
        move |world| unlock(world, &unlocked),
    ))
}

/// Aborts the node's jobs.
fn stop_running(world: &World, node: &str) {
    let running = world
        .tasks
        .newest()
        .filter(|t| t.end.is_none() && t.parts.kind == "vzdump" && t.parts.node == node);
    for task in running {
        task.abort.cancel();
    }
}

/// An aborted backup lets its guests go.
fn unlock(world: &mut World, vmids: &[u32]) {
    for vmid in vmids {
        if let Some(guest) = world.guests.get_mut(vmid)
            && guest.lock() == Some("backup")
        {
            guest.config.remove("lock");
        }
    }
}

fn check(call: &Call) -> Result<(), ApiError> {
    const CLI: &str = "option is only allowed on the command line interface.";
    if call.flag("stdout") {
        return Err(ApiError::parameter("stdout", CLI));
    }
    for key in ROOT_ONLY.iter().filter(|key| call.text(key).is_some()) {
        if !call.caller.is_root() {
            return Err(ApiError::parameter(key, "Only root may set this option."));
        }
    }
    if MODIFY.iter().any(|key| call.text(key).is_some()) {
        call.require(&call.world(), "/", &["Sys.Modify"])?;
    }
    let conflict = |option: &str, other: &str| {
        let text = format!("option conflicts with option '{other}'");
        Err(ApiError::parameter(option, text))
    };
    let (all, vmid, pool) = (call.flag("all"), call.text("vmid"), call.text("pool"));
    match (all, vmid, pool) {
        (true, Some(_), _) => return conflict("all", "vmid"),
        (_, Some(_), Some(_)) => return conflict("pool", "vmid"),
        (true, _, Some(_)) => return conflict("pool", "all"),
        (false, None, None) if !call.flag("stop") => {
            return Err(ApiError::parameter("vmid", "property is missing"));
        }
        _ => {}
    }
    if call.text("exclude").is_some() && vmid.is_some() {
        return conflict("exclude", "vmid");
    }
    Ok(())
}

/// The guests that are meant, of all nodes.
fn select(call: &Call, world: &World) -> Result<Vec<u32>, ApiError> {
    let numbers = |name: &str| -> Vec<u32> {
        let items = call.list(name).into_iter();
        items.filter_map(|item| item.parse().ok()).collect()
    };
    let excluded = numbers("exclude");
    let mut selected = match (call.text("vmid"), call.text("pool")) {
        (Some(_), _) => numbers("vmid"),
        (None, Some(pool)) => {
            let found = world.access.pools.get(pool);
            let found = found.ok_or_else(|| {
                ApiError::new(
                    403,
                    format!("Permission check failed (pool '{pool}' does not exist)"),
                )
            })?;
            call.require(world, &format!("/pool/{pool}"), &["Pool.Audit", "Pool.Allocate"])?;
            found.guests.iter().copied().collect()
        }
        (None, None) if call.flag("all") => world.guests.keys().copied().collect(),
        (None, None) => Vec::new(),
    };
    selected.sort_unstable();
    selected.dedup();
    selected.retain(|vmid| !excluded.contains(vmid));
    Ok(selected)
}

/// The command that would do the same, as the log begins.
fn command_line(call: &Call) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@+%".contains(c);
    let quoted = |value: &str| {
        if !value.is_empty() && value.chars().all(plain) {
            value.to_owned()
        } else {
            format!("'{}'", value.replace('\'', "'\\''"))
        }
    };
    let options = call.params.iter().filter(|(key, _)| key.as_str() != "vmid");
    let options = options.map(|(key, value)| format!("--{key} {}", quoted(value)));
    let words = std::iter::once("vzdump".to_owned()).chain(call.list("vmid"));
    words.chain(options).collect::<Vec<_>>().join(" ")
}
