//! Moves a container to another node. A running one can't go on running: with `restart` it is shut down, moved and
//! started there.

use serde_json::json;

use super::super::ha;
use super::{Call, check_lock, container, lock_file, need_quorum, power};
use crate::clock;
use crate::state::{World, drive_volume, is_mount};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

pub(super) fn precondition(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = container(&world, call.node(), call.vmid())?;
    let others = world.nodes.iter().filter(|n| n.name != call.node() && n.online);
    let (mut allowed, mut refused) = (Vec::new(), serde_json::Map::new());
    for node in others {
        let lacking: Vec<&str> = storages(guest)
            .filter(|name| world.storage_on(&node.name, name).is_err())
            .collect();
        if lacking.is_empty() {
            allowed.push(node.name.clone());
        } else {
            refused.insert(node.name.clone(), json!({"unavailable_storages": lacking}));
        }
    }
    Ok(Reply::data(json!({
        "running": u8::from(guest.is_running()),
        "allowed-nodes": allowed,
        "not-allowed-nodes": refused,
    })))
}

/// The storages that the container's mount points are on.
fn storages(guest: &crate::state::Guest) -> impl Iterator<Item = &str> {
    let mounts = guest.config.iter().filter(|(key, _)| is_mount(key));
    mounts.filter_map(|(_, value)| drive_volume(value).split_once(':').map(|(storage, _)| storage))
}

/// One order, checked.
struct Order {
    node: String,
    vmid: u32,
    target: String,
    restart: bool,
    timeout: u64,
    /// `target-storage`: which storage stands for which.
    storages: Vec<(Option<String>, String)>,
}

pub(super) fn migrate(call: &Call) -> ApiResult {
    let target = call.text("target").unwrap_or("").to_owned();
    if target == call.node() {
        return Err(ApiError::parameter("target", "target is local node."));
    }
    need_quorum(call)?;
    let (restart, online) = (call.flag("restart"), call.flag("online"));
    {
        let world = call.world();
        if world.node(&target).is_none() {
            return Err(ApiError::internal(format!("no such cluster node '{target}'")));
        }
        let guest = container(&world, call.node(), call.vmid())?;
        if guest.is_running() && !online && !restart {
            let text = "can't migrate running container without --online or --restart";
            return Err(ApiError::internal(text));
        }
    }
    if let Some(reply) = ha::divert(call, &ha::Order::Migrate(target.clone())) {
        return Ok(reply);
    }
    let pairs = call.list("target-storage").into_iter();
    let order = Order {
        node: call.node().to_owned(),
        vmid: call.vmid(),
        target,
        restart,
        timeout: call.number("timeout").unwrap_or(180),
        storages: pairs
            .filter(|pair| pair != "1")
            .map(|pair| match pair.split_once(':') {
                Some((from, to)) => (Some(from.to_owned()), to.to_owned()),
                None => (None, pair),
            })
            .collect(),
    };
    let vmid = order.vmid;
    let start = call.clone();
    Ok(worker::start(
        call,
        &TaskName::of_guest("vzmigrate", vmid),
        move |worker| async move {
            let _lock = lock_file(&worker.sim, vmid).await?;
            let restarts = carry(&worker, &order).await?;
            if restarts {
                tell(&worker, "start container on target node");
                let mut there = start;
                there.params.insert("node".to_owned(), order.target.clone());
                power::launch_start(&there);
            }
            tell(&worker, "migration finished successfully (duration 00:00:01)");
            Ok(())
        },
        move |world| {
            if let Some(guest) = world.guests.get_mut(&vmid)
                && guest.lock() == Some("migrate")
            {
                guest.config.remove("lock");
            }
        },
    ))
}

/// A line of the log with the time.
fn tell(worker: &Worker, line: &str) {
    worker.log(format!("{} {line}", clock::date_time(clock::now())));
}

/// Carries it over; true when it ran.
async fn carry(worker: &Worker, order: &Order) -> Result<bool, String> {
    let (ran, address) = {
        let mut world = worker.world();
        let guest = container(&world, &order.node, order.vmid)?;
        check_lock(guest)?;
        let ran = guest.is_running();
        if ran && !order.restart {
            return Err("lxc live migration is currently not implemented".to_owned());
        }
        let node = world.node(&order.target).filter(|n| n.online);
        let address = node
            .ok_or("migration aborted: target node is not online")?
            .ip
            .clone();
        for name in storages(guest) {
            world.storage_on(&order.target, order.storage_for(name))?;
        }
        if let Some(guest) = world.guests.get_mut(&order.vmid) {
            guest.config.insert("lock".to_owned(), "migrate".to_owned());
        }
        (ran, address)
    };
    if ran {
        tell(worker, &format!("shutdown CT {}", order.vmid));
        if let Some(guest) = worker.world().guests.get_mut(&order.vmid) {
            guest.config.remove("lock");
        }
        power::bring_down(worker, &order.node, order.vmid, order.timeout, true).await?;
    }
    tell(
        worker,
        &format!(
            "starting migration of CT {} to node '{}' ({address})",
            order.vmid, order.target
        ),
    );
    let volumes: Vec<(String, u64)> = {
        let world = worker.world();
        let guest = container(&world, &order.node, order.vmid)?;
        let mounts = guest.config.iter().filter(|(key, _)| is_mount(key));
        let volids = mounts.map(|(_, value)| drive_volume(value).to_owned());
        let local = volids.filter(|v| v.contains(':') && !v.starts_with('/') && !world.is_shared(v));
        local
            .map(|volid| {
                let used = world.volume(&order.node, &volid).map_or(0, |v| v.used);
                (volid, used)
            })
            .collect()
    };
    for (volid, used) in &volumes {
        tell(
            worker,
            &format!("found local volume '{volid}' (in current VM config)"),
        );
        worker.pause(|t| t.full_clone(*used)).await;
    }
    hand_over(&mut worker.world(), order, volumes)?;
    tell(worker, "start final cleanup");
    Ok(ran)
}

/// Volumes and configuration stand on the other node.
fn hand_over(world: &mut World, order: &Order, volumes: Vec<(String, u64)>) -> Result<(), String> {
    for (volid, _) in volumes {
        let Some(mut volume) = world.free_volume(&order.node, &volid) else {
            return Err(format!("volume '{volid}' does not exist"));
        };
        let (from, name) = volid.split_once(':').unwrap_or(("", &volid));
        let new = format!("{}:{name}", order.storage_for(from));
        order.target.clone_into(&mut volume.node);
        volume.volid.clone_from(&new);
        world.add_volume(volume);
        if let Some(guest) = world.guests.get_mut(&order.vmid) {
            for value in guest
                .config
                .values_mut()
                .filter(|value| drive_volume(value) == volid)
            {
                *value = value.replacen(&volid, &new, 1);
            }
        }
    }
    if let Some(guest) = world.guests.get_mut(&order.vmid) {
        order.target.clone_into(&mut guest.node);
        guest.config.remove("lock");
    }
    Ok(())
}

impl Order {
    /// The storage on the target that stands for one of here.
    fn storage_for<'a>(&'a self, name: &'a str) -> &'a str {
        let named = self
            .storages
            .iter()
            .find(|(from, _)| from.as_deref() == Some(name));
        let any = || self.storages.iter().find(|(from, _)| from.is_none());
        named.or_else(any).map_or(name, |(_, to)| to)
    }
}
