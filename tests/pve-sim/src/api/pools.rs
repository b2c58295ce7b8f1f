//! `/pools`: guests and storages under a name (`PVE::API2::Pool`), in both forms: the name in the path, or beside it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::access::{change, may_grant, refused_within};
use super::resources::{GuestRow, storage_row};
use super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::state::{Pool, World};
use crate::verify::access::STORAGES;
use crate::verify::cluster::VMIDS;
use crate::verify::{Kind, POOL, Param, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const ALLOCATE: Allow = Allow::Any("/pool/{poolid}", &["Pool.Allocate"]);
const KINDS: Kind = Kind::Enum(&["qemu", "lxc", "storage"]);

const MEMBERS: &[Param] = &[
    may("allow-move", Kind::Boolean).from(Release::V8_4),
    may("comment", TEXT),
    may("delete", Kind::Boolean),
    may("storage", STORAGES),
    may("vms", VMIDS),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/pools",
        Allow::Everyone,
        &[&[
            may("poolid", POOL).from(Release::V8_4),
            may("type", KINDS).from(Release::V8_4).requires("poolid"),
        ]],
        Run::Now(list),
    ),
    Endpoint::post(
        "/pools",
        ALLOCATE,
        &[&[may("comment", TEXT), need("poolid", POOL)]],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::put(
        "/pools",
        ALLOCATE,
        &[MEMBERS, &[need("poolid", POOL)]],
        Run::Later(|call| Box::pin(update(call))),
    )
    .from(Release::V8_4),
    Endpoint::delete(
        "/pools",
        ALLOCATE,
        &[&[need("poolid", POOL)]],
        Run::Later(|call| Box::pin(delete(call))),
    )
    .from(Release::V8_4),
    Endpoint::get(
        "/pools/{poolid}",
        Allow::Any("/pool/{poolid}", &["Pool.Audit"]),
        &[&[may("type", KINDS)]],
        Run::Now(show),
    ),
    Endpoint::put(
        "/pools/{poolid}",
        ALLOCATE,
        &[MEMBERS],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/pools/{poolid}",
        ALLOCATE,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

fn name(call: &Call) -> String {
    call.text("poolid").unwrap_or("").to_owned()
}

fn missing(name: &str) -> String {
    format!("pool '{name}' does not exist")
}

fn row(name: &str, pool: &Pool) -> Map<String, Value> {
    let mut row = Map::from_iter([("poolid".to_owned(), json!(name))]);
    if let Some(comment) = &pool.comment {
        row.insert("comment".to_owned(), json!(comment));
    }
    row
}

/// All pools that the caller may see, or with its name one with its members.
fn list(call: &Call) -> ApiResult {
    let world = call.world();
    if let Some(name) = call.text("poolid") {
        call.require(&world, &format!("/pool/{name}"), &["Pool.Audit"])?;
        return Ok(Reply::data([with_members(&world, call, name)?]));
    }
    let visible = world.access.pools.iter().filter(|(name, _)| {
        let path = format!("/pool/{name}");
        world.access.any(&call.caller, &path, &["Pool.Audit"])
    });
    let rows = visible.map(|(name, pool)| row(name, pool));
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    Ok(Reply::data(with_members(&world, call, &name(call))?))
}

/// A pool with those of its members that exist, as `/cluster/resources` shows them.
fn with_members(world: &World, call: &Call, name: &str) -> Result<Map<String, Value>, ApiError> {
    let pool = world.access.pools.get(name).ok_or_else(|| missing(name))?;
    let wanted = |kind: &str| call.text("type").is_none_or(|asked| asked == kind);
    let guests = pool.guests.iter().filter_map(|vmid| world.guests.get(vmid));
    let guests = guests.filter(|guest| wanted(guest.kind.name()));
    let mut members: Vec<Value> = guests
        .map(|guest| json!(GuestRow::of(world, guest, None)))
        .collect();
    if wanted("storage") {
        let storages = pool.storages.iter().filter_map(|id| world.storage(id));
        // Shown once, as the node sees it that answers.
        let answering = world.nodes.first();
        members.extend(storages.filter_map(|storage| Some(storage_row(world, answering?, storage))));
    }
    let mut row = row(name, pool);
    row.insert("members".to_owned(), json!(members));
    Ok(row)
}

async fn create(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "create pool failed", |world| {
        let pools = &mut world.access.pools;
        if pools.get(&name).is_some() {
            return Err(format!("pool '{name}' already exists"));
        }
        if let Some((parent, _)) = name.rsplit_once('/')
            && pools.get(parent).is_none()
        {
            return Err(format!("parent '{parent}' of pool '{name}' does not exist"));
        }
        let comment = call.text("comment").filter(|comment| !comment.is_empty());
        pools.create(&name, comment.map(str::to_owned));
        Ok(())
    })
    .await
}

async fn update(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "update pools failed", |world| {
        // What fails in the middle leaves nothing behind.
        let mut pools = world.access.pools.clone();
        let pool = pools.get_mut(&name).ok_or_else(|| missing(&name))?;
        if let Some(comment) = call.text("comment") {
            pool.comment = Some(comment.to_owned());
        }
        for vmid in call.list("vms") {
            may_grant(world, &call.caller, &format!("/vms/{vmid}")).map_err(|e| refused_within(&e))?;
            let vmid: u32 = vmid.parse().map_err(|_| format!("VM {vmid} does not exist"))?;
            let now = pools.of(vmid).map(str::to_owned);
            match (call.flag("delete"), now) {
                (true, Some(now)) if now == name => pools.remove_guest(vmid),
                (true, _) => return Err(format!("VM {vmid} is not a pool member")),
                (false, Some(now)) if now == name => {
                    return Err(format!("VM {vmid} is already a pool member"));
                }
                (false, now) => {
                    if let Some(now) = now {
                        check_move(world, &call, vmid, &now)?;
                    }
                    pools.add_guest(vmid, &name);
                }
            }
        }
        for storage in call.list("storage") {
            may_grant(world, &call.caller, &format!("/storage/{storage}")).map_err(|e| refused_within(&e))?;
            let pool = pools.get_mut(&name).ok_or_else(|| missing(&name))?;
            change_storage(&mut pool.storages, &storage, call.flag("delete"))?;
        }
        world.access.pools = pools;
        Ok(())
    })
    .await
}

fn change_storage(storages: &mut BTreeSet<String>, id: &str, delete: bool) -> Result<(), String> {
    if delete {
        let removed = storages.remove(id);
        removed
            .then_some(())
            .ok_or_else(|| format!("Storage '{id}' is not a pool member"))
    } else {
        let added = storages.insert(id.to_owned());
        added
            .then_some(())
            .ok_or_else(|| format!("Storage '{id}' is already a pool member"))
    }
}

/// A guest leaves its pool only when that is asked for, by who may change that pool too.
fn check_move(world: &World, call: &Call, vmid: u32, from: &str) -> Result<(), String> {
    if call.release() < Release::V8_4 {
        return Err(format!("VM {vmid} belongs to pool '{from}'"));
    }
    if !call.flag("allow-move") {
        return Err(format!(
            "VM {vmid} belongs already to pool '{from}' and 'allow-move' is not set"
        ));
    }
    let path = format!("/pool/{from}");
    let asked = call.require(world, &path, &["Pool.Allocate"]);
    asked.map_err(|error| refused_within(&error))
}

async fn delete(call: Call) -> ApiResult {
    let name = name(&call);
    change(&call, "delete pool failed", |world| {
        let pool = world.access.pools.get(&name).ok_or_else(|| missing(&name))?;
        let guest = pool.guests.iter().find(|vmid| world.guests.contains_key(vmid));
        if let Some(vmid) = guest {
            return Err(format!("pool '{name}' is not empty (contains VM {vmid})"));
        }
        let storage = pool.storages.iter().find(|id| world.storage(id).is_some());
        if let Some(id) = storage {
            return Err(format!("pool '{name}' is not empty (contains storage '{id}')"));
        }
        world.access.pools.remove(&name);
        world.access.acl.forget_path(&format!("/pool/{name}"));
        Ok(())
    })
    .await
}
