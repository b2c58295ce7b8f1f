//! `rrddata`: rows of the same length of time each, the oldest first (`PVE::RRD::create_rrd_data`).

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::clock;
use crate::release::Release;
use crate::state::World;
use crate::state::statistics::{Consolidation, Measured, consolidated};
use crate::verify::{Kind, Param, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const CF: Param = may("cf", Kind::Enum(&["AVERAGE", "MAX"]));
const TIMEFRAME: Param = need("timeframe", Kind::Enum(&["hour", "day", "week", "month", "year"]));
const LONG_TIMEFRAME: Param = need(
    "timeframe",
    Kind::Enum(&["hour", "day", "week", "month", "year", "decade"]),
);

const SEE_GUEST: Allow = Allow::Any("/vms/{vmid}", &["VM.Audit"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/rrddata",
        Allow::Any("/nodes/{node}", &["Sys.Audit"]),
        &[&[
            CF,
            TIMEFRAME.until(Release::V8_4),
            LONG_TIMEFRAME.from(Release::V9_2),
        ]],
        Run::Now(of_node),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/rrddata",
        SEE_GUEST,
        &[&[CF, TIMEFRAME]],
        Run::Now(of_guest),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/rrddata",
        SEE_GUEST,
        &[&[CF, TIMEFRAME]],
        Run::Now(of_guest),
    ),
    Endpoint::get(
        "/nodes/{node}/storage/{storage}/rrddata",
        Allow::Any(
            "/storage/{storage}",
            &["Datastore.Audit", "Datastore.AllocateSpace"],
        ),
        &[&[CF, TIMEFRAME]],
        Run::Now(of_storage),
    ),
];

/// Seconds of a row, and how many rows.
fn resolution(release: Release, timeframe: &str) -> (i64, i64) {
    let hour = 3600;
    match (release >= Release::V9_2, timeframe) {
        (_, "hour") => (60, 60),
        (true, "day") => (60, 1440),
        (true, "week") => (hour / 2, 336),
        (true, "month") => (hour / 2, 1440),
        (true, "year") => (6 * hour, 1440),
        (true, _) => (7 * 24 * hour, 570),
        (false, "day") => (hour / 2, 70),
        (false, "week") => (3 * hour, 70),
        (false, "month") => (12 * hour, 70),
        (false, _) => (7 * 24 * hour, 70),
    }
}

fn rows(call: &Call, world: &World, object: Measured<'_>) -> Reply {
    let (seconds, count) = resolution(call.release(), call.text("timeframe").unwrap_or("hour"));
    let how = match call.text("cf") {
        Some("MAX") => Consolidation::Maximum,
        _ => Consolidation::Average,
    };
    let last = world.statistics_at.unwrap_or_else(clock::now).div_euclid(seconds) * seconds;
    let ends = (0..count).rev().map(|back| last - back * seconds);
    let mut rows: Vec<Map<String, Value>> = ends
        .map(|end| {
            let figures = consolidated(world, object, end, seconds, how);
            let mut row: Map<String, Value> = figures
                .into_iter()
                .map(|(metric, value)| (metric.to_owned(), plain(value)))
                .collect();
            row.insert("time".to_owned(), json!(end));
            row
        })
        .collect();
    // The newest row isn't there before it has figures.
    if rows.last().is_some_and(|row| row.len() == 1) {
        rows.pop();
    }
    Reply::data(rows)
}

/// Whole numbers are written without a point.
fn plain(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    let whole = value as i64;
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(whole)
    } else {
        json!(value)
    }
}

/// The sentence for a file that pvestatd hasn't written yet: its folder carries the version of its format.
fn no_file(call: &Call, what: &str, name: &str) -> ApiError {
    let folder = if call.release() >= Release::V9_2 {
        format!("pve-{what}-9.0")
    } else {
        format!("pve2-{what}")
    };
    ApiError::internal(format!(
        "RRD error: opening '/var/lib/rrdcached/db/{folder}/{name}': No such file or directory"
    ))
}

fn of_node(call: &Call) -> ApiResult {
    let world = call.world();
    let known = world.cache.memory.contains_key(call.node());
    let node = world.node(call.node()).filter(|_| known);
    let node = node.ok_or_else(|| no_file(call, "node", call.node()))?;
    Ok(rows(call, &world, Measured::Node(node)))
}

/// The file is found by the number alone: there needn't be such a guest.
fn of_guest(call: &Call) -> ApiResult {
    let world = call.world();
    let known = world.cache.guests.contains_key(&call.vmid());
    let guest = world.guests.get(&call.vmid()).filter(|_| known);
    let guest = guest.ok_or_else(|| no_file(call, "vm", &call.vmid().to_string()))?;
    Ok(rows(call, &world, Measured::Guest(guest)))
}

fn of_storage(call: &Call) -> ApiResult {
    let world = call.world();
    let storage = call.text("storage").unwrap_or("");
    let known = world.known_use(call.node(), storage).is_some();
    let node = world.node(call.node()).filter(|_| known);
    let node = node.ok_or_else(|| no_file(call, "storage", &format!("{}/{storage}", call.node())))?;
    Ok(rows(call, &world, Measured::Storage(node, storage)))
}
