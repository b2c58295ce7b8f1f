//! Starts and stops containers. That one runs already, or doesn't, is an HTTP error.

use super::super::ha;
use super::{Call, check_lock, container, lock_file, need_quorum};
use crate::seed::Shutdown;
use crate::state::{GuestKind, World, drive_property, drive_volume, is_mount, is_net};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

/// Whether it runs; a container that doesn't exist doesn't.
fn is_running(world: &World, call: &Call) -> bool {
    world
        .found(GuestKind::Lxc, call.node(), call.vmid())
        .is_ok_and(crate::state::Guest::is_running)
}

fn check_skip_lock(call: &Call) -> Result<(), ApiError> {
    if call.flag("skiplock") && !call.caller.is_root() {
        return Err(ApiError::parameter("skiplock", "Only root may use this option."));
    }
    Ok(())
}

fn need_running(call: &Call, title: &str) -> Result<(), ApiError> {
    if is_running(&call.world(), call) {
        Ok(())
    } else {
        Err(ApiError::internal(format!("{title} {} not running", call.vmid())))
    }
}

fn need_stopped(call: &Call) -> Result<(), ApiError> {
    if is_running(&call.world(), call) {
        Err(ApiError::internal(format!("CT {} already running", call.vmid())))
    } else {
        Ok(())
    }
}

pub(super) async fn start(call: Call) -> ApiResult {
    check_skip_lock(&call)?;
    need_stopped(&call)?;
    need_quorum(&call)?;
    if let Some(reply) = ha::divert(&call, &ha::Order::Start) {
        return Ok(reply);
    }
    let _lock = lock_file(&call.sim, call.vmid()).await?;
    Ok(Reply::data(launch_start(&call)))
}

/// A start by itself, which another task may order when it is done.
pub(super) fn launch_start(call: &Call) -> String {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let skip_lock = call.flag("skiplock");
    worker::launch(
        call,
        &TaskName::of_guest("vzstart", vmid),
        move |worker| async move { bring_up(&worker, &node, vmid, skip_lock).await },
        |_| {},
    )
}

async fn bring_up(worker: &Worker, node: &str, vmid: u32, skip_lock: bool) -> Result<(), String> {
    check_start(&worker.world(), node, vmid, skip_lock)?;
    worker.pause(|t| t.start).await;
    let mut world = worker.world();
    check_start(&world, node, vmid, skip_lock)?;
    world.power_on(vmid);
    drop(world);
    Ok(())
}

fn check_start(world: &World, node: &str, vmid: u32, skip_lock: bool) -> Result<(), String> {
    let guest = container(world, node, vmid)?;
    if guest.is_template() {
        return Err("you can't start a CT if it's a template".to_owned());
    }
    if !skip_lock && guest.lock() != Some("mounted") {
        check_lock(guest)?;
    }
    let failed = || {
        // What went wrong before the container's own processes is only in the host's journal.
        Err("startup for container '".to_owned() + &vmid.to_string() + "' failed")
    };
    for (key, value) in &guest.config {
        let volid = drive_volume(value);
        if is_mount(key) && volid.contains(':') && world.volume(node, volid).is_none() {
            return Err(format!("volume '{volid}' does not exist"));
        }
        let bridge = is_net(key).then(|| drive_property(value, "bridge")).flatten();
        if bridge.is_some_and(|bridge| !world.bridges.iter().any(|own| own == bridge)) {
            return failed();
        }
    }
    Ok(())
}

pub(super) async fn stop(call: Call) -> ApiResult {
    check_skip_lock(&call)?;
    need_running(&call, "CT")?;
    if let Some(reply) = ha::divert(&call, &ha::Order::Stop(0)) {
        return Ok(reply);
    }
    let overruled = if call.flag("overrule-shutdown") {
        overrule_shutdowns(&call)
    } else {
        None
    };
    let _lock = lock_file(&call.sim, call.vmid()).await?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let skip_lock = call.flag("skiplock");
    Ok(worker::start(
        &call,
        &TaskName::of_guest("vzstop", vmid),
        move |worker| async move {
            if let Some(line) = overruled {
                worker.log(line);
            }
            {
                let world = worker.world();
                let guest = container(&world, &node, vmid)?;
                if !skip_lock {
                    check_lock(guest)?;
                }
            }
            worker.pause(|t| t.stop).await;
            worker.world().power_off(vmid);
            Ok(())
        },
        |_| {},
    ))
}

/// Aborts the shutdowns of the container that still wait, and says so.
fn overrule_shutdowns(call: &Call) -> Option<String> {
    let world = call.world();
    let id = call.vmid().to_string();
    let waiting: Vec<String> = world
        .tasks
        .newest()
        .filter(|t| t.end.is_none() && t.parts.kind == "vzshutdown" && t.parts.id == id)
        .map(|t| {
            t.abort.cancel();
            t.upid.clone()
        })
        .collect();
    (!waiting.is_empty()).then(|| format!("overruled vzshutdown tasks: {}", waiting.join(", ")))
}

pub(super) fn shutdown(call: &Call) -> ApiResult {
    need_running(call, "CT")?;
    let timeout = call.number("timeout").unwrap_or(60);
    let patience = u32::try_from(timeout).unwrap_or(u32::MAX);
    if let Some(reply) = ha::divert(call, &ha::Order::Stop(patience)) {
        return Ok(reply);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let force = call.flag("forceStop");
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzshutdown", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            bring_down(&worker, &node, vmid, timeout, force).await
        },
        |_| {},
    ))
}

/// Waits until the container has shut down; `force` stops it when the time is out.
pub(super) async fn bring_down(
    worker: &Worker,
    node: &str,
    vmid: u32,
    timeout: u64,
    force: bool,
) -> Result<(), String> {
    let obeys = {
        let world = worker.world();
        let guest = container(&world, node, vmid)?;
        check_lock(guest)?;
        if !guest.is_running() {
            return Ok(());
        }
        guest.shutdown == Shutdown::Obeys
    };
    let timing = worker.sim.timing();
    let limit = timing.shutdown_limit(timeout);
    if obeys && timing.shutdown <= limit {
        worker.pause(|t| t.shutdown).await;
        worker.world().power_off(vmid);
        return Ok(());
    }
    worker.pause(|_| limit).await;
    let mut world = worker.world();
    if force {
        world.power_off(vmid);
        return Ok(());
    }
    let line = format!("command 'lxc-stop -n {vmid} --nokill --timeout {timeout}' failed: exit code 1");
    world.tasks.log(&worker.upid, line);
    drop(world);
    Err("container did not stop".to_owned())
}

pub(super) fn reboot(call: &Call) -> ApiResult {
    // It says VM in Proxmox's source too.
    need_running(call, "VM")?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let timeout = call.number("timeout").unwrap_or(60);
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzreboot", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            bring_down(&worker, &node, vmid, timeout, true).await?;
            bring_up(&worker, &node, vmid, false).await
        },
        |_| {},
    ))
}

/// Checkpoints need CRIU, which Proxmox VE doesn't install.
const NO_CRIU: &str = "execing criu failed, is it installed?";

pub(super) fn suspend(call: &Call) -> ApiResult {
    need_running(call, "CT")?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzsuspend", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            check_lock(container(&worker.world(), &node, vmid)?)?;
            worker.log(format!(
                "lxc-checkpoint: {vmid}: ../src/lxc/criu.c: criu_version_ok: 767 Connection refused - {NO_CRIU}"
            ));
            worker.log(format!(
                "lxc-checkpoint: {vmid}: ../src/lxc/tools/lxc_checkpoint.c: checkpoint: 192 Checkpointing {vmid} failed"
            ));
            Err(format!(
                "command 'lxc-checkpoint -n {vmid} -s -D /var/lib/vz/dump' failed: exit code 1"
            ))
        },
        |_| {},
    ))
}

pub(super) fn resume(call: &Call) -> ApiResult {
    need_stopped(call)?;
    let vmid = call.vmid();
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzresume", vmid),
        move |worker| async move {
            worker.log(format!(
                "lxc-checkpoint: {vmid}: ../src/lxc/criu.c: criu_version_ok: 767 Connection refused - {NO_CRIU}"
            ));
            worker.log(format!(
                "lxc-checkpoint: {vmid}: ../src/lxc/tools/lxc_checkpoint.c: restore_finalize: 203 Restoring {vmid} failed"
            ));
            Err(format!(
                "command 'lxc-checkpoint -n {vmid} -r --foreground -D /var/lib/vz/dump' failed: exit code 1"
            ))
        },
        |_| {},
    ))
}
