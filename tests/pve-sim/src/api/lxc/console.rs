//! Consoles of containers: a port and a ticket are given out as for machines, and nobody listens there.

use serde_json::json;

use super::super::qemu::{reserve_port, ticket, wait_for_client};
use super::{Call, container};
use crate::wire::{ApiError, ApiResult, Reply};

/// The terminal is the container's own console, which is there whether it runs or not.
pub(super) fn terminal(call: &Call) -> ApiResult {
    let port = port(call)?;
    Ok(Reply::data(json!({
        "user": call.caller.0,
        "ticket": ticket("PVEVNC"),
        "port": port.to_string(),
        "upid": wait_for_client(call),
    })))
}

pub(super) fn vnc(call: &Call) -> ApiResult {
    let port = port(call)?;
    let certificate = {
        let world = call.world();
        let node = world.node(call.node());
        let own = node.and_then(|n| n.certificates.last());
        own.map(|c| c.pem.clone()).unwrap_or_default()
    };
    Ok(Reply::data(json!({
        "user": call.caller.0,
        "ticket": ticket("PVEVNC"),
        "port": port.to_string(),
        "upid": wait_for_client(call),
        "cert": certificate,
    })))
}

fn port(call: &Call) -> Result<u16, ApiError> {
    let mut world = call.world();
    container(&world, call.node(), call.vmid())?;
    Ok(reserve_port(&mut world))
}
