//! The orders themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Order, Outcome, Refusal};
use crate::fault::Fault;
use crate::hands::HandsError;
use crate::happening::Happening;
use crate::hold::{self, Mark};
use crate::matcher::Matcher;
use crate::scenario::{Playing, Scenario};
use crate::seed::{Rights, SeedGuest, SeedToken, Shutdown};
use crate::simulator::Core;
use crate::state::{Guest, NodeProxy, Task};
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
                asked.matcher,
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
        (_, ["guests", ..]) => guests(core, &path, order.method.as_str(), order.body.clone()),
        (_, ["nodes", ..] | ["quorum"]) => nodes(core, &path, order.method.as_str(), &order.body),
        (_, ["tokens", ..]) => tokens(core, &path, order.method.as_str(), order.body.clone()),
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
struct HoldOrder {
    #[serde(flatten)]
    matcher: Matcher,
    mark: Mark,
    #[serde(default)]
    skip: u64,
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct GuestOrder {
    name: Option<String>,
    node: Option<String>,
    vmid: Option<u32>,
    shutdown: Option<Shutdown>,
    agent: Option<bool>,
}

fn guests(core: &Core, path: &[&str], method: &str, body: Value) -> Outcome {
    match (method, path) {
        ("GET", ["guests"]) => {
            let world = core.world();
            let guests: Vec<_> = world.guests.values().map(Guest::view).collect();
            return Ok(json!(guests));
        }
        ("POST", ["guests"]) => {
            let guest: SeedGuest = serde_json::from_value(body)?;
            core.happen_now(Happening::Appear { guest })?;
            return Ok(json!({}));
        }
        _ => {}
    }
    let [_, vmid, action @ ..] = path else {
        return Err(Refusal::Unknown);
    };
    let vmid: u32 = vmid.parse()?;
    if let ("PUT", ["config"]) = (method, action) {
        let changes: BTreeMap<String, Option<String>> = serde_json::from_value(body)?;
        core.happen_now(Happening::Reconfigure {
            vmid,
            config: changes,
        })?;
        return Ok(json!({}));
    }
    let asked: GuestOrder = serde_json::from_value(body)?;
    match (method, action) {
        ("GET", []) => {
            let world = core.world();
            let guest = world.guests.get(&vmid).ok_or(HandsError::NoGuest(vmid))?;
            return Ok(json!(guest.view()));
        }
        ("DELETE", []) => core.happen_now(Happening::Destroy { vmid })?,
        ("POST", ["power-on"]) => core.happen_now(Happening::PowerOn { vmid })?,
        ("POST", ["power-off"]) => core.happen_now(Happening::PowerOff { vmid })?,
        ("POST", ["recycle"]) => {
            core.happen_now(Happening::Recycle { vmid })?;
            let world = core.world();
            let uuid = world.guests.get(&vmid).and_then(Guest::uuid);
            return Ok(json!({"uuid": uuid}));
        }
        ("POST", ["copy"]) => {
            let target = asked
                .vmid
                .ok_or_else(|| Refusal::Bad("vmid is missing".to_owned()))?;
            let name = asked.name.unwrap_or_else(|| format!("copy-{target}"));
            core.happen_now(Happening::Copy {
                vmid,
                new_vmid: target,
                name,
            })?;
        }
        ("POST", ["move"]) => {
            let node = asked
                .node
                .ok_or_else(|| Refusal::Bad("node is missing".to_owned()))?;
            core.happen_now(Happening::Move { vmid, node })?;
        }
        ("PUT", ["behaviour"]) => core.happen_now(Happening::Behave {
            vmid,
            shutdown: asked.shutdown,
            agent: asked.agent,
        })?,
        _ => return Err(Refusal::Unknown),
    }
    Ok(json!({}))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeOrder {
    online: Option<bool>,
    proxy: Option<NodeProxy>,
    quorate: Option<bool>,
    iso: Option<String>,
    volid: Option<String>,
}

fn nodes(core: &Core, path: &[&str], method: &str, body: &Value) -> Outcome {
    let asked: NodeOrder = serde_json::from_value(body.clone())?;
    match (method, path, asked) {
        (
            "PUT",
            ["nodes", node],
            NodeOrder {
                online: Some(online), ..
            },
        ) => core.happen_now(Happening::Node {
            node: (*node).to_owned(),
            online,
        })?,
        (
            "PUT",
            ["nodes", node],
            NodeOrder {
                proxy: Some(proxy), ..
            },
        ) => core.happen_now(Happening::Proxy {
            node: (*node).to_owned(),
            proxy,
        })?,
        ("POST", ["nodes", node, "isos"], NodeOrder { iso: Some(iso), .. }) => core.add_iso(node, &iso)?,
        (
            "DELETE",
            ["nodes", node, "volumes"],
            NodeOrder {
                volid: Some(volid), ..
            },
        ) => {
            let node = (*node).to_owned();
            core.happen_now(Happening::RemoveVolume { node, volid })?;
        }
        (
            "PUT",
            ["quorum"],
            NodeOrder {
                quorate: Some(quorate),
                ..
            },
        ) => core.set_quorum(quorate),
        _ => return Err(Refusal::Unknown),
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
struct TokenOrder {
    id: String,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    rights: NewRights,
}

/// What a token is to be allowed.
#[derive(Default)]
enum NewRights {
    /// The order doesn't say.
    #[default]
    AsTheyAre,
    /// `null`: all that the user may. A list: just that.
    Set(Option<Vec<Rights>>),
}

impl<'de> Deserialize<'de> for NewRights {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Self::Set)
    }
}

/// The id stands in the body, because it has characters that a path would need to escape.
fn tokens(core: &Core, path: &[&str], method: &str, body: Value) -> Outcome {
    let mut world = core.world();
    match (method, path) {
        ("POST", ["tokens"]) => {
            let token: SeedToken = serde_json::from_value(body)?;
            drop(world);
            core.add_token(token)?;
        }
        ("PUT", ["tokens"]) => {
            let asked: TokenOrder = serde_json::from_value(body)?;
            let secret = asked
                .secret
                .is_none_or(|s| world.access.set_secret(&asked.id, &s));
            let rights = match asked.rights {
                NewRights::AsTheyAre => true,
                NewRights::Set(rights) => world.access.set_rights(&asked.id, rights),
            };
            if !(secret && rights) {
                return Err(HandsError::NoToken(asked.id).into());
            }
        }
        ("DELETE", ["tokens"]) => {
            let asked: TokenOrder = serde_json::from_value(body)?;
            if !world.access.revoke(&asked.id) {
                return Err(HandsError::NoToken(asked.id).into());
            }
        }
        _ => return Err(Refusal::Unknown),
    }
    Ok(json!({}))
}
