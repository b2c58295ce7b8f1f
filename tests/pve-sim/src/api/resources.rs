//! `/cluster/resources`: one call for the whole cluster, ten seconds old.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::nodes::node_row;
use super::storage::storage_content;
use super::{Allow, Call, Endpoint, Run};
use crate::state::{Guest, World};
use crate::verify::{Kind, may};
use crate::wire::Reply;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: "GET",
    path: "/cluster/resources",
    params: &[&[may("type", Kind::Enum(&["vm", "storage", "node", "sdn"]))]],
    allow: Allow::Everyone,
    run: Run::Show(list),
}];

/// A guest's row. Written straight to the answer, because there may be tens of thousands of them.
#[derive(Serialize)]
struct GuestRow<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    vmid: u32,
    node: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    figures: Option<Figures<'a>>,
}

#[derive(Serialize)]
struct Figures<'a> {
    name: &'a str,
    template: u8,
    uptime: u64,
    cpu: f64,
    maxcpu: u64,
    mem: u64,
    memhost: u64,
    maxmem: u64,
    disk: u64,
    maxdisk: u64,
    diskread: u64,
    diskwrite: u64,
    netin: u64,
    netout: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Guest(GuestRow<'a>),
    Other(Value),
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let wanted = |kind: &str| call.text("type").is_none_or(|t| t == kind);
    let mut rows = Vec::new();
    if wanted("vm") {
        let visible = |g: &&Guest| {
            world
                .access
                .any(&call.caller, &format!("/vms/{}", g.vmid), &["VM.Audit"])
        };
        rows.extend(
            world
                .guests
                .values()
                .filter(visible)
                .map(|g| Row::Guest(guest_row(&world, g))),
        );
    }
    if wanted("node") {
        rows.extend(world.nodes.iter().map(|node| {
            let path = format!("/nodes/{}", node.name);
            let mut row = node_row(
                &world,
                node,
                world.access.any(&call.caller, &path, &["Sys.Audit"]),
            );
            row["cgroup-mode"] = json!(1);
            Row::Other(row)
        }));
    }
    if wanted("storage") {
        rows.extend(storage_rows(&world, call).into_iter().map(Row::Other));
    }
    if wanted("sdn")
        && world
            .access
            .any(&call.caller, "/sdn/zones/localnetwork", &["SDN.Audit", "SDN.Use"])
    {
        rows.extend(world.nodes.iter().map(|node| {
            Row::Other(json!({
                "id": format!("network/{}/zone/localnetwork", node.name),
                "type": "network",
                "network": "localnetwork",
                "network-type": "zone",
                "node": node.name,
                "status": "ok",
            }))
        }));
    }
    Reply::data(rows)
}

fn guest_row<'a>(world: &'a World, guest: &'a Guest) -> GuestRow<'a> {
    let known = world.cache.guests.get(&guest.vmid);
    GuestRow {
        id: format!("qemu/{}", guest.vmid),
        kind: "qemu",
        vmid: guest.vmid,
        node: &guest.node,
        status: known.map_or("unknown", |f| f.status),
        lock: guest.lock(),
        tags: guest.option("tags"),
        figures: known.map(|f| Figures {
            name: &f.name,
            template: u8::from(f.template),
            uptime: f.uptime,
            cpu: f.cpu,
            maxcpu: f.cpus,
            mem: f.memory,
            memhost: f.memory,
            maxmem: f.max_memory,
            disk: 0,
            maxdisk: f.max_disk,
            diskread: f.traffic,
            diskwrite: f.traffic,
            netin: f.traffic,
            netout: f.traffic,
        }),
    }
}

fn storage_rows(world: &World, call: &Call) -> Vec<Value> {
    let mut used: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for volume in world.volumes.values() {
        *used.entry((&volume.node, volume.storage())).or_default() += volume.used;
    }
    let mut rows = Vec::new();
    for storage in &world.storages {
        let path = format!("/storage/{}", storage.name);
        if !world.access.any(
            &call.caller,
            &path,
            &["Datastore.Audit", "Datastore.AllocateSpace"],
        ) {
            continue;
        }
        for node in &world.nodes {
            let mut row = json!({
                "id": format!("storage/{}/{}", node.name, storage.name),
                "type": "storage",
                "storage": storage.name,
                "node": node.name,
                "plugintype": storage.kind,
                "shared": u8::from(storage.shared),
                "content": storage_content(storage),
                "status": if node.online { "available" } else { "unknown" },
            });
            if node.online {
                let taken = used.get(&(node.name.as_str(), storage.name.as_str()));
                row["disk"] = json!(taken.copied().unwrap_or(0));
                row["maxdisk"] = json!(storage.total);
            }
            rows.push(row);
        }
    }
    rows
}
