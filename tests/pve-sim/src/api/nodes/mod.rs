//! `/nodes`: the hosts themselves.

mod capabilities;
mod hardware;
mod list;
mod logs;
mod network;
mod status;
mod system;

use super::{Allow, Call};
use crate::state::{Node, World};
use crate::wire::ApiError;

pub(super) use list::node_row;

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[super::Endpoint]] = &[
    list::ENDPOINTS,
    status::ENDPOINTS,
    network::ENDPOINTS,
    system::ENDPOINTS,
    hardware::ENDPOINTS,
    capabilities::ENDPOINTS,
    logs::ENDPOINTS,
];

const AUDIT: Allow = Allow::Any("/nodes/{node}", &["Sys.Audit"]);
const MODIFY: Allow = Allow::Any("/nodes/{node}", &["Sys.Modify"]);
const AUDIT_ALL: Allow = Allow::Any("/", &["Sys.Audit"]);
const MODIFY_ALL: Allow = Allow::Any("/", &["Sys.Modify"]);

fn found<'a>(world: &'a World, call: &Call) -> Result<&'a Node, ApiError> {
    let node = world.node(call.node());
    node.ok_or_else(|| no_node(call))
}

fn found_mut<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Node, ApiError> {
    let node = world.nodes.iter_mut().find(|n| n.name == call.node());
    node.ok_or_else(|| no_node(call))
}

fn no_node(call: &Call) -> ApiError {
    ApiError::internal(format!("no such cluster node '{}'", call.node()))
}
