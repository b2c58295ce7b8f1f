//! Destroys a guest with its disks.

use super::super::{Allow, Endpoint, Run};
use super::{Call, check_lock};
use crate::state::{Guest, World};
use crate::verify::{Kind, may};
use crate::wire::ApiResult;
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::delete(
    "/nodes/{node}/qemu/{vmid}",
    Allow::Any("/vms/{vmid}", &["VM.Allocate"]),
    &[&[
        may("destroy-unreferenced-disks", Kind::Boolean),
        may("purge", Kind::Boolean),
        may("skiplock", Kind::Boolean),
    ]],
    Run::Now(destroy),
)];

struct Order {
    node: String,
    vmid: u32,
    purge: bool,
    unreferenced: bool,
    skip_lock: bool,
}

fn destroy(call: &Call) -> ApiResult {
    super::check_skip_lock(call)?;
    let order = Order {
        node: call.node().to_owned(),
        vmid: call.vmid(),
        purge: call.flag("purge"),
        unreferenced: call.flag("destroy-unreferenced-disks"),
        skip_lock: call.flag("skiplock"),
    };
    order.check(&call.world())?;
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmdestroy", order.vmid),
        move |worker| run(worker, order),
        |_| {},
    ))
}

async fn run(worker: Worker, order: Order) -> Result<(), String> {
    let _lock = worker.sim.lock_file(order.vmid, false).await?;
    order.mark_destroyed(&worker)?;
    worker.pause(|t| t.destroy).await;
    let mut world = worker.world();
    if order.unreferenced {
        for line in order.free_unreferenced(&mut world) {
            world.tasks.log(&worker.upid, line);
        }
    }
    if order.purge {
        let line = format!("purging VM {} from related configurations..", order.vmid);
        world.tasks.log(&worker.upid, line);
        if world.ha_knows(order.vmid) {
            let line = format!("NOTE: removed VM {} from HA resource configuration.", order.vmid);
            world.tasks.log(&worker.upid, line);
        }
        world.forget_references(order.vmid);
    }
    world.remove_guest(order.vmid);
    drop(world);
    Ok(())
}

impl Order {
    /// Once before the task and once under the lock; what else is wrong only the task finds.
    fn check<'w>(&self, world: &'w World) -> Result<&'w Guest, String> {
        let vmid = self.vmid;
        let guest = world.guest_on(&self.node, vmid)?;
        if guest.option("protection") == Some("1") {
            return Err(format!("can't remove VM {vmid} - protection mode enabled"));
        }
        if !self.purge && world.ha_knows(vmid) {
            return Err(format!(
                "unable to remove VM {vmid} - used in HA resources and purge parameter not set."
            ));
        }
        // `PVE::ReplicationConfig::check_for_existing_jobs`
        if !self.purge && world.replications.contains_key(&vmid) {
            return Err(format!(
                "There is a replication job '{vmid}-0' for guest '{vmid}'. Please remove that first."
            ));
        }
        if guest.is_running() {
            return Err(format!("VM {vmid} is running - destroy failed"));
        }
        Ok(guest)
    }

    /// From here on the configuration is `{lock: destroyed}`, and the volumes that it named are gone.
    fn mark_destroyed(&self, worker: &Worker) -> Result<(), String> {
        let mut world = worker.world();
        let guest = self.check(&world)?;
        if !self.skip_lock {
            check_lock(guest)?;
        }
        let owned = guest.every_volume();
        let is_template = guest.is_template();
        let linked = |volid: &&String| is_template && world.is_used_base(&self.node, volid);
        if let Some(base) = owned.iter().find(linked) {
            return Err(format!("base volume '{base}' is still in use by linked cloned"));
        }
        super::check_writable(&world, &self.node, self.vmid)?;
        for volid in owned {
            let own = world
                .volume(&self.node, &volid)
                .is_some_and(|v| v.vmid == Some(self.vmid));
            if own {
                self.free(&mut world, worker, &volid);
            }
        }
        if let Some(guest) = world.guests.get_mut(&self.vmid) {
            guest.config.clear();
            guest.pending.clear();
            guest.snapshots.clear();
            guest.config.insert("lock".to_owned(), "destroyed".to_owned());
        }
        drop(world);
        Ok(())
    }

    fn free(&self, world: &mut World, worker: &Worker, volid: &str) {
        let lines = match world.remove_volume(&self.node, volid) {
            Ok(lines) => lines,
            Err(error) => vec![format!(
                "Could not remove disk '{volid}', check manually: {error}"
            )],
        };
        for line in lines {
            world.tasks.log(&worker.upid, line);
        }
    }

    /// Frees what no configuration named, on every storage.
    fn free_unreferenced(&self, world: &mut World) -> Vec<String> {
        let storages = world.storages.iter().filter(|s| s.enabled);
        let found: Vec<String> = storages
            .flat_map(|s| world.volumes_on(&self.node, &s.name))
            .filter(|v| v.vmid == Some(self.vmid) && v.content == "images")
            .map(|v| v.volid.clone())
            .collect();
        let mut log = Vec::new();
        for volid in found {
            match world.remove_volume(&self.node, &volid) {
                Ok(lines) => log.extend(lines),
                Err(error) => log.push(error),
            }
        }
        log
    }
}
