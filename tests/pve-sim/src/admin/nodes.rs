//! Orders about nodes, what lies on them, and their quorum.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, Refusal};
use crate::happening::Happening;
use crate::simulator::Core;
use crate::state::NodeProxy;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeOrder {
    online: Option<bool>,
    proxy: Option<NodeProxy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IsoOrder {
    iso: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VolumeOrder {
    volid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuorumOrder {
    quorate: bool,
}

pub(super) fn carry_out(core: &Core, method: &str, path: &[&str], body: &Value) -> Outcome {
    match (method, path) {
        ("PUT", ["nodes", node]) => {
            let order = NodeOrder::deserialize(body)?;
            if order.online.is_none() && order.proxy.is_none() {
                return Err(Refusal::Bad("give `online` or `proxy`".to_owned()));
            }
            let node = (*node).to_owned();
            if let Some(online) = order.online {
                let node = node.clone();
                core.happen_now(Happening::Node { node, online })?;
            }
            if let Some(proxy) = order.proxy {
                core.happen_now(Happening::Proxy { node, proxy })?;
            }
        }
        ("POST", ["nodes", node, "isos"]) => core.add_iso(node, &IsoOrder::deserialize(body)?.iso)?,
        ("DELETE", ["nodes", node, "volumes"]) => core.happen_now(Happening::RemoveVolume {
            node: (*node).to_owned(),
            volid: VolumeOrder::deserialize(body)?.volid,
        })?,
        ("PUT", ["quorum"]) => core.set_quorum(QuorumOrder::deserialize(body)?.quorate),
        _ => return Err(Refusal::Unknown),
    }
    Ok(json!({}))
}
