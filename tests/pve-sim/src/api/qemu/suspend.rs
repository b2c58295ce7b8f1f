//! Pauses guests, saves their memory to disk and lets them go on.

use super::super::{Allow, Call, Endpoint, Run};
use super::power::{SKIP_LOCK, check_skip_lock, need_running, only_root};
use super::start::power_up;
use super::{check_lock, need_quorum, saved_state};
use crate::clock;
use crate::state::Power;
use crate::verify::{Kind, STORAGE, may};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

const POWER: Allow = Allow::Any("/vms/{vmid}", &["VM.PowerMgmt"]);

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/suspend",
        POWER,
        &[&[
            SKIP_LOCK,
            may("statestorage", STORAGE).requires("todisk"),
            may("todisk", Kind::Boolean),
        ]],
        Run::Now(suspend),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/resume",
        POWER,
        &[&[may("nocheck", Kind::Boolean), SKIP_LOCK]],
        Run::Now(resume),
    ),
];

fn suspend(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    need_running(call)?;
    need_quorum(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let skip_lock = call.flag("skiplock");
    if !call.flag("todisk") {
        return Ok(pause(call, node, vmid, skip_lock));
    }
    let storage = {
        let world = call.world();
        call.require(&world, &format!("/vms/{vmid}"), &["VM.Config.Disk"])?;
        let guest = world.guest_on(&node, vmid)?;
        if guest.config.keys().any(|key| key.starts_with("hostpci")) {
            return Err(ApiError::internal(
                "cannot suspend VM to disk due to passed-through PCI device(s), which lack the possibility to \
                 save/restore their internal state",
            ));
        }
        let named = call.text("statestorage").map(str::to_owned);
        let storage = named.unwrap_or_else(|| world.state_storage(guest));
        call.require(
            &world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
        storage
    };
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmsuspend", vmid),
        move |worker| async move { to_disk(&worker, &node, vmid, skip_lock, &storage).await },
        |_| {},
    ))
}

/// A guest that is paused already stays so.
fn pause(call: &Call, node: String, vmid: u32, skip_lock: bool) -> Reply {
    worker::start(
        call,
        &TaskName::of_guest("qmpause", vmid),
        move |worker| async move {
            let _lock = worker.lock_file(vmid, false).await?;
            let mut world = worker.world();
            let guest = world.guest_on_mut(&node, vmid)?;
            if !skip_lock && guest.lock() != Some("backup") {
                check_lock(guest)?;
            }
            guest.pause(true);
            drop(world);
            Ok(())
        },
        |_| {},
    )
}

/// The lock `suspending` stays when it fails or is aborted, to say that something went wrong.
async fn to_disk(
    worker: &Worker,
    node: &str,
    vmid: u32,
    skip_lock: bool,
    storage: &str,
) -> Result<(), String> {
    {
        let _lock = worker.lock_file(vmid, false).await?;
        let mut world = worker.world();
        let guest = world.guest_on_mut(node, vmid)?;
        if !skip_lock {
            check_lock(guest)?;
        }
        let today = clock::wall(clock::now()).strftime("%Y-%m-%d").to_string();
        let what = format!("state-suspend-{today}");
        let (state, log) = saved_state::allocate(&mut world, node, vmid, storage, &what)?;
        for line in log {
            world.tasks.log(&worker.upid, line);
        }
        let guest = world.guest_on_mut(node, vmid)?;
        guest.config.extend(state);
        guest.config.insert("lock".to_owned(), "suspending".to_owned());
    }
    worker.pause(|t| t.save_state).await;
    worker.log("State saved, quitting");
    let _lock = worker.lock_file(vmid, false).await?;
    let mut world = worker.world();
    let guest = world.guest_on_mut(node, vmid)?;
    if guest.lock() != Some("suspending") {
        return Err("lock changed unexpectedly".to_owned());
    }
    guest.config.insert("lock".to_owned(), "suspended".to_owned());
    // What waits for a start waits on: this guest goes on where it was.
    guest.power = Power::Stopped;
    drop(world);
    Ok(())
}

fn resume(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    only_root(call, "nocheck")?;
    let from_disk = {
        let world = call.world();
        world.guest_on(call.node(), call.vmid())?.lock() == Some("suspended")
    };
    if !from_disk {
        need_running(call)?;
    }
    need_quorum(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let skip_lock = call.flag("skiplock");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmresume", vmid),
        move |worker| async move {
            let _lock = worker.lock_file(vmid, false).await?;
            if from_disk {
                return power_up(&worker, &node, vmid, skip_lock).await;
            }
            let mut world = worker.world();
            let guest = world.guest_on_mut(&node, vmid)?;
            if !skip_lock && guest.lock() != Some("backup") {
                check_lock(guest)?;
            }
            guest.pause(false);
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}
