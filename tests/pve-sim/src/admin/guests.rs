//! Orders about guests.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Nothing, Outcome, Refusal};
use crate::hands::HandsError;
use crate::happening::Happening;
use crate::seed::{SeedGuest, Shutdown};
use crate::simulator::Core;
use crate::state::Guest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyOrder {
    vmid: u32,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveOrder {
    node: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BehaviourOrder {
    shutdown: Option<Shutdown>,
    agent: Option<bool>,
}

/// `path` is what follows `guests`.
pub(super) fn carry_out(core: &Core, method: &str, path: &[&str], body: &Value) -> Outcome {
    let [vmid, action @ ..] = path else {
        return of_all(core, method, body);
    };
    let vmid: u32 = vmid.parse()?;
    let happening = match (method, action) {
        ("GET", []) => {
            Nothing::deserialize(body)?;
            let world = core.world();
            let guest = world.guests.get(&vmid).ok_or(HandsError::NoGuest(vmid))?;
            return Ok(json!(guest.view()));
        }
        ("POST", ["recycle"]) => {
            Nothing::deserialize(body)?;
            core.happen_now(Happening::Recycle { vmid })?;
            let world = core.world();
            let uuid = world.guests.get(&vmid).and_then(Guest::uuid);
            return Ok(json!({"uuid": uuid}));
        }
        ("PUT", ["config"]) => Happening::Reconfigure {
            vmid,
            config: BTreeMap::deserialize(body)?,
        },
        ("DELETE", []) => {
            Nothing::deserialize(body)?;
            Happening::Destroy { vmid }
        }
        ("POST", ["power-on"]) => {
            Nothing::deserialize(body)?;
            Happening::PowerOn { vmid }
        }
        ("POST", ["power-off"]) => {
            Nothing::deserialize(body)?;
            Happening::PowerOff { vmid }
        }
        ("POST", ["copy"]) => {
            let order = CopyOrder::deserialize(body)?;
            Happening::Copy {
                vmid,
                new_vmid: order.vmid,
                name: order.name.unwrap_or_else(|| format!("copy-{}", order.vmid)),
            }
        }
        ("POST", ["move"]) => {
            let node = MoveOrder::deserialize(body)?.node;
            Happening::Move { vmid, node }
        }
        ("PUT", ["behaviour"]) => {
            let order = BehaviourOrder::deserialize(body)?;
            Happening::Behave {
                vmid,
                shutdown: order.shutdown,
                agent: order.agent,
            }
        }
        _ => return Err(Refusal::Unknown),
    };
    core.happen_now(happening)?;
    Ok(json!({}))
}

fn of_all(core: &Core, method: &str, body: &Value) -> Outcome {
    match method {
        "GET" => {
            Nothing::deserialize(body)?;
            let world = core.world();
            let guests: Vec<_> = world.guests.values().map(Guest::view).collect();
            Ok(json!(guests))
        }
        "POST" => {
            let guest = SeedGuest::deserialize(body)?;
            core.happen_now(Happening::Appear { guest })?;
            Ok(json!({}))
        }
        _ => Err(Refusal::Unknown),
    }
}
