//! `/cluster/ha/groups`: sets of nodes, up to 8. Since 9 there are rules instead, and every call about groups says so.

use serde_json::json;

use super::super::{Call, Endpoint, Run};
use super::sections::{DIGEST, change, failed, given, lock, shown};
use super::{AUDIT, CONSOLE};
use crate::release::Release;
use crate::state::ha::{add_section, file_digest};
use crate::verify::cluster::{HA_NODES, OPTION, OPTION_LIST};
use crate::verify::{Kind, Param, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const OPTIONS: &[Param] = &[
    may("comment", Kind::Text(4096)),
    may("nofailback", Kind::Boolean),
    may("restricted", Kind::Boolean),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/ha/groups", AUDIT, &[], Run::Now(list)),
    Endpoint::post(
        "/cluster/ha/groups",
        CONSOLE,
        &[
            OPTIONS,
            &[
                need("group", OPTION),
                need("nodes", HA_NODES),
                may("type", Kind::Enum(&["group"])),
            ],
        ],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get("/cluster/ha/groups/{group}", AUDIT, &[], Run::Now(show)),
    Endpoint::put(
        "/cluster/ha/groups/{group}",
        CONSOLE,
        &[
            OPTIONS,
            &[may("nodes", HA_NODES), may("delete", OPTION_LIST)],
            DIGEST,
        ],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/cluster/ha/groups/{group}",
        CONSOLE,
        &[],
        Run::Later(|call| Box::pin(remove(call))),
    ),
];

fn check(call: &Call, verb: &str) -> Result<(), ApiError> {
    if call.release() < Release::V9_2 {
        return Ok(());
    }
    let text = format!("cannot {verb}: ha groups have been migrated to rules");
    Err(ApiError::internal(text))
}

fn name(call: &Call) -> &str {
    call.text("group").unwrap_or("")
}

fn list(call: &Call) -> ApiResult {
    check(call, "index groups")?;
    let world = call.world();
    let digest = file_digest(&world.ha.groups);
    let rows = world.ha.groups.iter().map(|(name, section)| {
        let mut row = shown(section, &digest);
        row.insert("group".to_owned(), json!(name));
        row.insert("type".to_owned(), json!("group"));
        row
    });
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}

fn show(call: &Call) -> ApiResult {
    check(call, "read group")?;
    let world = call.world();
    let section = world.ha.groups.get(name(call));
    let section = section.ok_or_else(|| ApiError::internal(format!("no such ha group '{}'", name(call))))?;
    let mut row = shown(section, &file_digest(&world.ha.groups));
    row.insert("group".to_owned(), json!(name(call)));
    row.insert("type".to_owned(), json!("group"));
    Ok(Reply::data(row))
}

async fn create(call: Call) -> ApiResult {
    check(&call, "create group")?;
    lock(&call, "create ha group").await?;
    let mut world = call.world();
    if world.ha.groups.contains_key(name(&call)) {
        let error = format!("ha group ID '{}' already defined", name(&call));
        return Err(failed("create ha group", error));
    }
    add_section(&mut world.ha.groups, name(&call), given(&call, &[]));
    Ok(Reply::null())
}

async fn update(call: Call) -> ApiResult {
    check(&call, "update group")?;
    lock(&call, "update ha group").await?;
    let mut world = call.world();
    if !world.ha.groups.contains_key(name(&call)) {
        let error = format!("HA group '{}' does not exist", name(&call));
        return Err(failed("update ha group", error));
    }
    change(&call, &mut world.ha.groups, name(&call), "update ha group", &[])?;
    Ok(Reply::null())
}

async fn remove(call: Call) -> ApiResult {
    check(&call, "delete group")?;
    lock(&call, "delete ha group").await?;
    let mut world = call.world();
    let resources = world.ha.resources.iter();
    let user = resources
        .filter(|(_, section)| section.options.get("group").is_some_and(|g| g == name(&call)))
        .map(|(sid, _)| sid.clone())
        .next();
    if let Some(sid) = user {
        let error = format!("ha group is used by service '{sid}'");
        return Err(failed("delete ha group", error));
    }
    world.ha.groups.remove(name(&call));
    Ok(Reply::null())
}
