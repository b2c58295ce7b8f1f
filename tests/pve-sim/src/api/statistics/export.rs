//! `/cluster/metrics/export`: the last figures, for systems that fetch them (`PVE::PullMetric`).

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::clock;
use crate::release::Release;
use crate::state::World;
use crate::state::statistics::{MINUTE, Measured, Sample};
use crate::verify::{Kind, TEXT, may};
use crate::wire::Reply;

/// Minutes that are kept for those who ask for what has been.
const HISTORY: i64 = 30;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/cluster/metrics/export",
    Allow::Any("/", &["Sys.Audit"]),
    &[&[
        may("history", Kind::Boolean),
        may("local-only", Kind::Boolean),
        may("node-list", TEXT).from(Release::V9_2),
        may("start-time", Kind::Integer(i64::MIN, i64::MAX)),
    ]],
    Run::Show(export),
)
.from(Release::V8_4)];

/// Names in the export, and in the statistics.
const NODE: &[(&str, &str)] = &[
    ("cpu_avg1", "loadavg"),
    ("cpu_max", "maxcpu"),
    ("cpu_current", "cpu"),
    ("cpu_iowait", "iowait"),
    ("mem_total", "memtotal"),
    ("mem_used", "memused"),
    ("swap_total", "swaptotal"),
    ("swap_used", "swapused"),
    ("disk_total", "roottotal"),
    ("disk_used", "rootused"),
    ("net_in", "netin"),
    ("net_out", "netout"),
];

const GUEST: &[(&str, &str)] = &[
    ("cpu_current", "cpu"),
    ("cpu_max", "maxcpu"),
    ("mem_used", "mem"),
    ("mem_total", "maxmem"),
    ("disk_total", "maxdisk"),
    ("disk_used", "disk"),
    ("disk_read", "diskread"),
    ("disk_write", "diskwrite"),
    ("net_in", "netin"),
    ("net_out", "netout"),
];

const STORAGE: &[(&str, &str)] = &[("disk_total", "total"), ("disk_used", "used")];

fn points(id: &str, names: &[(&str, &str)], sample: &Sample, at: i64) -> Vec<Value> {
    let known = names
        .iter()
        .filter_map(|(name, metric)| Some((name, sample.get(metric)?)));
    known
        .map(|(name, value)| {
            let counts_up = ["net_in", "net_out", "disk_read", "disk_write"].contains(name);
            let kind = if counts_up { "derive" } else { "gauge" };
            json!({"id": id, "metric": name, "timestamp": at, "type": kind, "value": value})
        })
        .collect()
}

/// Everything of one minute, of the nodes asked for.
fn minute(world: &World, wanted: &dyn Fn(&str) -> bool, at: i64) -> Vec<Value> {
    let mut all = Vec::new();
    let mut add = |id: String, names: &[(&str, &str)], object: Measured<'_>| {
        if let Some(sample) = object.minute(world, at) {
            all.extend(points(&id, names, &sample, at));
        }
    };
    for node in world
        .nodes
        .iter()
        .filter(|node| node.online && wanted(&node.name))
    {
        add(format!("node/{}", node.name), NODE, Measured::Node(node));
        for storage in world.storages.iter().filter(|s| s.enabled && s.is_on(&node.name)) {
            let id = format!("storage/{}/{}", node.name, storage.name);
            add(id, STORAGE, Measured::Storage(node, &storage.name));
        }
    }
    let up = |name: &str| world.node(name).is_some_and(|node| node.online);
    for guest in world.guests.values().filter(|g| wanted(&g.node) && up(&g.node)) {
        let id = format!("{}/{}", guest.kind.name(), guest.vmid);
        add(id, GUEST, Measured::Guest(guest));
    }
    all
}

/// Only what pvestatd has collected can be exported.
fn export(call: &Call) -> Reply {
    let world = call.world();
    if !world
        .system
        .machine
        .services
        .iter()
        .any(|service| service == "pvestatd")
    {
        return Reply::data(json!({"data": []}));
    }
    let local = world
        .nodes
        .first()
        .map_or("", |node| node.name.as_str())
        .to_owned();
    let listed = call.list("node-list");
    let local_only = call.flag("local-only");
    let wanted = |node: &str| {
        (!local_only || node == local) && (listed.is_empty() || listed.iter().any(|name| name == node))
    };
    let last = world.statistics_at.unwrap_or_else(clock::now) / MINUTE * MINUTE;
    let back = if call.flag("history") { HISTORY } else { 0 };
    let start = call.number("start-time").unwrap_or(i64::MIN);
    let minutes = (0..=back).rev().map(|back| last - back * MINUTE);
    let all: Vec<Value> = minutes
        .filter(|at| *at >= start)
        .flat_map(|at| minute(&world, &wanted, at))
        .collect();
    Reply::data(json!({"data": all}))
}
