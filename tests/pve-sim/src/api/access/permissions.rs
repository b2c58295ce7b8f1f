//! `/access/permissions`: what the caller may, or who else is asked about.

use std::collections::BTreeMap;

use super::super::{Allow, Call, Endpoint, Run};
use crate::verify::access::USER_OR_TOKEN;
use crate::verify::{TEXT, may};
use crate::wire::{ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/access/permissions",
    Allow::Everyone,
    &[&[may("path", TEXT), may("userid", USER_OR_TOKEN)]],
    Run::Now(permissions),
)];

fn permissions(call: &Call) -> ApiResult {
    let world = call.world();
    let who = call.text("userid").unwrap_or(&call.caller.0);
    let own = who == call.caller.0 || call.caller.did(who);
    if !own {
        call.require(&world, "/access", &["Sys.Audit"])?;
    }
    Ok(match call.text("path") {
        Some(path) => Reply::data(BTreeMap::from([(path, world.access.held(who, path).listed())])),
        None => Reply::data(world.access.permissions(who)),
    })
}
