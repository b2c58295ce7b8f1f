//! The orders themselves.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Order, Outcome, Refusal, guests, nodes, tokens};
use crate::fault::Fault;
use crate::happening::Happening;
use crate::hold::{self, Mark};
use crate::matcher::Matcher;
use crate::scenario::{Playing, Scenario};
use crate::simulator::Core;
use crate::state::Task;
use crate::timing::Timing;

pub(super) async fn carry_out(core: &Arc<Core>, order: Order) -> Outcome {
    let path: Vec<&str> = order.path.iter().map(String::as_str).collect();
    match (order.method.as_str(), path.as_slice()) {
        ("GET", ["holds", id]) => return wait_for_hold(core, id, order.number("wait")).await,
        ("POST", ["listener", "start"]) => {
            core.happen(Happening::Listener { up: true }).await?;
            return Ok(json!({}));
        }
        ("POST", ["listener", "stop"]) => {
            core.happen(Happening::Listener { up: false }).await?;
            return Ok(json!({}));
        }
        ("POST", ["happenings"]) => {
            let happening: Happening = serde_json::from_value(order.body)?;
            core.happen(happening).await?;
            return Ok(json!({}));
        }
        _ => {}
    }
    match (order.method.as_str(), path.as_slice()) {
        ("GET", ["requests"]) => Ok(requests(core, &order)),
        ("DELETE", ["requests"]) => {
            core.shared.log.clear();
            Ok(json!({}))
        }
        ("GET", ["faults"]) => Ok(faults(core)),
        ("POST", ["faults"]) => {
            let fault: Fault = serde_json::from_value(order.body)?;
            Ok(json!({"id": core.shared.faults.add(fault)}))
        }
        ("DELETE", ["faults"]) => {
            core.shared.faults.clear_all();
            Ok(json!({}))
        }
        ("DELETE", ["faults", id]) => removed(core.shared.faults.clear(id.parse()?)),
        ("GET", ["holds"]) => {
            let holds: Vec<Value> = core.shared.holds.list().iter().map(|h| hold_row(h)).collect();
            Ok(json!(holds))
        }
        ("POST", ["holds"]) => {
            let asked: HoldOrder = serde_json::from_value(order.body)?;
            Ok(hold_row(&core.shared.holds.add(
                Matcher::new(asked.method, asked.path),
                asked.mark,
                asked.skip,
            )))
        }
        ("DELETE", ["holds", id]) => removed(core.shared.holds.remove(id.parse()?)),
        ("GET", ["events"]) => Ok(json!(
            core.shared.events.since(order.number("since").unwrap_or(0))
        )),
        ("GET", ["state"]) => Ok(serde_json::from_str(&core.save())?),
        ("GET", ["scenarios"]) => {
            let scenarios = core.shared.scenarios.list();
            Ok(scenarios.iter().map(Playing::view).collect())
        }
        ("POST", ["scenarios"]) => {
            let scenario = Scenario::read(&order.body.to_string())?;
            Ok(json!({"id": core.play(scenario).0}))
        }
        ("GET", ["scenarios", id]) => {
            let scenarios = core.shared.scenarios.list();
            let at = id.parse::<usize>()?.checked_sub(1);
            let found = at.and_then(|at| scenarios.get(at));
            Ok(found.ok_or(Refusal::Unknown)?.view())
        }
        ("GET", ["timing"]) => Ok(json!(core.shared.timing())),
        ("PUT", ["timing"]) => {
            let timing = changed_timing(&core.shared.timing(), order.body)?;
            core.shared.set_timing(timing);
            Ok(json!({}))
        }
        ("POST", ["resources", "refresh"]) => {
            core.world().refresh_resources();
            Ok(json!({}))
        }
        ("GET", ["tasks"]) => {
            let world = core.world();
            let tasks: Vec<_> = world.tasks.newest().map(Task::view).collect();
            Ok(json!(tasks))
        }
        (method, ["guests", rest @ ..]) => guests::carry_out(core, method, rest, &order.body),
        (method, ["nodes", ..] | ["quorum"]) => nodes::carry_out(core, method, &path, &order.body),
        (method, ["tokens"]) => tokens::carry_out(core, method, &order.body),
        _ => Err(Refusal::Unknown),
    }
}

/// What an order leaves out stays as it is.
fn changed_timing(timing: &Timing, order: Value) -> Result<Timing, serde_json::Error> {
    let mut fields = json!(timing);
    if let (Some(fields), Value::Object(order)) = (fields.as_object_mut(), order) {
        fields.extend(order);
    }
    serde_json::from_value(fields)
}

fn removed(was_there: bool) -> Outcome {
    if was_there {
        Ok(json!({}))
    } else {
        Err(Refusal::Unknown)
    }
}

fn requests(core: &Core, order: &Order) -> Value {
    let since = order.number("since").unwrap_or(0);
    let matcher = Matcher::new(
        order.query("method").unwrap_or("*"),
        order.query("path").unwrap_or("**"),
    );
    let mutating = order.query("mutating").is_some_and(|m| m == "1" || m == "true");
    let position = core.shared.log.position();
    let found = core
        .shared
        .log
        .pick(|r| r.seq > since && (!mutating || r.mutating) && matcher.matches(&r.method, &r.path));
    let count = found.len();
    let limit = order
        .number("limit")
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(1000);
    let skip = count.saturating_sub(limit);
    json!({"position": position, "count": count, "requests": &found.0[skip..]})
}

fn faults(core: &Core) -> Value {
    let rows = core.shared.faults.list().into_iter().map(|(id, fault, hits)| {
        let mut row = json!(fault);
        row["id"] = json!(id);
        row["hits"] = json!(hits);
        row
    });
    rows.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldOrder {
    #[serde(default = "any_method")]
    method: String,
    #[serde(default = "any_path")]
    path: String,
    mark: Mark,
    #[serde(default)]
    skip: u64,
}

fn any_method() -> String {
    Matcher::any().method
}

fn any_path() -> String {
    Matcher::any().path
}

fn hold_row(order: &hold::Order) -> Value {
    json!({
        "id": order.id,
        "method": order.matcher.method,
        "path": order.matcher.path,
        "mark": order.mark,
        "reached": order.is_reached(),
    })
}

/// Waits up to `wait` seconds until a request stands at the mark.
async fn wait_for_hold(core: &Core, id: &str, wait: Option<u64>) -> Outcome {
    let order = core.shared.holds.get(id.parse()?).ok_or(Refusal::Unknown)?;
    if let Some(seconds) = wait {
        // Too late is an answer too: the row says whether it is reached.
        let _ = tokio::time::timeout(Duration::from_secs(seconds), order.reached()).await;
    }
    Ok(hold_row(&order))
}
