//! How a call reaches the node that it is about: the node that was asked passes it on.

use std::sync::Arc;

use crate::shared::Shared;
use crate::state::NodeProxy;
use crate::wire::ApiError;

/// A node that is off is not routed to; one that doesn't exist isn't found. The one that was asked needs no proxy.
pub(super) async fn reach(sim: &Arc<Shared>, node: &str) -> Result<(), ApiError> {
    let (proxy, resolver) = {
        let world = sim.world();
        let at = world.nodes.iter().position(|found| found.name == node);
        let proxy = at.and_then(|at| world.nodes.get(at)).map(|found| {
            let local = at == Some(0) && found.online;
            (found.online, if local { NodeProxy::Answers } else { found.proxy })
        });
        (proxy, world.system.machine.resolver)
    };
    match proxy {
        Some((false, _)) => Err(ApiError::empty(595, "No route to host")),
        Some((true, NodeProxy::Answers)) => Ok(()),
        Some((true, NodeProxy::Refuses)) => Err(ApiError::empty(595, "Connection refused")),
        Some((true, silent @ (NodeProxy::Silent | NodeProxy::Busy))) => {
            sim.pause(|t| t.proxy_timeout).await;
            let status = if silent == NodeProxy::Busy { 596 } else { 595 };
            Err(ApiError::empty(status, "Connection timed out"))
        }
        None => {
            let why = if resolver {
                "Name or service not known"
            } else {
                "Temporary failure in name resolution"
            };
            Err(ApiError::internal(format!(
                "hostname lookup '{node}' failed - failed to get address info for: {node}: {why}"
            )))
        }
    }
}
