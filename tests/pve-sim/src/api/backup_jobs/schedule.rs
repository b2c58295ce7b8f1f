//! `/cluster/jobs/schedule-analyze`: when a schedule comes next.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::clock;
use crate::state::CalendarEvent;
use crate::verify::cluster::SCHEDULE;
use crate::verify::{Kind, may, need};
use crate::wire::Reply;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/cluster/jobs/schedule-analyze",
    Allow::Everyone,
    &[&[
        may("iterations", Kind::Integer(1, 100)),
        need("schedule", SCHEDULE),
        may("starttime", Kind::Integer(i64::MIN, i64::MAX)),
    ]],
    Run::Show(analyze),
)];

fn analyze(call: &Call) -> Reply {
    let event = call
        .text("schedule")
        .and_then(CalendarEvent::parse)
        .unwrap_or_default();
    let mut last = call.number("starttime").unwrap_or_else(clock::now);
    let mut rows: Vec<Value> = Vec::new();
    for _ in 0..call.number("iterations").unwrap_or(10_u32) {
        let Some(next) = event.next(last) else { break };
        let utc = clock::wall(next).strftime("%a %b %e %H:%M:%S %Y").to_string();
        rows.push(json!({"timestamp": next, "utc": utc}));
        last = next;
    }
    Reply::data(rows)
}
