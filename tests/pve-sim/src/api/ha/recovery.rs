//! What the HA stack does about a node that is lost: once it is sure that the node has been fenced, its resources start
//! elsewhere. Their files move, their local disks can't (`PVE::HA::Manager`, `recover_fenced_service`).

use std::time::Duration;

use super::manager::{parts, start};
use crate::state::{Moment, World};

/// Locks of work that ended with the node that did it (`PVE::HA::Manager`, `recover_fenced_service`).
const LEFT_BEHIND: &[&str] = &[
    "backup",
    "mounted",
    "migrate",
    "clone",
    "rollback",
    "snapshot",
    "snapshot-delete",
    "suspending",
    "suspended",
];

/// Notes since when nodes have been lost, and forgets it of those that are back.
pub(super) fn note_nodes(world: &mut World) {
    for node in &world.nodes {
        if node.online {
            world.ha.lost.remove(&node.name);
        } else if !world.ha.lost.contains_key(&node.name) {
            world.ha.lost.insert(node.name.clone(), Moment::now());
        }
    }
}

/// Sees to the resources of the nodes that have been lost for as long as fencing takes. One that has nowhere to go is
/// tried again each time.
pub(super) fn recover_lost(world: &mut World, fencing: Duration) {
    let lost = world
        .ha
        .lost
        .iter()
        .filter(|(_, since)| since.elapsed() >= fencing);
    let fenced: Vec<String> = lost.map(|(node, _)| node.clone()).collect();
    for node in fenced {
        recover(world, &node);
    }
}

fn recover(world: &mut World, node: &str) {
    let wanted = world
        .ha
        .resources
        .iter()
        .filter(|(_, section)| section.requested() == "started");
    let on_node = wanted.filter_map(|(sid, _)| {
        let (kind, vmid) = parts(sid)?;
        let guest = world.guests.get(&vmid)?;
        (guest.node == node).then(|| (sid.clone(), kind, vmid))
    });
    for (sid, kind, vmid) in on_node.collect::<Vec<_>>() {
        // What was ordered before the node was lost is void.
        world.ha.moves.remove(&sid);
        let Some(target) = destination(world, &sid) else {
            world.ha.known.insert(sid, "recovery".to_owned());
            continue;
        };
        world.power_off(vmid);
        if let Some(guest) = world.guests.get_mut(&vmid) {
            guest.node.clone_from(&target);
            if guest.lock().is_some_and(|lock| LEFT_BEHIND.contains(&lock)) {
                guest.config.remove("lock");
            }
        }
        let state = start(world, kind, vmid, &target);
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
