//! `/access/acl`: who has which role on which path (`PVE::API2::ACL`).

use serde_json::json;

use super::super::{Allow, Call, Endpoint, Run};
use super::change;
use super::permit::{MODIFY_RIGHTS, may_grant};
use crate::state::{Access, Subject, World, normal_path, path_is_valid, split_token};
use crate::verify::access::{GROUPS, ROLES, TOKENS, USERS};
use crate::verify::{Kind, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/access/acl", Allow::Everyone, &[], Run::Show(list)),
    Endpoint::put(
        "/access/acl",
        MODIFY_RIGHTS,
        &[&[
            may("delete", Kind::Boolean),
            may("groups", GROUPS),
            need("path", TEXT),
            may("propagate", Kind::Boolean),
            need("roles", ROLES),
            may("tokens", TOKENS),
            may("users", USERS),
        ]],
        Run::Later(|call| Box::pin(update(call))),
    ),
];

fn list(call: &Call) -> Reply {
    let world = call.world();
    let audits = world.access.any(&call.caller, "/access", &["Sys.Audit"]);
    let visible = |path: &str| audits || may_grant(&world, &call.caller, path).is_ok();
    let entries = world.access.acl.entries().filter(|entry| visible(entry.path));
    let rows = entries.map(|entry| {
        json!({
            "path": entry.path,
            "type": entry.subject.name(),
            "ugid": entry.id,
            "roleid": entry.role,
            "propagate": u8::from(entry.propagate),
        })
    });
    Reply::data(rows.collect::<Vec<_>>())
}

async fn update(call: Call) -> ApiResult {
    let subjects = [
        (Subject::Group, "groups"),
        (Subject::User, "users"),
        (Subject::Token, "tokens"),
    ];
    if subjects
        .iter()
        .all(|(_, name)| call.text(name).is_none_or(str::is_empty))
    {
        let sentence = "either 'users', 'groups' or 'tokens' is required.";
        let errors = subjects.map(|(_, name)| (name.to_owned(), sentence.to_owned()));
        return Err(ApiError::parameters(errors.into()));
    }
    let given = call.text("path").unwrap_or("");
    let path = normal_path(given).filter(|path| call.flag("delete") || path_is_valid(path));
    let Some(path) = path else {
        return Err(ApiError::parameter("path", format!("invalid ACL path '{given}'")));
    };
    change(&call, "ACL update failed", |world| {
        let propagate = call.text("propagate") != Some("0");
        for role in call.list("roles") {
            check_role(world, &call, &path, &role, propagate)?;
            for (subject, name) in subjects {
                for id in call.list(name) {
                    check_subject(&world.access, subject, &id)?;
                    let acl = &mut world.access.acl;
                    if call.flag("delete") {
                        acl.withdraw(&path, subject, &id, &role);
                    } else {
                        acl.grant(&path, subject, &id, &role, propagate);
                    }
                }
            }
        }
        Ok(())
    })
    .await
}

fn check_subject(access: &Access, subject: Subject, id: &str) -> Result<(), String> {
    match subject {
        Subject::Group if access.groups.contains_key(id) => Ok(()),
        Subject::Group => Err(format!("group '{id}' does not exist")),
        Subject::User if access.users.contains_key(id) => Ok(()),
        Subject::User => Err(format!("user '{id}' does not exist")),
        Subject::Token => {
            let (user, name) = split_token(id).unwrap_or((id, ""));
            access.token(user, name).map(|_| ())
        }
    }
}

/// The role has to exist; and who may only give away what is his gives away no more than that.
fn check_role(world: &World, call: &Call, path: &str, role: &str, propagate: bool) -> Result<(), String> {
    let found = world.access.roles.get(role);
    let privileges = found
        .ok_or_else(|| format!("role '{role}' does not exist"))?
        .privileges;
    if call.caller.is_root() || world.access.any(&call.caller, path, &["Permissions.Modify"]) {
        return Ok(());
    }
    let verb = if call.flag("delete") { "remove" } else { "add" };
    let held = world.access.held(&call.caller.0, path);
    // The error of a parameter, as the text that it becomes under the lock.
    let refused = |what: &str| {
        Err(format!(
            "400 Parameter verification failed.\nrole: Cannot {verb} role '{role}'{what}"
        ))
    };
    if !held.privileges.contains(privileges) {
        refused(" - requires 'Permissions.Modify' or superset of privileges.")
    } else if propagate && !call.flag("delete") && !held.propagated.contains(privileges) {
        refused(" with propagate - requires 'Permissions.Modify' or propagated superset of privileges.")
    } else if privileges.is_empty() {
        refused(" - requires 'Permissions.Modify'")
    } else {
        Ok(())
    }
}
