//! Who may change whom: the permission checks that are more than privileges on a path
//! (`PVE::RPCEnvironment::exec_api2_perm_check`).

use std::collections::BTreeMap;

use super::super::endpoint::{Allow, bare};
use crate::state::{Access, Caller, World, normal_path};
use crate::verify::access::user_id;
use crate::wire::ApiError;

type Given = BTreeMap<String, String>;

const MODIFY: &[&str] = &["User.Modify"];
const AUDIT: &[&str] = &["User.Modify", "Sys.Audit"];

/// The user himself; not one of his tokens.
const SELF: Allow = Allow::Rule(|world, caller, given| {
    let user = user_of(given)?;
    world.access.user(user)?;
    (caller.0 == user).then_some(()).ok_or_else(bare)
});

/// Who may make users in the realm of the one that is meant.
const ALLOCATE_IN_REALM: Allow = Allow::Rule(|world, caller, given| {
    let realm = user_of(given)?.rsplit_once('@').map_or("", |(_, realm)| realm);
    let path = format!("/access/realm/{realm}");
    let may = world.access.any(caller, &path, &["Realm.AllocateUser"]);
    may.then_some(())
        .ok_or_else(|| ApiError::denied(&path, &["Realm.AllocateUser"]))
});

/// Who manages the user: by a privilege on all groups, or on one that the user is in.
pub(super) const MODIFY_USER: Allow =
    Allow::Rule(|world, caller, given| existing(&world.access, caller, given, MODIFY));

/// The same, or who may only look.
pub(super) const AUDIT_USER: Allow =
    Allow::Rule(|world, caller, given| existing(&world.access, caller, given, AUDIT));

/// Who may make a user in these groups.
const MODIFY_NEW: Allow = Allow::Rule(|world, caller, given| named_groups(&world.access, caller, given));

/// Who may change a user, also the groups that he is in.
pub(super) const UPDATE_USER: Allow = Allow::Rule(|world, caller, given| {
    world
        .access
        .user(given.get("userid").map_or("", String::as_str))?;
    named_groups(&world.access, caller, given)?;
    existing(&world.access, caller, given, MODIFY)
});

/// Who may make the user that is meant.
pub(super) const CREATE_USER: Allow = Allow::Each(&[ALLOCATE_IN_REALM, MODIFY_NEW]);

/// Who may remove the user that is meant.
pub(super) const DELETE_USER: Allow = Allow::Each(&[ALLOCATE_IN_REALM, MODIFY_USER]);

/// The user himself, or who may remove him.
pub(super) const CHANGE_PASSWORD: Allow = Allow::OneOf(&[SELF, DELETE_USER]);

/// The user himself, or who manages him.
pub(super) const SELF_OR_MODIFY: Allow = Allow::OneOf(&[SELF, MODIFY_USER]);

/// The user himself, or who may look at him.
pub(super) const SELF_OR_AUDIT: Allow = Allow::OneOf(&[SELF, AUDIT_USER]);

/// Who may change the rights on the path that is given.
pub(super) const MODIFY_RIGHTS: Allow = Allow::Rule(|world, caller, given| {
    // A path that can't be one is found out when parameters are checked.
    let path = given.get("path").and_then(|path| normal_path(path));
    path.map_or(Ok(()), |path| may_grant(world, caller, &path))
});

/// 403 unless somebody may change the rights on a path, or the pool of what it stands for.
pub(in crate::api) fn may_grant(world: &World, caller: &Caller, path: &str) -> Result<(), ApiError> {
    let granting = Access::granting(path);
    let may = caller.is_root() || world.access.any(caller, path, granting);
    may.then_some(()).ok_or_else(|| ApiError::denied(path, granting))
}

fn user_of(given: &Given) -> Result<&str, ApiError> {
    let user = given.get("userid").map_or("", String::as_str);
    match user_id(user) {
        Ok(()) => Ok(user),
        Err(sentence) => Err(ApiError::internal(sentence.trim_end())),
    }
}

/// The groups on which the caller has one of the privileges.
fn groups_with<'a>(
    access: &'a Access,
    caller: &'a Caller,
    privileges: &'a [&str],
) -> impl Iterator<Item = &'a str> {
    let names = access.groups.keys().map(String::as_str);
    names.filter(move |name| access.any(caller, &format!("/access/groups/{name}"), privileges))
}

fn existing(access: &Access, caller: &Caller, given: &Given, privileges: &[&str]) -> Result<(), ApiError> {
    let user = given.get("userid").map_or("", String::as_str);
    access.user(user)?;
    let is_member = |group: &str| access.groups.get(group).is_some_and(|g| g.users.contains(user));
    let may = access.any(caller, "/access/groups", privileges)
        || groups_with(access, caller, privileges).any(is_member);
    may.then_some(()).ok_or_else(bare)
}

fn named_groups(access: &Access, caller: &Caller, given: &Given) -> Result<(), ApiError> {
    if access.any(caller, "/access/groups", MODIFY) {
        return Ok(());
    }
    let groups = given.get("groups").map_or("", String::as_str);
    let mut named = groups.split([',', ';', ' ']).filter(|g| !g.is_empty()).peekable();
    if named.peek().is_none() {
        return Err(ApiError::denied("/access/groups", MODIFY));
    }
    let mut foreign = named.filter(|name| !groups_with(access, caller, MODIFY).any(|own| own == *name));
    match foreign.next() {
        None => Ok(()),
        Some(name) => Err(ApiError::denied(&format!("/access/groups/{name}"), MODIFY)),
    }
}

/// Whether the caller has a privilege on all groups; else on those for which the second says so.
pub(super) fn visible_groups<'a>(
    access: &'a Access,
    caller: &'a Caller,
    privileges: &'a [&'a str],
) -> (bool, Vec<&'a str>) {
    let all = access.any(caller, "/access/groups", privileges);
    (all, groups_with(access, caller, privileges).collect())
}
