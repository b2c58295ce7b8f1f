//! `/access/roles`: sets of privileges (`PVE::API2::Role`).

use std::collections::BTreeMap;

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use super::change;
use crate::release::Release;
use crate::state::{Privileges, Role, privilege};
use crate::verify::access::{PRIVILEGES_7, PRIVILEGES_8, PRIVILEGES_9, ROLE};
use crate::verify::{Kind, Param, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const MODIFY: Allow = Allow::Any("/access", &["Sys.Modify"]);

const GIVEN: &[Param] = &[
    may("privs", PRIVILEGES_7).until(Release::V7_4),
    may("privs", PRIVILEGES_8)
        .from(Release::V8_4)
        .until(Release::V8_4),
    may("privs", PRIVILEGES_9).from(Release::V9_2),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/access/roles", Allow::Everyone, &[], Run::Show(list)),
    Endpoint::post(
        "/access/roles",
        MODIFY,
        &[GIVEN, &[need("roleid", ROLE)]],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get("/access/roles/{roleid}", Allow::Everyone, &[], Run::Now(show)),
    Endpoint::put(
        "/access/roles/{roleid}",
        MODIFY,
        &[GIVEN, &[may("append", Kind::Boolean).requires("privs")]],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/access/roles/{roleid}",
        MODIFY,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

fn name(call: &Call) -> String {
    call.text("roleid").unwrap_or("").to_owned()
}

fn missing(name: &str) -> String {
    format!("role '{name}' does not exist")
}

fn given(call: &Call) -> Privileges {
    let names = call.list("privs");
    let known = names.iter().filter_map(|name| privilege(call.release(), name));
    known.fold(Privileges::default(), Privileges::union)
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let rows = world.access.roles.iter().map(|(name, role)| {
        let privileges: Vec<&str> = role.privileges.names().collect();
        json!({"roleid": name, "privs": privileges.join(","), "special": u8::from(role.special)})
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let name = name(call);
    let role = world.access.roles.get(&name).ok_or_else(|| missing(&name))?;
    let privileges: BTreeMap<&str, u8> = role.privileges.names().map(|name| (name, 1)).collect();
    Ok(Reply::data(privileges))
}

async fn create(call: Call) -> ApiResult {
    let name = name(&call);
    // Since 8.0 names that may become those of the releases to come are kept free.
    let reserved = name
        .get(..3)
        .is_some_and(|begin| begin.eq_ignore_ascii_case("PVE"));
    if reserved && call.release() >= Release::V8_4 {
        let sentence = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(ApiError::parameter("roleid", sentence));
    }
    change(&call, "create role failed", |world| {
        if world.access.roles.contains_key(&name) {
            return Err(format!("role '{name}' already exists"));
        }
        let role = Role {
            privileges: given(&call),
            special: false,
        };
        world.access.roles.insert(name.clone(), role);
        Ok(())
    })
    .await
}

/// 500 for a role that comes with the release.
fn check_changeable(call: &Call, name: &str, what: &str) -> Result<(), ApiError> {
    let special = call
        .world()
        .access
        .roles
        .get(name)
        .is_some_and(|role| role.special);
    if special {
        let sentence = format!("auto-generated role '{name}' cannot be {what}");
        return Err(ApiError::internal(sentence));
    }
    Ok(())
}

async fn update(call: Call) -> ApiResult {
    let name = name(&call);
    check_changeable(&call, &name, "modified")?;
    change(&call, "update role failed", |world| {
        let role = world.access.roles.get_mut(&name).ok_or_else(|| missing(&name))?;
        let before = if call.flag("append") {
            role.privileges
        } else {
            Privileges::default()
        };
        role.privileges = before.union(given(&call));
        Ok(())
    })
    .await
}

async fn delete(call: Call) -> ApiResult {
    let name = name(&call);
    check_changeable(&call, &name, "deleted")?;
    change(&call, "delete role failed", |world| {
        world.access.roles.remove(&name).ok_or_else(|| missing(&name))?;
        // Entries with a role that isn't there are dropped when the list is read again.
        world.access.acl.forget_role(&name);
        Ok(())
    })
    .await
}
