//! `/cluster/ha/resources`: the guests that are kept running.

use serde_json::json;

use super::super::{Call, Endpoint, Run};
use super::orders::{self, Order};
use super::sections::{DIGEST, change, failed, given, lock, shown};
use super::{AUDIT, CONSOLE};
use crate::release::Release;
use crate::state::ha::{add_section, file_digest};
use crate::state::{GuestKind, World};
use crate::verify::cluster::{HA_SERVICE, OPTION, OPTION_LIST};
use crate::verify::{Kind, NODE, Param, at_least, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

const STATES: &[&str] = &["started", "stopped", "enabled", "disabled", "ignored"];
const TYPE: Param = may("type", Kind::Enum(&["ct", "vm"]));

const OPTIONS: &[Param] = &[
    may("auto-rebalance", Kind::Boolean).from(Release::V9_2),
    may("comment", Kind::Text(4096)),
    may("failback", Kind::Boolean).from(Release::V9_2),
    may("group", OPTION),
    may("max_relocate", at_least(0)),
    may("max_restart", at_least(0)),
    may("state", Kind::Enum(STATES)),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/ha/resources", AUDIT, &[&[TYPE]], Run::Show(list)),
    Endpoint::post(
        "/cluster/ha/resources",
        CONSOLE,
        &[OPTIONS, &[need("sid", HA_SERVICE), TYPE]],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::get("/cluster/ha/resources/{sid}", AUDIT, &[], Run::Now(show)),
    Endpoint::put(
        "/cluster/ha/resources/{sid}",
        CONSOLE,
        &[OPTIONS, &[may("delete", OPTION_LIST)], DIGEST],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/cluster/ha/resources/{sid}",
        CONSOLE,
        &[&[may("purge", Kind::Boolean).from(Release::V9_2)]],
        Run::Later(|call| Box::pin(remove(call))),
    ),
    Endpoint::post(
        "/cluster/ha/resources/{sid}/migrate",
        CONSOLE,
        &[&[need("node", NODE)]],
        Run::Now(|call| transfer(call, "migrate")),
    ),
    Endpoint::post(
        "/cluster/ha/resources/{sid}/relocate",
        CONSOLE,
        &[&[need("node", NODE)]],
        Run::Now(|call| transfer(call, "relocate")),
    ),
];

/// The resource that a call means: a number alone is that of a guest of either kind.
fn meant(world: &World, call: &Call) -> (GuestKind, String) {
    let sid = call.text("sid").unwrap_or("");
    match sid.split_once(':') {
        Some(("ct", _)) => (GuestKind::Lxc, sid.to_owned()),
        Some(_) => (GuestKind::Qemu, sid.to_owned()),
        None => {
            let found = sid.parse().ok().and_then(|vmid: u32| world.guests.get(&vmid));
            let kind = found.map_or(GuestKind::Qemu, |guest| guest.kind);
            let sid = sid
                .parse()
                .map_or(sid.to_owned(), |vmid| crate::state::ha::service(kind, vmid));
            (kind, sid)
        }
    }
}

fn list(call: &Call) -> Reply {
    let world = call.world();
    let digest = file_digest(&world.ha.resources);
    let mut resources: Vec<_> = world.ha.resources.iter().collect();
    resources.sort_by_key(|(_, section)| section.order);
    let rows = resources.into_iter().filter_map(|(sid, section)| {
        let (kind, _) = sid.split_once(':')?;
        let mut row = shown(section, &digest);
        row.insert("sid".to_owned(), json!(sid));
        row.insert("type".to_owned(), json!(kind));
        call.text("type").is_none_or(|t| t == kind).then_some(row)
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let (_, sid) = meant(&world, call);
    let section = world.ha.resources.get(&sid);
    let section = section.ok_or_else(|| ApiError::internal(format!("no such resource '{sid}'")))?;
    let mut row = shown(section, &file_digest(&world.ha.resources));
    row.insert("type".to_owned(), json!(sid.split(':').next()));
    row.insert("sid".to_owned(), json!(sid));
    Ok(Reply::data(row))
}

async fn create(call: Call) -> ApiResult {
    let what = "create resource";
    let (_, sid) = meant(&call.world(), &call);
    check_group(&call)?;
    {
        let world = call.world();
        let vmid = sid.split_once(':').and_then(|(_, id)| id.parse().ok());
        let found = vmid.and_then(|vmid: u32| world.guests.get(&vmid));
        let exists = found.is_some_and(|guest| crate::state::ha::service(guest.kind, guest.vmid) == sid);
        if !exists {
            return Err(ApiError::internal(format!(
                "resource '{sid}' does not exist in cluster"
            )));
        }
    }
    lock(&call, what).await?;
    {
        let mut world = call.world();
        if world.ha.resources.contains_key(&sid) {
            return Err(failed(what, format!("resource ID '{sid}' already defined")));
        }
        let options = given(&call, &["group"]);
        add_section(&mut world.ha.resources, &sid, options);
    }
    Ok(Reply::null())
}

/// Groups went with 9, and so the option.
fn check_group(call: &Call) -> Result<(), ApiError> {
    match call.text("group") {
        Some(_) if call.release() >= Release::V9_2 => Err(ApiError::parameter(
            "group",
            "invalid parameter - group: ha groups have been migrated to rules",
        )),
        Some(group) if !call.world().ha.groups.contains_key(group) => {
            Err(ApiError::internal(format!("HA group '{group}' does not exist")))
        }
        _ => Ok(()),
    }
}

async fn update(call: Call) -> ApiResult {
    let what = "update resource";
    let (_, sid) = meant(&call.world(), &call);
    check_group(&call)?;
    lock(&call, what).await?;
    {
        let mut world = call.world();
        if !world.ha.resources.contains_key(&sid) {
            return Err(failed(what, format!("no such resource '{sid}'")));
        }
        change(&call, &mut world.ha.resources, &sid, what, &["group"])?;
    }
    Ok(Reply::null())
}

async fn remove(call: Call) -> ApiResult {
    let (_, sid) = meant(&call.world(), &call);
    let vmid = sid
        .split_once(':')
        .and_then(|(_, id)| id.parse().ok())
        .unwrap_or(0);
    if !call.world().ha.resources.contains_key(&sid) {
        let text = format!("cannot delete service '{sid}', not HA managed!");
        return Err(ApiError::internal(text));
    }
    lock(&call, "delete resource").await?;
    let mut world = call.world();
    // Rules lose the resource since they are there, unless told not to.
    if call.text("purge") == Some("0") {
        world.ha.resources.remove(&sid);
        world.ha.known.remove(&sid);
        world.ha.moves.remove(&sid);
    } else {
        world.ha_forget(vmid);
    }
    Ok(Reply::null())
}

fn transfer(call: &Call, how: &str) -> ApiResult {
    let (_, sid) = meant(&call.world(), call);
    let node = call.text("node").unwrap_or("").to_owned();
    if !call.world().ha.resources.contains_key(&sid) {
        return Err(ApiError::internal(format!(
            "cannot migrate service '{sid}', not HA managed!"
        )));
    }
    if call.world().node(&node).is_none() {
        return Err(ApiError::internal(format!("no such cluster node '{node}'")));
    }
    orders::give(&call.sim, &sid, &Order::Migrate(node.clone()))
        .map_err(|error| ApiError::internal(format!("{how}: {error}")))?;
    if call.release() < Release::V9_2 {
        return Ok(Reply::null());
    }
    Ok(Reply::data(json!({"sid": sid, "requested-node": node})))
}
