//! `/access/domains` and `/access/tfa`: where users come from, and their second factors, as far as they are looked at.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::permit::{SELF_OR_AUDIT, visible_groups};
use crate::release::Release;
use crate::state::{User, text_digest};
use crate::wire::{ApiError, ApiResult, Reply};

const TFA: Endpoint = Endpoint::get("/access/tfa", Allow::Everyone, &[], Run::Show(second_factors));
const TFA_OF_USER: Endpoint = Endpoint::get("/access/tfa/{userid}", SELF_OR_AUDIT, &[], Run::Now(of_user));
const TFA_ENTRY: Endpoint = Endpoint::get("/access/tfa/{userid}/{id}", SELF_OR_AUDIT, &[], Run::Now(entry));

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/access/domains", Allow::World, &[], Run::Show(realms)),
    Endpoint::get(
        "/access/domains/{realm}",
        Allow::Any("/access/realm", &["Realm.Allocate", "Sys.Audit"]),
        &[],
        Run::Now(realm),
    ),
    TFA.ticket_only().until(Release::V7_4),
    TFA.from(Release::V8_4),
    TFA_OF_USER.ticket_only().until(Release::V7_4),
    TFA_OF_USER.from(Release::V8_4),
    TFA_ENTRY.ticket_only().until(Release::V7_4),
    TFA_ENTRY.from(Release::V8_4),
];

fn realms(call: &Call) -> Reply {
    let world = call.world();
    let rows = world
        .access
        .realms
        .iter()
        .map(|(name, realm)| json!({"realm": name, "type": realm.kind, "comment": realm.comment}));
    Reply::data(rows.collect::<Vec<_>>())
}

fn realm(call: &Call) -> ApiResult {
    let world = call.world();
    let name = call.text("realm").unwrap_or("");
    let found = world.access.realms.get(name);
    let realm = found.ok_or_else(|| ApiError::internal(format!("domain '{name}' does not exist")))?;
    // Realms can't be changed here, and so their file is the one that an installation begins with.
    let digest = text_digest("");
    Ok(Reply::data(
        json!({"type": realm.kind, "comment": realm.comment, "digest": digest}),
    ))
}

/// The entries of a user's second factor.
fn entries(user: &User) -> Vec<Value> {
    let totp = json!({"id": "totp1", "type": "totp", "description": "seeded", "enable": 1, "created": 0});
    user.totp.iter().map(|_| totp.clone()).collect()
}

fn second_factors(call: &Call) -> Reply {
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

fn entry(call: &Call) -> ApiResult {
    let world = call.world();
    let user = world.access.user(call.text("userid").unwrap_or(""))?;
    let id = call.text("id").unwrap_or("");
    let found = entries(user).into_iter().find(|entry| entry["id"] == id);
    let missing = || ApiError::new(404, format!("No such tfa entry '{id}'"));
    found.map(Reply::data).ok_or_else(missing)
}
