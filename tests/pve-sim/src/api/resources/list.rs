//! The rows of the whole cluster: pools, guests, nodes, storages, networks, each as far as the caller may see it
//! (`PVE::API2::Cluster`, `resources`).

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::nodes::node_row;
use super::super::storage::storage_content;
use super::super::{Allow, Call, Endpoint, Run};
use super::guest_row::GuestRow;
use crate::release::Release;
use crate::state::{Node, Storage, World};
use crate::verify::{Kind, may};
use crate::wire::Reply;

pub(in super::super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/cluster/resources",
    Allow::Everyone,
    &[&[may("type", Kind::Enum(&["vm", "storage", "node", "sdn"]))]],
    Run::Show(list),
)];

#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Guest(Box<GuestRow<'a>>),
    Other(Value),
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let asked = call.text("type");
    let wanted = |kind: &str| asked.is_none_or(|t| t == kind);
    let mut rows: Vec<Row> = Vec::new();
    let pools = seen_pools(&world, call);
    if asked.is_none() {
        let row = |name: &&str| json!({"id": format!("/pool/{name}"), "type": "pool", "pool": name});
        rows.extend(pools.iter().map(row).map(Row::Other));
    }
    if wanted("vm") {
        rows.extend(guests(&world, call, &pools).map(|row| Row::Guest(Box::new(row))));
    }
    if wanted("node") {
        rows.extend(nodes(&world, call).map(Row::Other));
    }
    if wanted("storage") {
        rows.extend(storages(&world, call).into_iter().map(Row::Other));
    }
    // Networks took the place of these rows in 9, and can't be asked for by type.
    let of_networks = if world.release >= Release::V9_2 {
        asked.is_none()
    } else {
        wanted("sdn")
    };
    if of_networks {
        rows.extend(networks(&world, call).map(Row::Other));
    }
    Reply::data(rows)
}

/// The pools that the caller may know of.
fn seen_pools<'a>(world: &'a World, call: &Call) -> BTreeSet<&'a str> {
    let names = world.access.pools.iter().map(|(name, _)| name);
    let seen = |name: &&str| {
        let path = format!("/pool/{name}");
        world.access.any(&call.caller, &path, &["Pool.Audit"])
    };
    names.filter(seen).collect()
}

fn guests<'a>(
    world: &'a World,
    call: &Call,
    pools: &BTreeSet<&'a str>,
) -> impl Iterator<Item = GuestRow<'a>> {
    let audited = world.access.on_guests(&call.caller, &["VM.Audit"]);
    let seen = world.guests.values().filter(move |g| audited.hold_on(g.vmid));
    seen.map(|guest| {
        let pool = world.access.pools.of(guest.vmid);
        GuestRow::of(world, guest, pool.filter(|pool| pools.contains(pool)))
    })
}

fn nodes(world: &World, call: &Call) -> impl Iterator<Item = Value> {
    world.nodes.iter().map(|node| {
        let path = format!("/nodes/{}", node.name);
        let audited = world.access.any(&call.caller, &path, &["Sys.Audit"]);
        let mut row = node_row(world, node, audited);
        if row["status"] != "unknown" {
            row["cgroup-mode"] = json!(1);
        }
        row
    })
}

/// A storage is `available` from its first figures on, also on a node that has gone since.
fn storages(world: &World, call: &Call) -> Vec<Value> {
    let privileges = ["Datastore.Audit", "Datastore.AllocateSpace"];
    let seen = world.storages.iter().filter(|storage| {
        let path = format!("/storage/{}", storage.name);
        storage.enabled && world.access.any(&call.caller, &path, &privileges)
    });
    let mut rows = Vec::new();
    for storage in seen {
        let nodes = world.nodes.iter().filter(|node| storage.is_on(&node.name));
        rows.extend(nodes.map(|node| storage_row(world, node, storage)));
    }
    rows
}

/// A storage on a node.
pub(in super::super) fn storage_row(world: &World, node: &Node, storage: &Storage) -> Value {
    let figures = world.known_use(&node.name, &storage.name);
    let mut row = json!({
        "id": format!("storage/{}/{}", node.name, storage.name),
        "type": "storage",
        "storage": storage.name,
        "node": node.name,
        "plugintype": storage.kind,
        "shared": u8::from(storage.shared),
        "content": storage_content(storage),
        "status": if figures.is_some() { "available" } else { "unknown" },
    });
    if let Some(used) = figures {
        row["disk"] = json!(used);
        row["maxdisk"] = json!(storage.total);
    }
    row
}

/// Every node has the zone of its own bridges; 7 knew no such zone.
fn networks(world: &World, call: &Call) -> impl Iterator<Item = Value> {
    let zone = "localnetwork";
    let path = format!("/sdn/zones/{zone}");
    let seen =
        world.release >= Release::V8_4 && world.access.any(&call.caller, &path, &["SDN.Audit", "SDN.Use"]);
    world.nodes.iter().filter(move |_| seen).map(move |node| {
        if world.release >= Release::V9_2 {
            json!({
                "id": format!("network/{}/zone/{zone}", node.name),
                "type": "network",
                "network": zone,
                "network-type": "zone",
                "node": node.name,
                "status": "ok",
            })
        } else {
            json!({
                "id": format!("sdn/{}/{zone}", node.name),
                "type": "sdn",
                "sdn": zone,
                "node": node.name,
                "status": "ok",
            })
        }
    })
}
