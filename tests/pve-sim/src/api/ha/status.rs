//! `/cluster/ha/status`: how the stack stands, and whether it is armed.

use serde_json::{Map, Value, json};

use super::super::{Call, Endpoint, Run};
use super::{AUDIT, CONSOLE};
use crate::clock;
use crate::release::Release;
use crate::state::World;
use crate::verify::{Kind, need};
use crate::wire::Reply;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/ha/status/current", AUDIT, &[], Run::Show(current)),
    Endpoint::get(
        "/cluster/ha/status/manager_status",
        AUDIT,
        &[],
        Run::Show(manager),
    ),
    Endpoint::post("/cluster/ha/status/arm-ha", CONSOLE, &[], Run::Show(arm)).from(Release::V9_2),
    Endpoint::post(
        "/cluster/ha/status/disarm-ha",
        CONSOLE,
        &[&[need("resource-mode", Kind::Enum(&["freeze", "ignore"]))]],
        Run::Show(disarm),
    )
    .from(Release::V9_2),
];

/// The node on which the manager runs: the first that is up.
fn master(world: &World) -> &str {
    let up = world.nodes.iter().find(|node| node.online);
    up.or(world.nodes.first()).map_or("", |node| node.name.as_str())
}

/// Without the daemons there are no rows of theirs.
fn current(call: &Call) -> Reply {
    let world = call.world();
    let local = world.nodes.first().map_or("", |node| node.name.as_str());
    let mut rows = vec![json!({
        "id": "quorum",
        "type": "quorum",
        "node": local,
        "status": if world.quorate { "OK" } else { "No quorum on node" },
        "quorate": u8::from(world.quorate),
    })];
    let running = world.system.has_ha();
    let when = clock::wall(clock::now())
        .strftime("%a %b %e %H:%M:%S %Y")
        .to_string();
    if running {
        let master = master(&world);
        rows.push(json!({
            "id": "master",
            "type": "master",
            "node": master,
            "status": format!("{master} (active, {when})"),
            "timestamp": clock::now(),
        }));
    }
    if call.release() >= Release::V9_2 {
        let armed = if running { "armed" } else { "standby" };
        let status = match (&world.ha.disarmed, running) {
            (Some(_), _) => "disarmed".to_owned(),
            (None, true) => "armed (CRM watchdog active)".to_owned(),
            (None, false) => "standby (CRM watchdog standby)".to_owned(),
        };
        rows.push(json!({
            "id": "fencing",
            "type": "fencing",
            "node": master(&world),
            "status": status,
            "armed-state": if world.ha.disarmed.is_some() { "disarmed" } else { armed },
        }));
    }
    if running {
        rows.extend(world.nodes.iter().map(|node| {
            let serves = world
                .ha
                .resources
                .keys()
                .any(|sid| node_of(&world, sid) == node.name);
            let state = if serves { "active" } else { "idle" };
            json!({
                "id": format!("lrm:{}", node.name),
                "type": "lrm",
                "node": node.name,
                "status": format!("{} ({state}, {when})", node.name),
                "timestamp": clock::now(),
            })
        }));
    }
    rows.extend(world.ha.resources.keys().map(|sid| service(call, &world, sid)));
    Reply::data(rows)
}

fn node_of<'a>(world: &'a World, sid: &str) -> &'a str {
    let vmid = sid.split_once(':').and_then(|(_, id)| id.parse::<u32>().ok());
    let guest = vmid.and_then(|vmid| world.guests.get(&vmid));
    guest.map_or("", |guest| guest.node.as_str())
}

/// A resource that the manager hasn't seen yet is queued, and has no state of the manager's.
fn service(call: &Call, world: &World, sid: &str) -> Value {
    let node = node_of(world, sid);
    let section = world.ha.resources.get(sid);
    let option = |name: &str, otherwise: u64| {
        let text = section.and_then(|s| s.options.get(name));
        text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let requested = section.map_or("started", |s| s.requested());
    let known = world.ha.known.get(sid);
    let state = known.map_or("queued", String::as_str);
    let mut row = json!({
        "id": format!("service:{sid}"),
        "type": "service",
        "sid": sid,
        "node": node,
        "state": state,
        "request_state": requested,
        "status": format!("{sid} ({node}, {state})"),
        "max_restart": option("max_restart", 1),
        "max_relocate": option("max_relocate", 1),
    });
    if let Some(known) = known {
        row["crm_state"] = json!(known);
    }
    if call.release() >= Release::V9_2 {
        row["failback"] = json!(option("failback", 1));
    }
    for name in ["comment", "group"] {
        if let Some(value) = section.and_then(|s| s.options.get(name)) {
            row[name] = json!(value);
        }
    }
    row
}

fn manager(call: &Call) -> Reply {
    let world = call.world();
    let running = world.system.has_ha();
    let nodes: Map<String, Value> = world
        .nodes
        .iter()
        .filter(|_| running)
        .map(|node| {
            let state = if node.online { "online" } else { "unknown" };
            (node.name.clone(), json!(state))
        })
        .collect();
    let services: Map<String, Value> = world
        .ha
        .known
        .iter()
        .map(|(sid, state)| (sid.clone(), json!({"node": node_of(&world, sid), "state": state})))
        .collect();
    let mut status = json!({
        "lrm_status": {},
        "manager_status": {},
        "quorum": {"node": master(&world), "quorate": u8::from(world.quorate).to_string()},
    });
    if running {
        status["manager_status"] = json!({
            "master_node": master(&world),
            "node_status": nodes,
            "service_status": services,
            "timestamp": clock::now(),
        });
    }
    Reply::data(status)
}

fn arm(call: &Call) -> Reply {
    call.world().ha.disarmed = None;
    Reply::null()
}

fn disarm(call: &Call) -> Reply {
    let mode = call.text("resource-mode").map(str::to_owned);
    call.world().ha.disarmed = mode;
    Reply::null()
}
