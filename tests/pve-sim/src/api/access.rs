//! `/access`, as far as a token's owner needs it to see what it may.

use super::{Allow, Call, Endpoint, Run};
use crate::verify::{TEXT, may};
use crate::wire::{ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: "GET",
    path: "/access/permissions",
    params: &[&[may("path", TEXT), may("userid", TEXT)]],
    allow: Allow::Everyone,
    run: Run::Now(permissions),
}];

fn permissions(call: &Call) -> ApiResult {
    let world = call.world();
    Ok(Reply::data(
        world.access.permissions(&call.caller, call.text("path")),
    ))
}
