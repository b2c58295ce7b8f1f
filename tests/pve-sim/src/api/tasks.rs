//! Tasks, of a node and of the cluster.

use serde_json::{Value, json};

use super::{Allow, Call, Endpoint, Run};
use crate::state::{Task, Upid, World};
use crate::verify::cluster::TASK_STATES;
use crate::verify::{Kind, TEXT, at_least, may};
use crate::wire::{ApiError, ApiResult, Reply};

/// How many ended tasks of each node the cluster's list shows.
const RECENT: usize = 25;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/tasks", Allow::Everyone, &[], Run::Show(of_cluster)),
    Endpoint::get(
        "/nodes/{node}/tasks",
        Allow::Everyone,
        &[&[
            may("errors", Kind::Boolean),
            may("limit", at_least(0)),
            may("since", Kind::Integer(i64::MIN, i64::MAX)),
            may("source", Kind::Enum(&["archive", "active", "all"])),
            may("start", at_least(0)),
            may("statusfilter", TASK_STATES),
            may("typefilter", TEXT),
            may("until", Kind::Integer(i64::MIN, i64::MAX)),
            may("userfilter", TEXT),
            may("vmid", Kind::Vmid),
        ]],
        Run::Show(of_node),
    ),
    Endpoint::get(
        "/nodes/{node}/tasks/{upid}",
        Allow::Everyone,
        &[],
        Run::Show(|_| Reply::data(json!([{"name": "log"}, {"name": "status"}]))),
    ),
    Endpoint::delete(
        "/nodes/{node}/tasks/{upid}",
        Allow::Everyone,
        &[],
        Run::Now(abort),
    ),
    Endpoint::get(
        "/nodes/{node}/tasks/{upid}/status",
        Allow::Everyone,
        &[],
        Run::Now(status),
    ),
    Endpoint::get(
        "/nodes/{node}/tasks/{upid}/log",
        Allow::Everyone,
        &[&[
            may("download", Kind::Boolean),
            may("limit", at_least(0)),
            may("start", at_least(0)),
        ]],
        Run::Now(log),
    ),
];

/// Whether the caller may see a task: its own, or with Sys.Audit on the node.
fn visible(world: &World, call: &Call, task: &Task) -> bool {
    let path = format!("/nodes/{}", task.parts.node);
    call.caller.did(&task.parts.user) || world.access.any(&call.caller, &path, &["Sys.Audit"])
}

/// What each node has told of its tasks, a node that has gone since included.
fn of_cluster(call: &Call) -> Reply {
    let world = call.world();
    let mut ended: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    let mut rows = Vec::new();
    for task in world.tasks.newest() {
        let on_node = ended.entry(task.parts.node.as_str()).or_default();
        *on_node += usize::from(task.end.is_some());
        let listed = task.end.is_none() || *on_node <= RECENT;
        if !listed || !visible(&world, call, task) {
            continue;
        }
        let mut row = json!({
            "upid": task.upid,
            "node": task.parts.node,
            "type": task.parts.kind,
            "id": task.parts.id,
            "user": task.parts.user,
            "starttime": task.parts.starttime,
            "saved": if task.end.is_some() { "1" } else { "0" },
        });
        if let Some((endtime, exit)) = &task.end {
            row["endtime"] = json!(endtime);
            row["status"] = json!(exit);
            if world.tasks.is_just_saved(task) {
                row["saved"] = json!(1);
            }
        }
        rows.push(row);
    }
    Reply::data(rows)
}

fn of_node(call: &Call) -> Reply {
    let mut world = call.world();
    let source = call.text("source").unwrap_or("archive");
    if source != "archive" {
        world.tasks.reread(call.node());
    }
    let contains = |filter: Option<&str>, text: &str| {
        filter.is_none_or(|f| text.to_lowercase().contains(&f.to_lowercase()))
    };
    let wanted = |task: &&Task| {
        let of_source = match source {
            "active" => task.end.is_none(),
            "all" => true,
            _ => task.end.is_some(),
        };
        of_source
            && task.parts.node == call.node()
            && call.text("vmid").is_none_or(|vmid| task.parts.id == vmid)
            && call.text("typefilter").is_none_or(|kind| task.parts.kind == kind)
            && contains(call.text("userfilter"), &task.parts.user)
            && (!call.flag("errors") || task.failed())
            && call
                .number::<i64>("since")
                .is_none_or(|since| task.parts.starttime >= since)
            && call
                .number::<i64>("until")
                .is_none_or(|until| task.parts.starttime <= until)
            && call.text("statusfilter").is_none_or(|states| {
                states
                    .split([',', ';', ' '])
                    .any(|state| state == status_kind(task))
            })
            && visible(&world, call, task)
    };
    let all: Vec<&Task> = world.tasks.newest().filter(wanted).collect();
    let start = call.number("start").unwrap_or(0);
    let limit = call.number("limit").unwrap_or(50);
    let rows: Vec<Value> = all.iter().skip(start).take(limit).map(|task| row(task)).collect();
    Reply::page(rows, Some(all.len()).filter(|n| *n > 0))
}

fn status_kind(task: &Task) -> &'static str {
    match &task.end {
        None => "unknown",
        Some((_, exit)) if exit == "OK" => "ok",
        Some((_, exit)) if exit.starts_with("WARNINGS: ") => "warning",
        Some((_, exit)) if exit == "unexpected status" => "unknown",
        Some(_) => "error",
    }
}

fn row(task: &Task) -> Value {
    let mut row = common(task);
    match &task.end {
        None => {
            row["status"] = json!("RUNNING");
            row["saved"] = json!("0");
        }
        Some((endtime, exit)) => {
            row["status"] = json!(exit);
            row["endtime"] = json!(endtime);
        }
    }
    row
}

fn common(task: &Task) -> Value {
    let Upid {
        node,
        pid,
        pstart,
        starttime,
        kind,
        id,
        user,
    } = &task.parts;
    json!({
        "upid": task.upid,
        "node": node,
        "pid": pid,
        "pstart": pstart,
        "starttime": starttime,
        "type": kind,
        "id": id,
        "user": user,
    })
}

fn found<'a>(world: &'a World, call: &Call) -> Result<&'a Task, ApiError> {
    let upid = call.text("upid").unwrap_or("");
    if !Upid::is_well_formed(upid) {
        return Err(ApiError::parameter("upid", "unable to parse worker upid"));
    }
    let task = world.tasks.get(upid).filter(|t| t.parts.node == call.node());
    let task = task.ok_or_else(|| ApiError::parameter("upid", "no such task"))?;
    if visible(world, call, task) {
        Ok(task)
    } else {
        Err(ApiError::denied(
            &format!("/nodes/{}", call.node()),
            &["Sys.Audit"],
        ))
    }
}

fn status(call: &Call) -> ApiResult {
    let world = call.world();
    let task = found(&world, call)?;
    let mut status = common(task);
    match &task.end {
        None => status["status"] = json!("running"),
        Some((_, exit)) => {
            status["status"] = json!("stopped");
            status["exitstatus"] = json!(exit);
        }
    }
    Ok(Reply::data(status))
}

fn log(call: &Call) -> ApiResult {
    let world = call.world();
    let task = found(&world, call)?;
    if task.log.is_empty() {
        return Ok(Reply::page(vec![json!({"n": 1, "t": "no content"})], Some(1)));
    }
    let start = call.number("start").unwrap_or(0);
    let limit = call.number("limit").filter(|n| *n > 0).unwrap_or(50);
    let lines = task.log.iter().enumerate().skip(start).take(limit);
    let lines = lines.map(|(at, text)| json!({"n": at + 1, "t": text})).collect();
    Ok(Reply::page(lines, Some(task.log.len())))
}

/// Also of a task that has ended, and then nothing happens.
fn abort(call: &Call) -> ApiResult {
    let world = call.world();
    let task = found(&world, call)?;
    let own = task.parts.user == call.caller.0;
    if !own {
        call.require(&world, &format!("/nodes/{}", call.node()), &["Sys.Modify"])?;
    }
    task.abort.cancel();
    Ok(Reply::null())
}
