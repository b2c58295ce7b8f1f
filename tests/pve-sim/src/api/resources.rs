//! `/cluster/resources`: one call for the whole cluster, ten seconds old.

use serde::Serialize;
use serde_json::{Value, json};

use super::nodes::node_row;
use super::storage::storage_content;
use super::{Allow, Call, Endpoint, Run};
use crate::state::{Guest, Node, Storage, World};
use crate::verify::{Kind, may};
use crate::wire::Reply;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/cluster/resources",
    Allow::Everyone,
    &[&[may("type", Kind::Enum(&["vm", "storage", "node", "sdn"]))]],
    Run::Show(list),
)];

/// A guest's row. Written straight to the answer, because there may be tens of thousands of them; what is absent isn't
/// known yet.
#[derive(Serialize)]
pub(super) struct GuestRow<'a> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxcpu: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memhost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxmem: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxdisk: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diskread: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diskwrite: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netin: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netout: Option<u64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Guest(Box<GuestRow<'a>>),
    Other(Value),
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let wanted = |kind: &str| call.text("type").is_none_or(|t| t == kind);
    let mut rows = Vec::new();
    if wanted("vm") {
        let audited = world.access.on_guests(&call.caller, &["VM.Audit"]);
        let visible = |g: &&Guest| audited.hold_on(g.vmid);
        rows.extend(
            world
                .guests
                .values()
                .filter(visible)
                .map(|g| Row::Guest(Box::new(guest_row(&world, g)))),
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
            if row.get("maxcpu").is_some() {
                row["cgroup-mode"] = json!(1);
            }
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

pub(super) fn guest_row<'a>(world: &'a World, guest: &'a Guest) -> GuestRow<'a> {
    let known = world.cache.guests.get(&guest.vmid);
    let traffic = known.map(|f| f.traffic);
    GuestRow {
        id: format!("{}/{}", guest.kind.name(), guest.vmid),
        kind: guest.kind.name(),
        vmid: guest.vmid,
        node: &guest.node,
        status: known.map_or("unknown", |f| f.status),
        lock: guest.lock(),
        tags: guest.option("tags"),
        name: known.map(|f| f.name.as_str()),
        template: known.map(|f| u8::from(f.template)),
        uptime: known.map(|f| f.uptime),
        cpu: known.map(|f| f.cpu),
        maxcpu: known.map(|f| f.cpus),
        mem: known.map(|f| f.memory),
        memhost: known.map(|f| f.memory),
        maxmem: known.map(|f| f.max_memory),
        disk: known.map(|_| 0),
        maxdisk: known.map(|f| f.max_disk),
        diskread: traffic,
        diskwrite: traffic,
        netin: traffic,
        netout: traffic,
    }
}

fn storage_rows(world: &World, call: &Call) -> Vec<Value> {
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
        rows.extend(world.nodes.iter().map(|node| storage_row(world, node, storage)));
    }
    rows
}

pub(super) fn storage_row(world: &World, node: &Node, storage: &Storage) -> Value {
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
        let home = if storage.shared { "" } else { &node.name };
        let key = (home.to_owned(), storage.name.clone());
        row["disk"] = json!(world.cache.storages.get(&key).copied().unwrap_or(0));
        row["maxdisk"] = json!(storage.total);
    }
    row
}
