//! `/access`, as far as a token's owner needs it to see what it may.

use super::{Allow, Call, Endpoint, Run};
use crate::verify::{TEXT, may};
use crate::wire::Reply;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/access/permissions",
    Allow::Everyone,
    &[&[may("path", TEXT), may("userid", TEXT)]],
    Run::Show(permissions),
)];

fn permissions(call: &Call) -> Reply {
    let world = call.world();
    Reply::data(world.access.permissions(&call.caller, call.text("path")))
}
