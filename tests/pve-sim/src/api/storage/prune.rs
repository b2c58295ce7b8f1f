//! Removes old backups, or says which would be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::{Allow, Endpoint, Run};
use super::retention::Retention;
use super::{Call, SEE};
use crate::state::{GuestKind, World};
use crate::verify::storage::PRUNE_WHAT;
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName};

const PATH: &str = "/nodes/{node}/storage/{storage}/prunebackups";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        PATH,
        Allow::Any("/storage/{storage}", SEE),
        &[PRUNE_WHAT],
        Run::Now(show),
    ),
    Endpoint::delete(PATH, Allow::Everyone, &[PRUNE_WHAT], Run::Now(prune)),
];

/// What is to be done with one backup.
#[derive(Clone, Debug)]
struct Marked {
    volid: String,
    vmid: Option<u32>,
    kind: Option<GuestKind>,
    ctime: i64,
    mark: &'static str,
}

/// Which backups are looked at.
#[derive(Clone, Copy, Default)]
struct Filter<'a> {
    vmid: Option<u32>,
    kind: Option<&'a str>,
}

fn marked(
    world: &World,
    node: &str,
    storage: &str,
    retention: &Retention,
    filter: Filter<'_>,
) -> Vec<Marked> {
    let mut all: Vec<Marked> = Vec::new();
    let mut groups: BTreeMap<(u32, &str), Vec<i64>> = BTreeMap::new();
    for volume in world.volumes_on(node, storage).filter(|v| v.content == "backup") {
        let kind = volume.archive.as_ref().map(|archive| archive.kind);
        if filter.vmid.is_some_and(|vmid| volume.vmid != Some(vmid))
            || filter
                .kind
                .is_some_and(|wanted| kind.map(GuestKind::name) != Some(wanted))
        {
            continue;
        }
        let mark = if volume.protected { "protected" } else { "" };
        if let (Some(vmid), Some(kind), "") = (volume.vmid, kind, mark) {
            groups.entry((vmid, kind.name())).or_default().push(volume.ctime);
        }
        all.push(Marked {
            volid: volume.volid.clone(),
            vmid: volume.vmid,
            kind,
            ctime: volume.ctime,
            mark,
        });
    }
    let kept: BTreeMap<(u32, &str), BTreeSet<i64>> = groups
        .into_iter()
        .map(|(group, times)| (group, retention.kept(&times)))
        .collect();
    for backup in all.iter_mut().filter(|backup| backup.mark.is_empty()) {
        backup.mark = match (backup.vmid, backup.kind) {
            (Some(vmid), Some(kind)) => {
                let kept = kept.get(&(vmid, kind.name()));
                let keep = kept.is_some_and(|times| times.contains(&backup.ctime));
                if keep { "keep" } else { "remove" }
            }
            // Whose name says neither guest nor time.
            _ => "renamed",
        };
    }
    all
}

/// The retention that was given, or else the storage's own.
fn retention(call: &Call, world: &World, storage: &str) -> Result<Retention, ApiError> {
    let storage = world.storage_on(call.node(), storage)?;
    let own = storage.options.get("prune-backups").map(String::as_str);
    let text = call.text("prune-backups").or(own);
    Ok(Retention::parse(text.unwrap_or("keep-all=1")))
}

fn filter(call: &Call) -> Filter<'_> {
    Filter {
        vmid: call.number("vmid"),
        kind: call.text("type"),
    }
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let storage = call.text("storage").unwrap_or("");
    let retention = retention(call, &world, storage)?;
    let rows = marked(&world, call.node(), storage, &retention, filter(call));
    let rows = rows.into_iter().map(|backup| {
        let mut row = json!({"volid": backup.volid, "ctime": backup.ctime, "mark": backup.mark});
        row["type"] = json!(backup.kind.map_or("unknown", GuestKind::name));
        if let Some(vmid) = backup.vmid {
            row["vmid"] = json!(vmid);
        }
        row
    });
    Ok(Reply::data(rows.collect::<Vec<Value>>()))
}

fn prune(call: &Call) -> ApiResult {
    let storage = call.text("storage").unwrap_or("").to_owned();
    let vmid = call.number::<u32>("vmid");
    let path = format!("/storage/{storage}");
    let retention = {
        let world = call.world();
        match vmid {
            Some(vmid) => {
                call.require(&world, &path, &["Datastore.AllocateSpace"])?;
                call.require(&world, &format!("/vms/{vmid}"), &["VM.Backup"])?;
            }
            None => call.require(&world, &path, &["Datastore.Allocate"])?,
        }
        retention(call, &world, &storage)?
    };
    let name = TaskName {
        kind: "prunebackups",
        id: vmid.map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}")),
    };
    let node = call.node().to_owned();
    let kind = call.text("type").map(str::to_owned);
    Ok(worker::start(
        call,
        &name,
        move |worker| async move {
            worker.pause(|t| t.resize).await;
            let mut world = worker.world();
            let filter = Filter {
                vmid,
                kind: kind.as_deref(),
            };
            for volid in remove(&mut world, &node, &storage, &retention, filter) {
                let line = format!("removing backup '{volid}'");
                world.tasks.log(&worker.upid, line);
            }
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

fn remove(
    world: &mut World,
    node: &str,
    storage: &str,
    retention: &Retention,
    filter: Filter<'_>,
) -> Vec<String> {
    let marked = marked(world, node, storage, retention, filter);
    let doomed: Vec<String> = marked
        .into_iter()
        .filter(|backup| backup.mark == "remove")
        .map(|backup| backup.volid)
        .collect();
    for volid in &doomed {
        world.free_volume(node, volid);
    }
    doomed
}

/// Removes what a guest has too many of, and says what that was.
pub(in crate::api) fn prune_guest(
    world: &mut World,
    node: &str,
    storage: &str,
    kept: &str,
    vmid: u32,
) -> Vec<String> {
    let filter = Filter {
        vmid: Some(vmid),
        kind: None,
    };
    remove(world, node, storage, &Retention::parse(kept), filter)
}
