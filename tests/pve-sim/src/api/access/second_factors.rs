//! `/access/tfa`: second factors (`PVE::API2::TFA`), looked at and taken away. There is one kind, seeded, and it has one
//! code.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::permit::{MODIFY_USER, SELF_OR_AUDIT, SELF_OR_MODIFY, visible_groups};
use super::users::confirm;
use crate::release::Release;
use crate::state::User;
use crate::verify::{Kind, may};
use crate::wire::{ApiError, ApiResult, Reply};

const LIST: Endpoint = Endpoint::get("/access/tfa", Allow::Everyone, &[], Run::Show(list));
const OF_USER: Endpoint = Endpoint::get("/access/tfa/{userid}", SELF_OR_AUDIT, &[], Run::Now(of_user));
const ENTRY: Endpoint = Endpoint::get("/access/tfa/{userid}/{id}", SELF_OR_AUDIT, &[], Run::Now(entry));

pub(super) const ENDPOINTS: &[Endpoint] = &[
    // Tokens may look since 8.
    LIST.ticket_only().until(Release::V7_4),
    LIST.from(Release::V8_4),
    OF_USER.ticket_only().until(Release::V7_4),
    OF_USER.from(Release::V8_4),
    ENTRY.ticket_only().until(Release::V7_4),
    ENTRY.from(Release::V8_4),
    Endpoint::delete(
        "/access/tfa/{userid}/{id}",
        SELF_OR_MODIFY,
        &[&[may("password", Kind::Length(5, 64))]],
        Run::Now(delete),
    )
    .ticket_only(),
    Endpoint::get(
        "/access/users/{userid}/tfa",
        SELF_OR_AUDIT,
        &[&[may("multiple", Kind::Boolean)]],
        Run::Now(kinds),
    ),
    Endpoint::put(
        "/access/users/{userid}/unlock-tfa",
        MODIFY_USER,
        &[],
        Run::Now(unlock),
    )
    .from(Release::V8_4),
];

/// The id of the one entry that there can be.
const ID: &str = "totp1";

/// The entries of a user.
fn entries(user: &User) -> Vec<Value> {
    let entry = |_| json!({"id": ID, "type": "totp", "description": "seeded", "enable": 1, "created": 0});
    user.totp.iter().map(entry).collect()
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let access = &world.access;
    let (all, groups) = visible_groups(access, &call.caller, &["User.Modify", "Sys.Audit"]);
    let rows = access.users.iter().filter_map(|(id, user)| {
        let of_group = |name: &&str| access.groups.get(*name).is_some_and(|g| g.users.contains(id));
        let visible = all || *id == call.caller.0 || groups.iter().any(of_group);
        let entries = entries(user);
        (visible && !entries.is_empty()).then(|| json!({"userid": id, "entries": entries}))
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn of_user(call: &Call) -> ApiResult {
    let world = call.world();
    let user = world.access.user(call.text("userid").unwrap_or(""))?;
    Ok(Reply::data(entries(user)))
}

fn missing(id: &str) -> ApiError {
    ApiError::new(404, format!("No such tfa entry '{id}'"))
}

fn entry(call: &Call) -> ApiResult {
    let world = call.world();
    let user = world.access.user(call.text("userid").unwrap_or(""))?;
    let id = call.text("id").unwrap_or("");
    let found = entries(user).into_iter().find(|entry| entry["id"] == id);
    found.map(Reply::data).ok_or_else(|| missing(id))
}

fn delete(call: &Call) -> ApiResult {
    let mut world = call.world();
    let (user, id) = (call.text("userid").unwrap_or(""), call.text("id").unwrap_or(""));
    if !call.caller.is_root() {
        if user == "root@pam" {
            return Err(ApiError::new(403, "Permission check failed"));
        }
        confirm(&world.access, call, "password")?;
    }
    let found = world.access.user_mut(user)?;
    if id != ID || found.totp.take().is_none() {
        return Err(missing(id));
    }
    Ok(Reply::null())
}

/// What a user has beside the password; the realm asks for nothing.
fn kinds(call: &Call) -> ApiResult {
    let world = call.world();
    let user = world.access.user(call.text("userid").unwrap_or(""))?;
    if call.flag("multiple") {
        let kinds: Vec<&str> = user.totp.iter().map(|_| "totp").collect();
        return Ok(Reply::data(json!({"user": kinds})));
    }
    Ok(Reply::data(json!({})))
}

/// Nobody is ever locked here for too many wrong codes.
fn unlock(call: &Call) -> ApiResult {
    call.world().access.user(call.text("userid").unwrap_or(""))?;
    Ok(Reply::data(0))
}
