//! Makes a virtual machine out of a backup: its configuration, its disks anew, and what was given with the call.

use uuid::Uuid;

use super::super::storage::check_volume_access;
use super::start::Starter;
use super::values::stored;
use super::{Call, need_quorum};
use crate::release::Release;
use crate::state::{
    Archive, Config, Guest, GuestKind, Target, World, drive_property, drive_volume, is_disk, is_net,
    parse_size, set_property, with_mac,
};
use crate::verify::option_is_known;
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

/// One order, checked.
struct Order {
    node: String,
    vmid: u32,
    archive: String,
    storage: Option<String>,
    unique: bool,
    options: Config,
}

pub(super) fn restore(call: &Call) -> ApiResult {
    let order = check(call)?;
    need_quorum(call)?;
    let (vmid, force) = (order.vmid, call.flag("force"));
    let pool = call.text("pool").map(str::to_owned);
    let replaces = {
        let mut world = call.world();
        let old = world.guests.get(&vmid).cloned();
        if let Some(old) = &old {
            refuse(old, &order, force)?;
        }
        let replaces = old.is_some();
        let mut guest = old.unwrap_or_else(|| Guest::new(vmid, &order.node, Config::new()));
        guest.config.insert("lock".to_owned(), "create".to_owned());
        world.guests.insert(vmid, guest);
        replaces
    };
    let start = call.flag("start").then(|| Starter::of(call));
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmrestore", vmid),
        move |worker| async move {
            fill(&worker, &order).await?;
            if let Some(pool) = pool {
                worker.world().access.pools.add_guest(vmid, &pool);
            }
            if let Some(start) = start {
                start.go();
            }
            Ok(())
        },
        move |world| {
            if let Some(guest) = world.guests.get_mut(&vmid).filter(|_| replaces) {
                guest.config.remove("lock");
            }
        },
    ))
}

fn refuse(old: &Guest, order: &Order, force: bool) -> Result<(), ApiError> {
    let (vmid, title) = (order.vmid, old.kind.title());
    let because = if !force || old.kind != GuestKind::Qemu || old.node != order.node {
        format!("{title} {vmid} already exists on node '{}'", old.node)
    } else if old.option("protection") == Some("1") {
        "protection mode enabled".to_owned()
    } else if old.is_running() {
        "vm is running".to_owned()
    } else if let Some(lock) = old.lock() {
        format!("VM is locked ({lock})")
    } else {
        return Ok(());
    };
    Err(ApiError::internal(format!(
        "unable to restore VM {vmid} - {because}"
    )))
}

fn check(call: &Call) -> Result<Order, ApiError> {
    let world = call.world();
    let (node, vmid) = (call.node(), call.vmid());
    let archive = call.text("archive").unwrap_or("").to_owned();
    let storage = call.text("storage");
    if let Some(name) = storage {
        call.require(&world, &format!("/storage/{name}"), &["Datastore.AllocateSpace"])?;
    }
    let path = format!("/vms/{vmid}");
    let own = world.found(GuestKind::Qemu, node, vmid).is_ok();
    let pool = call.text("pool");
    if let Some(pool) = pool.filter(|pool| world.access.pools.get(pool).is_none()) {
        let text = format!("Permission check failed (pool '{pool}' does not exist)");
        return Err(ApiError::new(403, text));
    }
    let in_pool = |pool: &str| {
        let path = format!("/pool/{pool}");
        world.access.any(&call.caller, &path, &["VM.Allocate"])
    };
    let may = world.access.any(&call.caller, &path, &["VM.Allocate"])
        || pool.is_some_and(in_pool)
        || (own && call.flag("force") && world.access.any(&call.caller, &path, &["VM.Backup"]));
    if !may {
        return Err(ApiError::new(403, "Permission check failed"));
    }
    let options = call.params.iter().filter(|(key, _)| option_is_known(key));
    let options: Config = options.map(|(k, v)| (k.clone(), v.clone())).collect();
    if let Some(drive) = options.keys().find(|key| is_disk(key)) {
        let text = "option conflicts with option 'archive'";
        return Err(ApiError::parameter(drive, text));
    }
    if archive == "-" {
        return Err(ApiError::internal("pipe requires cli environment"));
    }
    check_volume_access(call, &world, Some(vmid), &archive, Some("backup"))?;
    if let Some(name) = storage {
        world.storage_on(node, name)?;
    }
    Ok(Order {
        node: node.to_owned(),
        vmid,
        archive,
        storage: storage.map(str::to_owned),
        unique: call.flag("unique"),
        options,
    })
}

async fn fill(worker: &Worker, order: &Order) -> Result<(), String> {
    let _lock = worker.sim.lock_file(order.vmid, false).await?;
    let path = worker.world().path_of(&order.archive);
    let volume = worker.world().volume(&order.node, &order.archive).cloned();
    let volume = volume.ok_or_else(|| format!("volume '{}' does not exist", order.archive))?;
    let archive = volume.archive.ok_or_else(|| format!("unable to read '{path}'"))?;
    if archive.kind != GuestKind::Qemu {
        return Err(refuse_container(worker, order, &archive, &path));
    }
    worker.log(format!(
        "restore vma archive: vma extract -v -r /var/tmp/vzdumptmp.fifo {path} /var/tmp/vzdumptmp"
    ));
    worker.pause(|t| t.backup(archive.content)).await;
    let mut world = worker.world();
    let made = make_disks(&mut world, worker, order, &archive)?;
    free_replaced(&mut world, order);
    let mut config = identity(world.release, &archive.config, order.unique);
    config.extend(made);
    for (key, value) in &order.options {
        match stored(world.release, key, value) {
            Some(value) => config.insert(key.clone(), value),
            None => config.remove(key),
        };
    }
    if let Some(guest) = world.guests.get_mut(&order.vmid) {
        guest.config = config;
        guest.pending.clear();
        guest.snapshots.clear();
    }
    world.tasks.log(&worker.upid, "rescan volumes...");
    drop(world);
    Ok(())
}

/// Proxmox finds out late that it isn't a machine's: when it has read the configuration.
fn refuse_container(worker: &Worker, order: &Order, archive: &Archive, path: &str) -> String {
    let vmid = order.vmid;
    for key in archive.config.keys().filter(|key| !option_is_known(key)) {
        worker.log(format!(
            "vm {vmid} - unable to parse value of '{key}' - unknown setting '{key}'"
        ));
    }
    worker.log(format!(
        "error before or during data restore, some or all disks were not completely restored. VM {vmid} state is \
         NOT cleaned up."
    ));
    format!("ERROR: file '{path}' does not look like a QemuServer vzdump backup")
}

/// The disks of the backup, empty, and their options.
fn make_disks(
    world: &mut World,
    worker: &Worker,
    order: &Order,
    archive: &Archive,
) -> Result<Config, String> {
    let mut made = Config::new();
    let drives = archive.config.iter().filter(|(key, value)| {
        is_disk(key) && drive_volume(value).contains(':') && !value.contains("media=cdrom")
    });
    for (key, value) in drives {
        let old = drive_volume(value);
        let own = old.split(':').next().unwrap_or("");
        let target = Target {
            node: &order.node,
            storage: order.storage.as_deref().unwrap_or(own),
            vmid: order.vmid,
            format: None,
            what: None,
        };
        let size = drive_property(value, "size").and_then(parse_size).unwrap_or(0);
        let disk = world.allocate(&target, size);
        let disk = match disk {
            Ok(disk) => disk,
            Err(error) => {
                for value in made.values() {
                    world.free_volume(&order.node, drive_volume(value));
                }
                return Err(error);
            }
        };
        for line in disk.log {
            world.tasks.log(&worker.upid, line);
        }
        let line = format!("new volume ID is '{}'", disk.volid);
        world.tasks.log(&worker.upid, line);
        if let Some(volume) = world.volume_mut(&order.node, &disk.volid) {
            volume.used = volume.used.max(size / 4);
        }
        made.insert(key.clone(), value.replacen(old, &disk.volid, 1));
    }
    Ok(made)
}

/// The configuration with what a restored machine gets anew: the generation id always, addresses and the UUID if it
/// is to be unique.
fn identity(release: Release, backed_up: &Config, unique: bool) -> Config {
    let mut config = backed_up.clone();
    config.retain(|key, _| !key.starts_with("unused") && key != "template");
    if config.contains_key("vmgenid") {
        config.insert("vmgenid".to_owned(), Uuid::new_v4().to_string());
    }
    if unique {
        for (key, value) in &mut config {
            if is_net(key) {
                *value = with_mac(release, value, true);
            } else if key == "smbios1" {
                *value = set_property(value, "uuid", Some(&Uuid::new_v4().to_string()));
            }
        }
    }
    config
}

/// The disks of the machine that the restored one replaces.
fn free_replaced(world: &mut World, order: &Order) {
    let Some(guest) = world.guests.get(&order.vmid) else {
        return;
    };
    let owned: Vec<String> = guest
        .volumes()
        .map(|(_, volid)| volid.to_owned())
        .filter(|volid| {
            world
                .volume(&order.node, volid)
                .is_some_and(|v| v.vmid == Some(order.vmid))
        })
        .collect();
    for volid in owned {
        world.free_volume(&order.node, &volid);
    }
}
