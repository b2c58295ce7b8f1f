//! `/nodes/{node}/qemu/{vmid}/migrate`: to another node, with or without its processors standing still.

mod precondition;
mod references;
mod run;
mod storage_map;
mod transfer;

use super::super::{Allow, Endpoint, Run, ha};
use super::{Call, check_lock, need_quorum};
use crate::release::Release;
use crate::state::{World, drive_volume, is_disk};
use crate::verify::{CIDR, Kind, NODE, STORAGE_PAIRS, at_least, may, need};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName};
use storage_map::StorageMap;

const MIGRATE: Allow = Allow::Any("/vms/{vmid}", &["VM.Migrate"]);

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/migrate",
        MIGRATE,
        &[&[may("target", NODE)]],
        Run::Now(precondition::show),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/migrate",
        MIGRATE,
        &[&[
            may("bwlimit", at_least(0)),
            may("force", Kind::Boolean),
            may("migration_network", CIDR),
            may("migration_type", Kind::Enum(&["secure", "insecure"])),
            may("online", Kind::Boolean),
            need("target", NODE),
            may("targetstorage", STORAGE_PAIRS),
            may("with-conntrack-state", Kind::Boolean).from(Release::V9_2),
            may("with-local-disks", Kind::Boolean),
        ]],
        Run::Now(migrate),
    ),
];

/// One order, checked.
struct Order {
    node: String,
    target: String,
    vmid: u32,
    with_local_disks: bool,
    /// Root's wish to migrate in spite of local devices.
    force: bool,
    storages: StorageMap,
    bandwidth: Option<u64>,
}

/// In the order of `PVE::API2::Qemu::migrate_vm`.
fn migrate(call: &Call) -> ApiResult {
    let target = call.text("target").unwrap_or("");
    if target == call.node() {
        return Err(ApiError::parameter("target", "target is local node."));
    }
    need_quorum(call)?;
    let order = {
        let world = call.world();
        if world.node(target).is_none() {
            return Err(ApiError::internal(format!("no such cluster node '{target}'")));
        }
        for parameter in ["force", "migration_type", "migration_network"] {
            let given = call.text(parameter).is_some_and(|value| value != "0");
            if given && !call.caller.is_root() {
                return Err(ApiError::parameter(parameter, "Only root may use this option."));
            }
        }
        let guest = world.guest_on(call.node(), call.vmid())?;
        check_lock(guest)?;
        if guest.is_running() && !call.flag("online") {
            return Err(ApiError::internal("can't migrate running VM without --online"));
        }
        let order = Order {
            node: call.node().to_owned(),
            target: target.to_owned(),
            vmid: call.vmid(),
            with_local_disks: call.flag("with-local-disks"),
            force: call.flag("force"),
            storages: storages(call, &world)?,
            bandwidth: call.number("bwlimit"),
        };
        if order.storages.is_identity() {
            check_storages(&world, &order)?;
        }
        order
    };
    if let Some(reply) = ha::divert(call, &ha::Order::Migrate(order.target.clone())) {
        return Ok(reply);
    }
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmigrate", order.vmid),
        {
            let vmid = order.vmid;
            move |worker| async move {
                let ended = run::run(&worker, order).await;
                run::unlock(&mut worker.world(), vmid);
                ended
            }
        },
        {
            let vmid = call.vmid();
            move |world| run::unlock(world, vmid)
        },
    ))
}

/// Where volumes go; 403 unless the caller may put them there.
fn storages(call: &Call, world: &World) -> Result<StorageMap, ApiError> {
    let Some(text) = call.text("targetstorage") else {
        return Ok(StorageMap::default());
    };
    let map = StorageMap::parse(text).map_err(|error| {
        ApiError::parameter("targetstorage", format!("failed to parse storage map: {error}"))
    })?;
    if !map.is_identity() {
        call.require(world, &format!("/vms/{}", call.vmid()), &["VM.Config.Disk"])?;
    }
    let target = call.text("target").unwrap_or("");
    for storage in map.targets() {
        let found = world.storage_on(target, storage)?;
        if !found.allows("images") {
            return Err(ApiError::internal(format!(
                "storage '{storage}' on node '{target}' does not support vm images"
            )));
        }
        call.require(
            world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
    }
    Ok(map)
}

/// Whether every storage that the guest uses is on both nodes (`PVE::QemuServer::check_storage_availability`).
fn check_storages(world: &World, order: &Order) -> Result<(), String> {
    let guest = world.guest_on(&order.node, order.vmid)?;
    for value in guest
        .config
        .iter()
        .filter(|(key, _)| is_disk(key))
        .map(|(_, value)| value)
    {
        if let Some((storage, _)) = drive_volume(value).split_once(':') {
            world.storage_on(&order.node, storage)?;
            world.storage_on(&order.target, storage)?;
        }
    }
    Ok(())
}
