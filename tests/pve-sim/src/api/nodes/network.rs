//! `/nodes/{node}/network`: the interfaces, as they stand in `/etc/network/interfaces`.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::{AUDIT, found};
use crate::release::Release;
use crate::state::Node;
use crate::verify::{Kind, may};
use crate::wire::{ApiError, ApiResult, Reply};

const TYPES_7: &[&str] = &[
    "bridge",
    "bond",
    "eth",
    "alias",
    "vlan",
    "OVSBridge",
    "OVSBond",
    "OVSPort",
    "OVSIntPort",
    "any_bridge",
];
const TYPES_8: &[&str] = &[
    "bridge",
    "bond",
    "eth",
    "alias",
    "vlan",
    "OVSBridge",
    "OVSBond",
    "OVSPort",
    "OVSIntPort",
    "vnet",
    "any_bridge",
    "any_local_bridge",
];
const TYPES_9: &[&str] = &[
    "bridge",
    "bond",
    "eth",
    "alias",
    "vlan",
    "fabric",
    "OVSBridge",
    "OVSBond",
    "OVSPort",
    "OVSIntPort",
    "vnet",
    "any_bridge",
    "any_local_bridge",
    "include_sdn",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/network",
        Allow::Everyone,
        &[&[
            may("type", Kind::Enum(TYPES_7)).until(Release::V7_4),
            may("type", Kind::Enum(TYPES_8))
                .from(Release::V8_4)
                .until(Release::V8_4),
            may("type", Kind::Enum(TYPES_9)).from(Release::V9_2),
        ]],
        Run::Now(list),
    ),
    Endpoint::get("/nodes/{node}/network/{iface}", AUDIT, &[], Run::Now(show)),
];

/// An interface without its name; the first bridge has the node's address.
fn interface(node: &Node, at: usize) -> Value {
    let mut row = json!({
        "type": "bridge",
        "active": 1,
        "autostart": 1,
        "bridge_fd": "0",
        "bridge_ports": "",
        "bridge_stp": "off",
        "families": ["inet"],
        "method": "manual",
        "method6": "manual",
        "priority": at + 3,
    });
    if at == 0 {
        row["method"] = json!("static");
        row["address"] = json!(node.ip);
        row["netmask"] = json!("24");
        row["cidr"] = json!(format!("{}/24", node.ip));
        row["gateway"] = json!("192.0.2.1");
    }
    row
}

/// Who may use none of the bridges sees none of them (`PVE::API2::Network`, `index`; bridges are guarded since 8).
fn list(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    let wanted = call
        .text("type")
        .is_none_or(|t| ["bridge", "any_bridge", "any_local_bridge", "include_sdn"].contains(&t));
    let mut rows = Vec::new();
    for (at, bridge) in world.bridges.iter().enumerate().filter(|_| wanted) {
        let path = format!("/sdn/zones/localnetwork/{bridge}");
        let privileges = ["SDN.Audit", "SDN.Use"];
        let seen = call.release() < Release::V8_4
            || world.access.any(&call.caller, &path, &privileges)
            || world
                .access
                .any(&call.caller, &format!("/nodes/{}", node.name), &["Sys.Audit"]);
        if seen {
            let mut row = interface(node, at);
            row["iface"] = json!(bridge);
            rows.push(row);
        }
    }
    Ok(Reply::data(rows))
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let node = found(&world, call)?;
    let asked = call.text("iface").unwrap_or("");
    let at = world.bridges.iter().position(|bridge| bridge == asked);
    let at = at.ok_or_else(|| ApiError::parameter("iface", "interface does not exist"))?;
    Ok(Reply::data(interface(node, at)))
}
