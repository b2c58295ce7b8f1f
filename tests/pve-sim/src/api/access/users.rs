//! `/access/users`: users and their passwords (`PVE::API2::User`).

use serde_json::{Map, Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::permit::{AUDIT_USER, CHANGE_PASSWORD, CREATE_USER, DELETE_USER, UPDATE_USER, visible_groups};
use super::{change, tokens};
use crate::release::Release;
use crate::state::{Access, User};
use crate::verify::access::{EMAIL, GROUPS, SHORT_EMAIL, USER};
use crate::verify::{Kind, Param, TEXT, at_least, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

/// What is remembered of a person.
const DETAILS: [&str; 5] = ["firstname", "lastname", "email", "comment", "keys"];

const PERSON: &[Param] = &[
    may("comment", TEXT).until(Release::V7_4),
    may("comment", Kind::Text(2048)).from(Release::V8_4),
    may("email", EMAIL).until(Release::V7_4),
    may("email", SHORT_EMAIL).from(Release::V8_4),
    may("enable", Kind::Boolean),
    may("expire", at_least(0)),
    may("firstname", TEXT).until(Release::V7_4),
    may("firstname", Kind::Text(1024)).from(Release::V8_4),
    may("groups", GROUPS),
    may("keys", TEXT).until(Release::V7_4),
    may("keys", Kind::Pattern("[0-9a-zA-Z!=]{0,4096}")).from(Release::V8_4),
    may("lastname", TEXT).until(Release::V7_4),
    may("lastname", Kind::Text(1024)).from(Release::V8_4),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/access/users",
        Allow::Everyone,
        &[&[may("enabled", Kind::Boolean), may("full", Kind::Boolean)]],
        Run::Show(list),
    ),
    Endpoint::post(
        "/access/users",
        CREATE_USER,
        &[
            PERSON,
            &[
                may("password", Kind::Length(5, 64)).until(Release::V7_4),
                may("password", Kind::Length(8, 64)).from(Release::V8_4),
                need("userid", USER),
            ],
        ],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get("/access/users/{userid}", AUDIT_USER, &[], Run::Now(show)),
    Endpoint::put(
        "/access/users/{userid}",
        UPDATE_USER,
        &[PERSON, &[may("append", Kind::Boolean).requires("groups")]],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/access/users/{userid}",
        DELETE_USER,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
    Endpoint::put(
        "/access/password",
        CHANGE_PASSWORD,
        &[&[
            may("confirmation-password", Kind::Length(5, 64)).from(Release::V8_4),
            need("password", Kind::Length(5, 64)).until(Release::V7_4),
            need("password", Kind::Length(8, 64)).from(Release::V8_4),
            need("userid", USER),
        ]],
        Run::Now(change_password),
    )
    .ticket_only(),
];

/// What is shown of a user without asking for all.
fn shown(user: &User) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("enable".to_owned(), json!(u8::from(user.enable)));
    row.insert("expire".to_owned(), json!(user.expire));
    for (name, value) in &user.details {
        row.insert(name.clone(), json!(value));
    }
    row
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let access = &world.access;
    let (all, groups) = visible_groups(access, &call.caller, &["User.Modify", "Sys.Audit"]);
    let in_visible_group = |id: &str| {
        let found = groups.iter().filter_map(|name| access.groups.get(*name));
        found.into_iter().any(|group| group.users.contains(id))
    };
    let rows = access.users.iter().filter_map(|(id, user)| {
        let visible = all || call.caller.is_root() || *id == call.caller.0 || in_visible_group(id);
        let asked = call
            .text("enabled")
            .is_none_or(|enabled| (enabled == "1") == user.enable);
        if !(visible && asked) {
            return None;
        }
        let mut row = shown(user);
        row.insert("userid".to_owned(), json!(id));
        if call.flag("full") {
            let groups: Vec<&str> = access.groups_of(id).collect();
            row.insert("groups".to_owned(), json!(groups.join(",")));
            row.insert("tokens".to_owned(), tokens::rows(user));
        }
        let realm = id
            .rsplit_once('@')
            .and_then(|(_, realm)| access.realms.get(realm));
        if let Some(realm) = realm {
            row.insert("realm-type".to_owned(), json!(realm.kind));
        }
        Some(Value::Object(row))
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let id = call.text("userid").unwrap_or("");
    let user = world.access.user(id)?;
    let mut row = shown(user);
    let groups: Vec<&str> = world.access.groups_of(id).collect();
    row.insert("groups".to_owned(), json!(groups));
    row.insert("tokens".to_owned(), tokens::by_name(user));
    Ok(Reply::data(row))
}

async fn create(call: Call) -> ApiResult {
    let id = call.text("userid").unwrap_or("").to_owned();
    change(&call, "create user failed", |world| {
        let access = &mut world.access;
        if access.users.contains_key(&id) {
            return Err(format!("user '{id}' already exists"));
        }
        let password = call.text("password");
        if password.is_some() {
            check_password_can_be_kept(access, &id)?;
        }
        check_groups(access, &call)?;
        let user = User {
            enable: call.text("enable") != Some("0"),
            expire: call.number("expire").unwrap_or(0),
            password: password.map(str::to_owned),
            ..User::default()
        };
        access.users.insert(id.clone(), user);
        describe(access, &id, &call);
        Ok(())
    })
    .await
}

async fn update(call: Call) -> ApiResult {
    let id = call.text("userid").unwrap_or("").to_owned();
    change(&call, "update user failed", |world| {
        let access = &mut world.access;
        access.user(&id)?;
        check_groups(access, &call)?;
        if call.text("groups").is_some() && !call.flag("append") {
            for group in access.groups.values_mut() {
                group.users.remove(&id);
            }
        }
        let user = access.user_mut(&id)?;
        if let Some(enable) = call.text("enable") {
            user.enable = enable == "1";
        }
        if let Some(expire) = call.number("expire") {
            user.expire = expire;
        }
        describe(access, &id, &call);
        Ok(())
    })
    .await
}

/// Takes over what was given about the person and the groups.
fn describe(access: &mut Access, id: &str, call: &Call) {
    if let Some(user) = access.users.get_mut(id) {
        for name in DETAILS {
            if let Some(value) = call.text(name) {
                user.details.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    for group in call.list("groups") {
        if let Some(group) = access.groups.get_mut(&group) {
            group.users.insert(id.to_owned());
        }
    }
}

fn check_groups(access: &Access, call: &Call) -> Result<(), String> {
    let groups = call.list("groups");
    let unknown = groups.iter().find(|name| !access.groups.contains_key(*name));
    unknown.map_or(Ok(()), |name| Err(format!("no such group '{name}'")))
}

async fn delete(call: Call) -> ApiResult {
    let id = call.text("userid").unwrap_or("").to_owned();
    change(&call, "delete user failed", |world| {
        world.access.remove_user(&id);
        Ok(())
    })
    .await
}

/// Passwords of the realm `pam` belong to accounts of the host, which come from elsewhere (`PVE::Auth::PAM`).
fn check_password_can_be_kept(access: &Access, id: &str) -> Result<(), String> {
    let realm = id.rsplit_once('@').map_or("", |(_, realm)| realm);
    if !access.realms.contains_key(realm) {
        return Err(format!("auth domain '{realm}' does not exist"));
    }
    let has_account = id == "root@pam" || access.users.get(id).is_some_and(|u| u.password.is_some());
    if realm == "pam" && !has_account {
        return Err("change password failed: exit code 6".to_owned());
    }
    Ok(())
}

fn change_password(call: &Call) -> ApiResult {
    let mut world = call.world();
    let access = &mut world.access;
    let id = call.text("userid").unwrap_or("");
    access.user(id)?;
    if !call.caller.is_root() {
        let foreign_account = id != call.caller.0 && id.ends_with("@pam");
        if id == "root@pam" || foreign_account {
            return Err(ApiError::new(403, "Permission check failed"));
        }
        if call.release() >= Release::V8_4 {
            confirm(access, call, "confirmation-password")?;
        }
    }
    check_password_can_be_kept(access, id)?;
    access.user_mut(id)?.password = call.text("password").map(str::to_owned);
    Ok(Reply::null())
}

/// Who isn't root has to give his own password again, as a parameter of this name.
pub(super) fn confirm(access: &Access, call: &Call, name: &str) -> Result<(), ApiError> {
    let Some(given) = call.text(name) else {
        return Err(ApiError::parameter(name, "password is required to modify user"));
    };
    let own = access.user(&call.caller.0)?.password.as_deref();
    if own == Some(given) {
        Ok(())
    } else {
        Err(ApiError::internal("invalid credentials"))
    }
}
