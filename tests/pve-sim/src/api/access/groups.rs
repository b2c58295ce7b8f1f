//! `/access/groups`: groups of users (`PVE::API2::Group`).

use serde_json::{Map, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::change;
use super::permit::visible_groups;
use crate::state::{Group, Subject};
use crate::verify::access::GROUP;
use crate::verify::{TEXT, may, need};
use crate::wire::{ApiResult, Reply};

const ALLOCATE: Allow = Allow::Any("/access/groups", &["Group.Allocate"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/access/groups", Allow::Everyone, &[], Run::Show(list)),
    Endpoint::post(
        "/access/groups",
        ALLOCATE,
        &[&[may("comment", TEXT), need("groupid", GROUP)]],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get(
        "/access/groups/{groupid}",
        Allow::Any("/access/groups", &["Sys.Audit", "Group.Allocate"]),
        &[],
        Run::Now(show),
    ),
    Endpoint::put(
        "/access/groups/{groupid}",
        ALLOCATE,
        &[&[may("comment", TEXT)]],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/access/groups/{groupid}",
        ALLOCATE,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

fn name(call: &Call) -> String {
    call.text("groupid").unwrap_or("").to_owned()
}

fn missing(name: &str) -> String {
    format!("group '{name}' does not exist")
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let seeing = ["User.Modify", "Sys.Audit", "Group.Allocate"];
    let (_, groups) = visible_groups(&world.access, &call.caller, &seeing);
    let all = world.access.groups.iter();
    let visible = all.filter(|(name, _)| groups.contains(&name.as_str()));
    let rows = visible.map(|(name, group)| {
        let users: Vec<&str> = group.users.iter().map(String::as_str).collect();
        let mut row = Map::new();
        row.insert("groupid".to_owned(), json!(name));
        row.insert("users".to_owned(), json!(users.join(",")));
        if let Some(comment) = &group.comment {
            row.insert("comment".to_owned(), json!(comment));
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let name = name(call);
    let group = world.access.groups.get(&name).ok_or_else(|| missing(&name))?;
    let mut row = Map::new();
    row.insert("members".to_owned(), json!(group.users));
    if let Some(comment) = &group.comment {
        row.insert("comment".to_owned(), json!(comment));
    }
    Ok(Reply::data(row))
}

async fn create(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "create group failed", |world| {
        if world.access.groups.contains_key(&name) {
            return Err(format!("group '{name}' already exists"));
        }
        let group = Group {
            comment: call.text("comment").filter(|c| !c.is_empty()).map(str::to_owned),
            ..Group::default()
        };
        world.access.groups.insert(name.clone(), group);
        Ok(())
    })
    .await
}

async fn update(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "update group failed", |world| {
        let group = world.access.groups.get_mut(&name).ok_or_else(|| missing(&name))?;
        if let Some(comment) = call.text("comment") {
            group.comment = Some(comment.to_owned());
        }
        Ok(())
    })
    .await
}

async fn delete(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "delete group failed", |world| {
        world.access.groups.remove(&name).ok_or_else(|| missing(&name))?;
        world.access.acl.forget(Subject::Group, &name);
        Ok(())
    })
    .await
}
