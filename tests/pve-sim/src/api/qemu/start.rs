//! Starts guests, also those whose memory was saved to disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Allow, Call, Endpoint, Run, ha};
use super::power::{SKIP_LOCK, TIMEOUT, check_skip_lock, only_root};
use super::{check_lock, cloudinit, need_quorum};
use crate::release::Release;
use crate::state::{World, drive_property, drive_volume, is_disk, is_net};
use crate::verify::{CIDR, Kind, MACHINE, MACHINE_PATTERN, NODE, STORAGE_PAIRS, TEXT, may};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::post(
    "/nodes/{node}/qemu/{vmid}/status/start",
    Allow::Any("/vms/{vmid}", &["VM.PowerMgmt"]),
    &[&[
        may("force-cpu", TEXT),
        may("machine", Kind::LongPattern(MACHINE_PATTERN, 40)).until(Release::V7_4),
        may("machine", Kind::Properties(&MACHINE)).from(Release::V8_4),
        may("migratedfrom", NODE),
        may("migration_network", CIDR),
        may("migration_type", Kind::Enum(&["secure", "insecure"])),
        may("nets-host-mtu", Kind::Pattern(r"net\d+=\d+(,net\d+=\d+)*")).from(Release::V9_2),
        SKIP_LOCK,
        may("stateuri", Kind::Text(128)),
        may("targetstorage", STORAGE_PAIRS),
        TIMEOUT,
        may("with-conntrack-state", Kind::Boolean).from(Release::V9_2),
    ]],
    Run::Now(start),
)];

/// What only a migration uses.
const OF_MIGRATION: &[&str] = &[
    "stateuri",
    "migratedfrom",
    "migration_type",
    "migration_network",
    "targetstorage",
    "force-cpu",
    "nets-host-mtu",
    "with-conntrack-state",
];

fn start(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    for name in OF_MIGRATION {
        only_root(call, name)?;
    }
    if let (Some(_), Some(_)) = (call.text("targetstorage"), call.text("stateuri")) {
        return Err(ApiError::parameter(
            "targetstorage",
            "targetstorage can only by used with migratedfrom.",
        ));
    }
    need_quorum(call)?;
    if let Some(reply) = ha::divert(call, &ha::Order::Start) {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = TaskName::of_guest("qmstart", vmid);
    let skip_lock = call.flag("skiplock");
    Ok(worker::start(
        call,
        &name,
        move |w| async move { bring_up(&w, &node, vmid, skip_lock).await },
        |_| {},
    ))
}

/// A start that another task orders when it is done, as create and rollback do.
pub(super) struct Starter(Call);

impl Starter {
    pub(super) fn of(call: &Call) -> Self {
        Self(Call {
            sim: Arc::clone(&call.sim),
            caller: call.caller.clone(),
            method: call.method.clone(),
            path: call.path.clone(),
            params: call.params.clone(),
        })
    }

    pub(super) fn go(self) {
        if ha::divert(&self.0, &ha::Order::Start).is_some() {
            return;
        }
        let (node, vmid) = (self.0.node().to_owned(), self.0.vmid());
        let name = TaskName::of_guest("qmstart", vmid);
        worker::launch(
            &self.0,
            &name,
            move |w| async move { bring_up(&w, &node, vmid, false).await },
            |_| {},
        );
    }
}

/// Everything that can be wrong with a start is found in the task, a missing guest included.
pub(super) async fn bring_up(worker: &Worker, node: &str, vmid: u32, skip_lock: bool) -> Result<(), String> {
    worker.world().guest_on(node, vmid)?;
    let _lock = worker.lock_file(vmid, false).await?;
    power_up(worker, node, vmid, skip_lock).await
}

/// As [`bring_up`], the lock file in hand.
pub(super) async fn power_up(worker: &Worker, node: &str, vmid: u32, skip_lock: bool) -> Result<(), String> {
    check_start(&worker.world(), node, vmid, skip_lock)?;
    let resumes = {
        let world = worker.world();
        let guest = world.guest_on(node, vmid)?;
        guest.config.contains_key("vmstate")
    };
    if resumes {
        worker.log("Resuming suspended VM");
    } else if cloudinit::has_drive(worker.world().guest_on(node, vmid)?) {
        worker.log("generating cloud-init ISO");
    }
    worker.pause(|t| t.start).await;
    let mut world = worker.world();
    check_start(&world, node, vmid, skip_lock)?;
    let waiting = if resumes {
        let guest = world.guest_on_mut(node, vmid)?;
        std::mem::take(&mut guest.pending)
    } else {
        BTreeMap::new()
    };
    world.power_on(vmid);
    let guest = world.guest_on_mut(node, vmid)?;
    guest.cloudinit = Some(cloudinit::options(&guest.config));
    if resumes {
        guest.pending = waiting;
        let state = guest.config.remove("vmstate");
        for key in ["runningmachine", "runningcpu", "running-nets-host-mtu"] {
            guest.config.remove(key);
        }
        if guest.lock() == Some("suspended") {
            guest.config.remove("lock");
        }
        world.tasks.log(&worker.upid, "Resumed VM, removing state");
        if let Some(state) = state {
            world.free_volume(node, &state);
        }
    }
    drop(world);
    Ok(())
}

fn check_start(world: &World, node: &str, vmid: u32, skip_lock: bool) -> Result<(), String> {
    let guest = world.guest_on(node, vmid)?;
    if guest.is_template() {
        return Err("you can't start a vm if it's a template".to_owned());
    }
    if !skip_lock && guest.lock() != Some("suspended") {
        check_lock(guest)?;
    }
    if guest.is_running() {
        return Err(format!("VM {vmid} already running"));
    }
    let config = guest.wanted_config();
    let drives = config.iter().filter(|(key, _)| is_disk(key));
    for volid in drives.map(|(_, value)| drive_volume(value)) {
        let is_volume = volid.contains(':') && !volid.starts_with('/');
        if is_volume && world.volume(node, volid).is_none() {
            return Err(format!("volume '{volid}' does not exist"));
        }
    }
    for (_, card) in config.iter().filter(|(key, _)| is_net(key)) {
        let bridge = drive_property(card, "bridge");
        if let Some(bridge) = bridge.filter(|b| !world.bridges.iter().any(|own| own == b)) {
            return Err(format!("bridge '{bridge}' does not exist"));
        }
    }
    Ok(())
}
