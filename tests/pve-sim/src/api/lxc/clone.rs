//! Clones a container. A full clone copies file by file, which needs it to stand still; a linked one needs storages
//! that have bases or snapshots, and is what is asked for when the call says nothing.

use super::{Call, check_lock, container, lock_file, mounts, need_pool, need_quorum};
use crate::state::{
    Config, Guest, GuestKind, World, drive_property, drive_volume, is_mount, is_net, parse_size,
    with_new_address,
};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

/// One order, checked.
struct Order {
    node: String,
    source: u32,
    target: u32,
    target_node: String,
    full: bool,
    storage: Option<String>,
    config: Config,
    /// The mount points to copy: option, value.
    mounts: Vec<(String, String)>,
}

pub(super) async fn clone(call: Call) -> ApiResult {
    need_quorum(&call)?;
    let _lock = lock_file(&call.sim, call.vmid()).await?;
    let order = check(&call)?;
    let (source, target) = (order.source, order.target);
    {
        let mut world = call.world();
        let locked = Config::from([("lock".to_owned(), "create".to_owned())]);
        let mut guest = Guest::new(target, &order.target_node, locked);
        guest.kind = GuestKind::Lxc;
        world.guests.insert(target, guest);
        if let Some(guest) = world.guests.get_mut(&source) {
            guest.config.insert("lock".to_owned(), "disk".to_owned());
        }
    }
    let pool = call.text("pool").map(str::to_owned);
    Ok(worker::start(
        &call,
        &TaskName::of_guest("vzclone", source),
        move |worker| async move {
            let done = copy(&worker, &order).await;
            unlock(&mut worker.world(), source);
            done.map_err(|error| format!("clone failed: {error}"))?;
            if let Some(pool) = pool {
                worker.world().access.pools.add_guest(target, &pool);
            }
            Ok(())
        },
        move |world| {
            unlock(world, source);
            world.remove_guest(target);
            // Backups of a guest that had the number before are not this one's.
            let is_disk = |content: &str| content == "images" || content == "rootdir";
            world
                .volumes
                .retain(|_, v| v.vmid != Some(target) || !is_disk(&v.content));
        },
    ))
}

fn unlock(world: &mut World, vmid: u32) {
    if let Some(guest) = world.guests.get_mut(&vmid)
        && guest.lock() == Some("disk")
    {
        guest.config.remove("lock");
    }
}

fn check(call: &Call) -> Result<Order, ApiError> {
    let world = call.world();
    let target: u32 = call.number("newid").unwrap_or(0);
    if let Some(pool) = call.text("pool") {
        need_pool(&world, pool)?;
    }
    let source = container(&world, call.node(), call.vmid())?;
    check_lock(source)?;
    let target_node = call.text("target").unwrap_or(call.node());
    if world.node(target_node).is_none() {
        return Err(ApiError::internal(format!(
            "no such cluster node '{target_node}'"
        )));
    }
    let full = call.flag("full");
    let storage = call.text("storage");
    if let (Some(_), false) = (storage, full) {
        return Err(ApiError::internal(
            "parameter 'storage' not allowed for linked clones",
        ));
    }
    let options = match call.text("snapname") {
        Some(name) => {
            let section = source.snapshots.get(name);
            section.ok_or_else(|| format!("snapshot '{name}' does not exist"))?
        }
        None => &source.config,
    };
    let taken = format!("unable to create CT {target}: config file already exists");
    if world.guests.contains_key(&target) {
        return Err(ApiError::internal(taken));
    }
    let (mut config, mut mounts) = (Config::new(), Vec::new());
    for (key, value) in options {
        let volid = drive_volume(value);
        if is_mount(key) {
            if !volid.contains(':') || volid.starts_with('/') {
                return Err(ApiError::internal(format!(
                    "unable to clone mountpoint '{key}' (type bind)"
                )));
            }
            check_mount(call, &world, source, key, volid)?;
            mounts.push((key.clone(), value.clone()));
        } else if is_net(key) {
            config.insert(key.clone(), with_new_address(key, value));
        } else if !key.starts_with("unused") && !LEFT.contains(&key.as_str()) {
            config.insert(key.clone(), value.clone());
        }
    }
    if target_node != call.node()
        && mounts
            .iter()
            .any(|(_, value)| !world.is_shared(drive_volume(value)))
    {
        let text = format!("can't clone CT to node '{target_node}' (CT uses local storage)");
        return Err(ApiError::internal(text));
    }
    for key in ["hostname", "description"] {
        if let Some(value) = call.text(key) {
            config.insert(key.to_owned(), value.to_owned());
        }
    }
    // The root file system first, whatever its name's place.
    mounts.sort_by_key(|(key, _)| (key != "rootfs", key.clone()));
    Ok(Order {
        node: call.node().to_owned(),
        source: call.vmid(),
        target,
        target_node: target_node.to_owned(),
        full,
        storage: storage.map(str::to_owned),
        config,
        mounts,
    })
}

/// What a clone hasn't of its source.
const LEFT: &[&str] = &["lock", "parent", "snapstate", "snaptime", "template"];

fn check_mount(call: &Call, world: &World, source: &Guest, key: &str, volid: &str) -> Result<(), ApiError> {
    let own = volid.split(':').next().unwrap_or("");
    let storage = call.text("storage").unwrap_or(own);
    mounts::check_storage(call, world, storage)?;
    let snapshot = call.text("snapname").is_some();
    if call.flag("full") {
        if source.is_running() && !snapshot {
            let text = "Cannot do full clones on a running container without snapshots";
            return Err(ApiError::internal(text));
        }
        return Ok(());
    }
    let is_base = crate::state::VolumeName::parse(volid).is_some_and(|name| name.is_base());
    if is_base || (snapshot && key == "rootfs" && world.has_snapshots(call.node(), volid)) {
        Ok(())
    } else {
        let text = format!("Linked clone feature for '{volid}' is not available");
        Err(ApiError::internal(text))
    }
}

async fn copy(worker: &Worker, order: &Order) -> Result<(), String> {
    let _lock = lock_file(&worker.sim, order.target).await?;
    worker.log(format!(
        "creating a clone of container {} with ID {}",
        order.source, order.target
    ));
    worker.pause(|t| t.clone_base).await;
    let mut config = order.config.clone();
    for (key, value) in &order.mounts {
        let volid = drive_volume(value);
        let kind = if order.full { "full" } else { "linked" };
        worker.log(format!("create {kind} clone of mountpoint {key} ({volid})"));
        let source = worker.world().volume(&order.node, volid).cloned();
        let source = source.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
        if order.full {
            worker
                .pause(|t| t.full_clone(source.used).saturating_sub(t.clone_base))
                .await;
        }
        let storage = order.storage.as_deref().filter(|_| order.full);
        let storage = storage.unwrap_or(source.storage());
        worker.storage_lock(&order.target_node, storage).await?;
        let mut world = worker.world();
        let (new, log) = if order.full {
            let size = drive_property(value, "size").and_then(parse_size).unwrap_or(0);
            let (new, mut log) =
                mounts::allocate(&mut world, &order.target_node, storage, order.target, size)?;
            if let Some(copy) = world.volume_mut(&order.target_node, &new) {
                copy.used = source.used;
            }
            log.extend(statistics(source.used));
            (new, log)
        } else {
            let made = world.link_volume(&order.node, volid, order.target)?;
            (made.volid, made.log)
        };
        for line in log {
            world.tasks.log(&worker.upid, line);
        }
        config.insert(key.clone(), value.replacen(volid, &new, 1));
    }
    if let Some(guest) = worker.world().guests.get_mut(&order.target) {
        guest.config = config;
    }
    Ok(())
}

/// What `rsync --stats` prints.
pub(super) fn statistics(bytes: u64) -> Vec<String> {
    vec![
        format!("Total file size: {bytes} bytes"),
        format!("Total transferred file size: {bytes} bytes"),
        format!("total size is {bytes}  speedup is 1.00"),
    ]
}
