//! What the HA stack does about a node that is lost: once it is sure that the node has been fenced, its resources start
//! elsewhere. Their files move, their local disks can't (`PVE::HA::Manager`, `recover_fenced_service`).

use std::sync::Arc;

use super::manager::{parts, start_task};
use crate::shared::Shared;
use crate::state::World;

/// Lets the manager see to a lost node's resources when the time for fencing is over, unless it is back by then.
pub(crate) fn node_lost(sim: &Arc<Shared>, node: &str) {
    let (own, node) = (Arc::clone(sim), node.to_owned());
    let concerned = {
        let world = sim.world();
        world.system.has_ha() && !world.ha.resources.is_empty()
    };
    if !concerned {
        return;
    }
    sim.spawn(async move {
        own.pause(|t| t.ha_fencing).await;
        let mut world = own.world();
        let lost = world.node(&node).is_some_and(|found| !found.online);
        if lost && world.quorate && world.ha.disarmed.is_none() {
            recover(&mut world, &node);
        }
    });
}

fn recover(world: &mut World, node: &str) {
    let wanted = world
        .ha
        .resources
        .iter()
        .filter(|(_, section)| section.requested() == "started");
    let on_node = wanted.filter_map(|(sid, _)| {
        let (_, vmid) = parts(sid)?;
        let guest = world.guests.get(&vmid)?;
        (guest.node == node).then(|| (sid.clone(), vmid))
    });
    for (sid, vmid) in on_node.collect::<Vec<_>>() {
        let Some(target) = destination(world, &sid) else {
            world.ha.known.insert(sid, "recovery".to_owned());
            continue;
        };
        world.power_off(vmid);
        let Some(guest) = world.guests.get_mut(&vmid) else {
            continue;
        };
        guest.node.clone_from(&target);
        let kind = guest.kind;
        let volumes: Vec<String> = guest.volumes().map(|(_, volid)| volid.to_owned()).collect();
        let gone = volumes
            .into_iter()
            .find(|volid| world.volume(&target, volid).is_none());
        let state = match gone {
            None => {
                world.enter_task(&target, start_task(kind), vmid, "OK");
                world.power_on(vmid);
                "started"
            }
            Some(volid) => {
                let error = format!("volume '{volid}' does not exist");
                world.enter_task(&target, start_task(kind), vmid, &error);
                "error"
            }
        };
        world.ha.known.insert(sid, state.to_owned());
    }
}

/// The node that a rule of the resource's prefers, of those that are up; without a rule, or if it isn't strict, any.
fn destination(world: &World, sid: &str) -> Option<String> {
    let names_it = |list: &str| list.split(',').any(|resource| resource == sid);
    let rule = world.ha.rules.values().find(|rule| {
        let is = |option: &str, value: &str| rule.options.get(option).is_some_and(|v| v == value);
        is("type", "node-affinity")
            && !is("disable", "1")
            && rule.options.get("resources").is_some_and(|list| names_it(list))
    });
    let up = |name: &str| world.node(name).is_some_and(|node| node.online);
    let strict = rule.is_some_and(|rule| rule.options.get("strict").is_some_and(|v| v == "1"));
    let nodes = rule
        .and_then(|rule| rule.options.get("nodes"))
        .map_or("", String::as_str);
    let preferred = nodes.split(',').filter_map(|member| {
        let (name, priority) = member.split_once(':').unwrap_or((member, "0"));
        let priority: u32 = priority.parse().unwrap_or(0);
        up(name).then_some((std::cmp::Reverse(priority), name))
    });
    let preferred = preferred.min().map(|(_, name)| name.to_owned());
    let any = || {
        world
            .nodes
            .iter()
            .find(|node| node.online)
            .map(|node| node.name.clone())
    };
    preferred.or_else(|| if strict { None } else { any() })
}
