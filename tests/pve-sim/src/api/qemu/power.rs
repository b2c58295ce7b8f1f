//! Stops, reboots and resets guests.

use std::time::Duration;

use super::super::{Allow, Call, Endpoint, Run, ha};
use super::start::power_up;
use super::{check_lock, need_quorum};
use crate::release::Release;
use crate::seed::Shutdown;
use crate::state::{Guest, World};
use crate::verify::{Kind, NODE, Param, at_least, may};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

const POWER: Allow = Allow::Any("/vms/{vmid}", &["VM.PowerMgmt"]);
pub(super) const SKIP_LOCK: Param = may("skiplock", Kind::Boolean);
pub(super) const TIMEOUT: Param = may("timeout", at_least(0));

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/status/stop",
        POWER,
        &[&[
            may("keepActive", Kind::Boolean),
            may("migratedfrom", NODE),
            may("overrule-shutdown", Kind::Boolean).from(Release::V8_4),
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
    only_root(call, "skiplock")
}

/// A flag or parameter that nobody but `root@pam` may use, a token of root's neither.
pub(super) fn only_root(call: &Call, name: &str) -> Result<(), ApiError> {
    let used = call.text(name).is_some_and(|value| value != "0");
    if used && !call.caller.is_root() {
        return Err(ApiError::parameter(name, "Only root may use this option."));
    }
    Ok(())
}

fn stop(call: &Call) -> ApiResult {
    for name in ["skiplock", "keepActive", "migratedfrom"] {
        only_root(call, name)?;
    }
    need_quorum(call)?;
    let own = call.text("keepActive").is_some() || call.text("migratedfrom").is_some();
    if let Some(reply) = (!own).then(|| ha::divert(call, &ha::Order::Stop(0))).flatten() {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let overrules = call.flag("overrule-shutdown");
    let skip_lock = call.flag("skiplock");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmstop", vmid),
        move |worker| async move {
            if overrules {
                overrule_shutdowns(&worker, vmid).await;
            }
            worker.world().guest_on(&node, vmid)?;
            let _lock = worker.lock_file(vmid, false).await?;
            let running = {
                let world = worker.world();
                let guest = world.guest_on(&node, vmid)?;
                if guest.is_running() && !skip_lock {
                    check_lock(guest)?;
                }
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

/// Aborts the shutdowns of the guest that still wait, and waits for them to let go of the guest.
async fn overrule_shutdowns(worker: &Worker, vmid: u32) {
    let id = vmid.to_string();
    let waiting: Vec<_> = worker
        .world()
        .tasks
        .newest()
        .filter(|t| t.end.is_none() && t.parts.kind == "qmshutdown" && t.parts.id == id)
        .map(|t| {
            t.abort.cancel();
            (t.upid.clone(), t.ended.clone())
        })
        .collect();
    if waiting.is_empty() {
        return;
    }
    let upids: Vec<&str> = waiting.iter().map(|(upid, _)| upid.as_str()).collect();
    worker.log(format!("overruled qmshutdown tasks: {}", upids.join(", ")));
    for (_, ended) in &waiting {
        ended.cancelled().await;
    }
}

fn shutdown(call: &Call) -> ApiResult {
    for name in ["skiplock", "keepActive"] {
        only_root(call, name)?;
    }
    need_quorum(call)?;
    let patience = call.number("timeout").unwrap_or(60);
    if let Some(reply) = ha::divert(call, &ha::Order::Stop(patience)) {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let mut order = Order {
        timeout: call.number("timeout").map(Duration::from_secs),
        force: call.flag("forceStop"),
        skip_lock: call.flag("skiplock"),
        at_once: false,
    };
    if is_paused(&call.world(), &node, vmid) {
        if !order.force {
            return Err(ApiError::internal("VM is paused - cannot shutdown"));
        }
        order.at_once = true;
    }
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmshutdown", vmid),
        move |worker| async move {
            worker.world().guest_on(&node, vmid)?;
            let _lock = worker.lock_file(vmid, false).await?;
            bring_down(&worker, &node, vmid, &order).await
        },
        |_| {},
    ))
}

fn is_paused(world: &World, node: &str, vmid: u32) -> bool {
    world.guest_on(node, vmid).is_ok_and(Guest::is_paused)
}

/// How a guest is to be brought down.
struct Order {
    timeout: Option<Duration>,
    force: bool,
    skip_lock: bool,
    /// Without asking its system.
    at_once: bool,
}

/// Waits for the guest to shut down, the lock file in hand (`PVE::QemuServer::_do_vm_stop`).
async fn bring_down(worker: &Worker, node: &str, vmid: u32, order: &Order) -> Result<(), String> {
    let (obeys, silent_agent) = {
        let timing = worker.sim.timing();
        let world = worker.world();
        let guest = world.guest_on(node, vmid)?;
        if !guest.is_running() {
            return Ok(());
        }
        if !order.skip_lock {
            check_lock(guest)?;
        }
        let silent = guest.agent_enabled() && !guest.agent_answers(timing.real(timing.agent_boot));
        (guest.shutdown == Shutdown::Obeys, silent)
    };
    if order.at_once {
        worker.log("VM is paused - stop instead of shutdown");
        worker.pause(|t| t.stop).await;
        worker.world().power_off(vmid);
        return Ok(());
    }
    let timing = worker.sim.timing();
    let limit = order.timeout.unwrap_or(timing.shutdown_timeout);
    if silent_agent {
        let line = "QEMU Guest Agent is not running - received interrupt";
        worker.world().tasks.say_when_interrupted(&worker.upid, line);
        worker.pause(|t| t.agent_ping).await;
        worker
            .world()
            .tasks
            .say_when_interrupted(&worker.upid, "received interrupt");
        worker.log(format!(
            "QEMU Guest Agent is not running - VM {vmid} qga command 'guest-ping' failed - got timeout"
        ));
    }
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
    if order.force {
        world
            .tasks
            .log(&worker.upid, "VM still running - terminating now with SIGTERM");
        world.power_off(vmid);
        return Ok(());
    }
    drop(world);
    Err("VM quit/powerdown failed - got timeout".to_owned())
}

/// A guest that doesn't run can be neither rebooted, reset nor suspended, which is found before the task.
pub(super) fn need_running(call: &Call) -> Result<(), ApiError> {
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
    if is_paused(&call.world(), &node, vmid) {
        return Err(ApiError::internal("VM is paused - cannot shutdown"));
    }
    let order = Order {
        timeout: call.number("timeout").map(Duration::from_secs),
        force: false,
        skip_lock: false,
        at_once: false,
    };
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmreboot", vmid),
        move |worker| async move {
            let _lock = worker.lock_file(vmid, false).await?;
            bring_down(&worker, &node, vmid, &order).await?;
            power_up(&worker, &node, vmid, false).await
        },
        |_| {},
    ))
}

/// The same process goes on, so nothing that is pending is applied; the agent has to come up again.
fn reset(call: &Call) -> ApiResult {
    check_skip_lock(call)?;
    need_running(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let skip_lock = call.flag("skiplock");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmreset", vmid),
        move |worker| async move {
            let _lock = worker.lock_file(vmid, false).await?;
            let mut world = worker.world();
            let guest = world.guest_on_mut(&node, vmid)?;
            if !skip_lock {
                check_lock(guest)?;
            }
            guest.reset();
            drop(world);
            Ok(())
        },
        |_| {},
    ))
}
