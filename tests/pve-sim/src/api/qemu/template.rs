//! Makes a template: the volumes get `base-` names, and nothing starts it any more.

use super::super::{Allow, Endpoint, Run};
use super::{Call, check_lock};
use crate::state::{Feature, World, drive_volume, is_disk};
use crate::verify::{DRIVES, may};
use crate::wire::ApiResult;
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::post(
    "/nodes/{node}/qemu/{vmid}/template",
    Allow::Any("/vms/{vmid}", &["VM.Allocate"]),
    &[&[may("disk", DRIVES)]],
    Run::Now(template),
)];

fn template(call: &Call) -> ApiResult {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").map(str::to_owned);
    check(&call.world(), &node, vmid, disk.as_deref())?;
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmtemplate", vmid),
        move |worker| async move {
            let _lock = worker.sim.lock_file(vmid, false).await?;
            check(&worker.world(), &node, vmid, disk.as_deref())?;
            worker.pause(|t| t.clone_base).await;
            check(&worker.world(), &node, vmid, disk.as_deref())?;
            make(&worker, &node, vmid, disk.as_deref())
        },
        |_| {},
    ))
}

/// Once before the task and once under the lock (`PVE::API2::Qemu::template`).
fn check(world: &World, node: &str, vmid: u32, disk: Option<&str>) -> Result<(), String> {
    let guest = world.guest_on(node, vmid)?;
    check_lock(guest)?;
    if !guest.snapshots.is_empty() {
        return Err("unable to create template, because VM contains snapshots".to_owned());
    }
    if guest.is_template() && disk.is_none() {
        return Err("you can't convert a template to a template".to_owned());
    }
    if guest.is_running() {
        return Err("you can't convert a VM to template if VM is running".to_owned());
    }
    Ok(())
}

fn make(worker: &Worker, node: &str, vmid: u32, disk: Option<&str>) -> Result<(), String> {
    let mut world = worker.world();
    super::check_writable(&world, node, vmid)?;
    world
        .guest_on_mut(node, vmid)?
        .config
        .insert("template".to_owned(), "1".to_owned());
    for line in make_bases(&mut world, node, vmid, disk)? {
        world.tasks.log(&worker.upid, line);
    }
    drop(world);
    Ok(())
}

/// Turns the drives' volumes, or that of one drive, into bases (`PVE::QemuServer::template_create`).
pub(super) fn make_bases(
    world: &mut World,
    node: &str,
    vmid: u32,
    disk: Option<&str>,
) -> Result<Vec<String>, String> {
    let mut log = Vec::new();
    let config = world.guest_on(node, vmid)?.config.clone();
    let drives = config.into_iter().filter(|(key, value)| {
        is_disk(key) && !value.contains("media=cdrom") && disk.is_none_or(|disk| disk == key)
    });
    for (key, value) in drives {
        let volid = drive_volume(&value);
        if !world.has_feature(Feature::Template, volid, false) || world.volume(node, volid).is_none() {
            continue;
        }
        let base = world.base_volume(node, volid)?;
        log.extend(base.log);
        let value = value.replacen(volid, &base.volid, 1);
        world.guest_on_mut(node, vmid)?.config.insert(key, value);
    }
    Ok(log)
}
