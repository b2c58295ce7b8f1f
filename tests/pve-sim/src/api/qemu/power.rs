//! Starts and stops guests.

use std::sync::Arc;
use std::time::Duration;

use super::super::{Allow, Call, Endpoint, Run, ha};
use super::{check_lock, need_quorum};
use crate::seed::Shutdown;
use crate::state::{Guest, World, drive_property, is_disk, is_net};
use crate::verify::{Kind, NODE, Param, TEXT, at_least, may};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

const POWER: Allow = Allow::Any("/vms/{vmid}", &["VM.PowerMgmt"]);
const SKIP_LOCK: Param = may("skiplock", Kind::Boolean);
const TIMEOUT: Param = may("timeout", at_least(0));

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/start",
        POWER,
        &[&[
            may("force-cpu", TEXT),
            may("machine", TEXT),
            may("migratedfrom", NODE),
            may("migration_network", TEXT),
            may("migration_type", Kind::Enum(&["secure", "insecure"])),
            may("nets-host-mtu", TEXT),
            SKIP_LOCK,
            may("stateuri", Kind::Text(128)),
            may("targetstorage", TEXT),
            TIMEOUT,
            may("with-conntrack-state", Kind::Boolean),
        ]],
        Run::Now(start),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/stop",
        POWER,
        &[&[
            may("keepActive", Kind::Boolean),
            may("migratedfrom", NODE),
            may("overrule-shutdown", Kind::Boolean),
            SKIP_LOCK,
            TIMEOUT,
        ]],
        Run::Now(stop),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/shutdown",
        POWER,
        &[&[
            may("forceStop", Kind::Boolean),
            may("keepActive", Kind::Boolean),
            SKIP_LOCK,
            TIMEOUT,
        ]],
        Run::Now(shutdown),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/reboot",
        POWER,
        &[&[TIMEOUT]],
        Run::Now(reboot),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/reset",
        POWER,
        &[&[SKIP_LOCK]],
        Run::Now(reset),
    ),
];

pub(super) fn check_skip_lock(call: &Call) -> Result<(), ApiError> {
    if call.flag("skiplock") && !call.caller.is_root() {
        return Err(ApiError::parameter("skiplock", "Only root may use this option."));
    }
    Ok(())
}

fn start(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    need_quorum(call)?;
    if let Some(reply) = ha::divert(call, &ha::Order::Start) {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = TaskName::of_guest("qmstart", vmid);
    Ok(worker::start(
        call,
        &name,
        move |w| bring_up(w, node, vmid),
        |_| {},
    ))
}

/// A start that another task orders when it is done, as create does.
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
        let (node, vmid) = (self.0.node().to_owned(), self.0.vmid());
        let name = TaskName::of_guest("qmstart", vmid);
        worker::launch(&self.0, &name, move |w| bring_up(w, node, vmid), |_| {});
    }
}

/// Everything that can be wrong with a start is found in the task, a missing guest included.
async fn bring_up(worker: Worker, node: String, vmid: u32) -> Result<(), String> {
    worker.world().guest_on(&node, vmid)?;
    let _lock = worker.sim.lock_file(vmid, false).await?;
    check_start(&worker.world(), &node, vmid)?;
    worker.pause(|t| t.start).await;
    let mut world = worker.world();
    check_start(&world, &node, vmid)?;
    world.power_on(vmid);
    drop(world);
    Ok(())
}

fn check_start(world: &World, node: &str, vmid: u32) -> Result<(), String> {
    let guest = world.guest_on(node, vmid)?;
    if guest.is_template() {
        return Err("you can't start a vm if it's a template".to_owned());
    }
    check_lock(guest)?;
    if guest.is_running() {
        return Err(format!("VM {vmid} already running"));
    }
    let config = guest.wanted_config();
    let drives = config.iter().filter(|(key, _)| is_disk(key));
    for volid in drives.map(|(_, value)| crate::state::drive_volume(value)) {
        if volid.contains(':') && world.volume(node, volid).is_none() {
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

fn stop(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    need_quorum(call)?;
    let own = call.text("keepActive").is_some() || call.text("migratedfrom").is_some();
    if let Some(reply) = (!own).then(|| ha::divert(call, &ha::Order::Stop(0))).flatten() {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let overrules = call.flag("overrule-shutdown");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmstop", vmid),
        move |worker| async move {
            if overrules {
                overrule_shutdowns(&worker, vmid);
            }
            worker.world().guest_on(&node, vmid)?;
            let _lock = worker.sim.lock_file(vmid, false).await?;
            let running = {
                let world = worker.world();
                let guest = world.guest_on(&node, vmid)?;
                check_lock(guest)?;
                guest.is_running()
            };
            if running {
                worker.pause(|t| t.stop).await;
                worker.world().power_off(vmid);
            }
            Ok(())
        },
        |_| {},
    ))
}

/// Aborts the shutdowns of the guest that still wait.
fn overrule_shutdowns(worker: &Worker, vmid: u32) {
    let mut world = worker.world();
    let id = vmid.to_string();
    let waiting: Vec<String> = world
        .tasks
        .newest()
        .filter(|t| t.end.is_none() && t.parts.kind == "qmshutdown" && t.parts.id == id)
        .map(|t| {
            t.abort.cancel();
            t.upid.clone()
        })
        .collect();
    if !waiting.is_empty() {
        let line = format!("overruled qmshutdown tasks: {}", waiting.join(", "));
        world.tasks.log(&worker.upid, line);
    }
}

fn shutdown(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    need_quorum(call)?;
    let patience = call.number("timeout").unwrap_or(60);
    if let Some(reply) = ha::divert(call, &ha::Order::Stop(patience)) {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let timeout = call.number("timeout").map(Duration::from_secs);
    let force = call.flag("forceStop");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmshutdown", vmid),
        move |worker| async move {
            worker.world().guest_on(&node, vmid)?;
            let _lock = worker.sim.lock_file(vmid, false).await?;
            bring_down(&worker, &node, vmid, timeout, force).await
        },
        |_| {},
    ))
}

/// Waits for the guest to shut down, the lock file in hand.
async fn bring_down(
    worker: &Worker,
    node: &str,
    vmid: u32,
    timeout: Option<Duration>,
    force: bool,
) -> Result<(), String> {
    let obeys = {
        let mut world = worker.world();
        let guest = world.guest_on(node, vmid)?;
        check_lock(guest)?;
        if !guest.is_running() {
            return Ok(());
        }
        let (obeys, asks) = (guest.shutdown == Shutdown::Obeys, guest.agent_enabled());
        if asks && !guest.agent_inside {
            // It is the question to the agent that is interrupted.
            let line = "QEMU Guest Agent is not running - received interrupt";
            world.tasks.say_when_interrupted(&worker.upid, line);
        }
        obeys
    };
    let timing = worker.sim.timing();
    let limit = timeout.unwrap_or(timing.shutdown_timeout);
    if obeys && timing.shutdown <= limit {
        worker.pause(|t| t.shutdown).await;
        worker.world().power_off(vmid);
        return Ok(());
    }
    worker.pause(|_| limit).await;
    let mut world = worker.world();
    if !world.guests.get(&vmid).is_some_and(Guest::is_running) {
        return Ok(());
    }
    if force {
        world
            .tasks
            .log(&worker.upid, "VM still running - terminating now with SIGTERM");
        world.power_off(vmid);
        return Ok(());
    }
    drop(world);
    Err("VM quit/powerdown failed - got timeout".to_owned())
}

/// A guest that doesn't run can be neither rebooted nor reset, which is found before the task.
fn need_running(call: &Call) -> Result<(), ApiError> {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    if guest.is_running() {
        Ok(())
    } else {
        Err(ApiError::internal(format!("VM {} not running", call.vmid())))
    }
}

fn reboot(call: &Call) -> ApiResult {
    need_running(call)?;
    need_quorum(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let timeout = call.number("timeout").map(Duration::from_secs);
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmreboot", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            bring_down(&worker, &node, vmid, timeout, false).await?;
            worker.pause(|t| t.start).await;
            let mut world = worker.world();
            check_start(&world, &node, vmid)?;
            world.power_on(vmid);
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}

/// The same process goes on, so nothing that is pending is applied; the agent has to come up again.
fn reset(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    need_running(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmreset", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            let mut world = worker.world();
            let guest = world.guest_on_mut(&node, vmid)?;
            check_lock(guest)?;
            guest.reset();
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}
