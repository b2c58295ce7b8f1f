//! Makes, changes and removes jobs (`PVE::API2::Backup`).
//!
//! What is wrong with the selection is found while the file is locked, and the error has been through two hands by then: its
//! status is 500, and the 400 that it was meant to have begins its sentence.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::super::{Call, Endpoint, Run};
use super::MODIFY;
use super::options::{ID, OPTIONS};
use crate::state::BackupJob;
use crate::verify::cluster::OPTIONS as OPTION_NAMES;
use crate::verify::may;
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/cluster/backup",
        MODIFY,
        &[OPTIONS, &[ID]],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::put(
        "/cluster/backup/{id}",
        MODIFY,
        &[OPTIONS, &[may("delete", OPTION_NAMES)]],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/cluster/backup/{id}",
        MODIFY,
        &[],
        Run::Later(|call| Box::pin(remove(call))),
    ),
];

const LOCK: &str = "file-jobs_cfg";

/// An error of a parameter that comes out of the lock.
fn late(name: &str, error: &str) -> ApiError {
    ApiError::internal(format!("400 Parameter verification failed.\n{name}: {error}"))
}

/// The options of the call as a job keeps them: the old way to say when becomes a schedule.
fn given(call: &Call, need_schedule: bool) -> Result<BTreeMap<String, String>, ApiError> {
    let own = ["id", "delete", "starttime", "dow"];
    let mut options: BTreeMap<String, String> = call
        .params
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    match (call.text("schedule"), call.text("starttime")) {
        (Some(_), Some(_)) => {
            let error = "'starttime' and 'schedule' cannot both be set";
            return Err(ApiError::parameter("starttime", error));
        }
        (None, None) if need_schedule => {
            let error = "neither 'starttime' nor 'schedule' were set";
            return Err(ApiError::parameter("schedule", error));
        }
        (None, Some(time)) => {
            let days = call.list("dow").join(",");
            let schedule = if days.is_empty() {
                time.to_owned()
            } else {
                format!("{days} {time}")
            };
            options.insert("schedule".to_owned(), schedule);
        }
        _ => {}
    }
    Ok(options)
}

/// What more than Sys.Modify is needed for.
fn check_rights(call: &Call) -> Result<(), ApiError> {
    let world = call.world();
    for name in ["dumpdir", "script", "tmpdir"] {
        if call.text(name).is_some() && !call.caller.is_root() {
            return Err(ApiError::parameter(name, "Only root may set this option."));
        }
    }
    if let Some(pool) = call.text("pool") {
        if world.access.pools.get(pool).is_none() {
            let text = format!("Permission check failed (pool '{pool}' does not exist)");
            return Err(ApiError::new(403, text));
        }
        call.require(&world, &format!("/pool/{pool}"), &["VM.Backup"])?;
    }
    if let Some(storage) = call
        .text("fleecing")
        .and_then(|f| crate::state::drive_property(f, "storage"))
    {
        call.require(
            &world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
    }
    Ok(())
}

/// `PVE::VZDump::verify_vzdump_parameters`.
fn check_selection(options: &mut BTreeMap<String, String>) -> Result<(), ApiError> {
    let has = |name: &str| {
        options
            .get(name)
            .is_some_and(|value| !value.is_empty() && value != "0")
    };
    if has("vmid") {
        for other in ["all", "exclude", "pool"] {
            if has(other) {
                return Err(late(other, "option conflicts with option 'vmid'"));
            }
        }
    }
    if has("prune-backups") && has("maxfiles") {
        return Err(late("prune-backups", "option conflicts with option 'maxfiles'"));
    }
    if !["all", "stop", "pool", "exclude", "vmid"]
        .iter()
        .any(|name| has(name))
    {
        return Err(late("vmid", "property is missing"));
    }
    if has("exclude") && !has("pool") {
        options.insert("all".to_owned(), "1".to_owned());
    }
    Ok(())
}

async fn create(call: Call) -> ApiResult {
    check_rights(&call)?;
    let mut options = given(&call, true)?;
    options
        .entry("enabled".to_owned())
        .or_insert_with(|| "1".to_owned());
    call.sim.config_lock(LOCK).await?;
    let id = call
        .text("id")
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let mut world = call.world();
    if world.backup_jobs.contains_key(&id) {
        return Err(ApiError::internal(format!("Job '{id}' already exists")));
    }
    check_selection(&mut options)?;
    world.backup_jobs.insert(id, BackupJob { options });
    call.sim.jobs_changed.notify_one();
    Ok(Reply::null())
}

async fn update(call: Call) -> ApiResult {
    check_rights(&call)?;
    let given = given(&call, false)?;
    let deleted = call.list("delete");
    if let Some(unknown) = deleted
        .iter()
        .find(|name| !OPTIONS.iter().any(|p| p.is_called(name)))
    {
        return Err(late("delete", &format!("unknown option '{unknown}'")));
    }
    call.sim.config_lock(LOCK).await?;
    let id = call.text("id").unwrap_or("");
    let mut world = call.world();
    let Some(job) = world.backup_jobs.get(id) else {
        return Err(late("id", &format!("No such job '{id}'")));
    };
    let mut options = job.options.clone();
    options.retain(|name, _| !deleted.contains(name));
    // One way to select takes the place of the others.
    let others: &[&str] = if given.contains_key("pool") {
        &["vmid", "all", "exclude"]
    } else if given.contains_key("vmid") {
        &["all", "exclude", "pool"]
    } else if given.contains_key("all") {
        &["vmid", "pool"]
    } else {
        &[]
    };
    options.retain(|name, _| !others.contains(&name.as_str()));
    options.extend(given);
    check_selection(&mut options)?;
    world.backup_jobs.insert(id.to_owned(), BackupJob { options });
    call.sim.jobs_changed.notify_one();
    Ok(Reply::null())
}

async fn remove(call: Call) -> ApiResult {
    call.sim.config_lock(LOCK).await?;
    let id = call.text("id").unwrap_or("");
    match call.world().backup_jobs.remove(id) {
        Some(_) => Ok(Reply::null()),
        None => Err(late("id", &format!("No such job '{id}'"))),
    }
}
