//! Clones a guest. The target's number is taken at once, with a configuration of nothing but the lock `clone`; each disk
//! that is copied writes it anew, still locked; the last write takes the lock away. The task carries the source's number.

use uuid::Uuid;

use super::{Call, need_quorum};
use crate::state::{
    Config, Guest, Source, Target, World, drive_volume, is_disk, is_net, set_property, with_mac,
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
    format: Option<String>,
    /// The source's lock file is shared unless it runs.
    exclusive: bool,
    config: Config,
    /// The drives to copy: option, value.
    drives: Vec<(String, String)>,
}

pub(super) fn clone(call: &Call) -> ApiResult {
    need_quorum(call)?;
    let order = check(call)?;
    let target = order.target;
    {
        let mut world = call.world();
        let locked = Config::from([("lock".to_owned(), "clone".to_owned())]);
        world
            .guests
            .insert(target, Guest::new(target, &order.target_node, locked));
    }
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmclone", order.source),
        move |worker| copy(worker, order),
        move |world| {
            world.remove_guest(target);
            world
                .volumes
                .retain(|_, v| v.vmid != Some(target) || v.content != "images");
        },
    ))
}

fn check(call: &Call) -> Result<Order, ApiError> {
    let world = call.world();
    let target: u32 = call.number("newid").unwrap_or(0);
    call.require(&world, &format!("/vms/{target}"), &["VM.Allocate"])?;
    let source = world.guest_on(call.node(), call.vmid())?;
    let target_node = call.text("target").unwrap_or(call.node());
    if world.node(target_node).is_none() {
        return Err(ApiError::internal(format!(
            "no such cluster node '{target_node}'"
        )));
    }
    let storage = call.text("storage");
    if let Some(name) = storage {
        call.require(&world, &format!("/storage/{name}"), &["Datastore.AllocateSpace"])?;
        let found = world.storage(name);
        let found = found.ok_or_else(|| ApiError::internal(format!("storage '{name}' does not exist")))?;
        if !found.allows("images") {
            let text = format!("storage '{name}' does not support vm images");
            return Err(ApiError::parameter("storage", text));
        }
    }
    if let Some(snapshot) = call.text("snapname") {
        return Err(ApiError::internal(format!(
            "snapshot '{snapshot}' does not exist"
        )));
    }
    super::check_lock(source)?;
    if world.guests.contains_key(&target) {
        let text = format!("unable to create VM {target}: config file already exists");
        return Err(ApiError::internal(text));
    }
    let full = call
        .text("full")
        .map_or(!source.is_template(), |full| full == "1");
    if !full && storage.is_some() {
        let text = "parameter 'storage' not allowed for linked clones";
        return Err(ApiError::parameter("storage", text));
    }
    let (config, drives) = new_config(call, source);
    if target_node != call.node() && !drives.is_empty() {
        let text = format!("can't clone VM to node '{target_node}' (VM uses local storage)");
        return Err(ApiError::internal(text));
    }
    if let Some((key, value)) = drives.first().filter(|_| !full && !source.is_template()) {
        let volid = drive_volume(value);
        let text = format!("Linked clone feature is not supported for '{volid}' ({key})");
        return Err(ApiError::internal(text));
    }
    Ok(Order {
        node: call.node().to_owned(),
        source: call.vmid(),
        target,
        target_node: target_node.to_owned(),
        full,
        storage: storage.map(str::to_owned),
        format: call.text("format").map(str::to_owned),
        exclusive: source.is_running(),
        config,
        drives,
    })
}

/// The source's options with an identity of their own; CDs stay, disks are copied.
fn new_config(call: &Call, source: &Guest) -> (Config, Vec<(String, String)>) {
    let mut config = Config::new();
    let mut drives = Vec::new();
    for (key, value) in &source.config {
        let is_cd = value.contains("media=cdrom") && !value.contains("cloudinit");
        if is_disk(key) && !is_cd && drive_volume(value).contains(':') {
            drives.push((key.clone(), value.clone()));
        } else if is_net(key) {
            config.insert(key.clone(), with_mac(value, true));
        } else if !key.starts_with("unused") && !matches!(key.as_str(), "template" | "lock" | "parent") {
            config.insert(key.clone(), value.clone());
        }
    }
    let smbios = config.get("smbios1").map_or("", String::as_str);
    let uuid = Uuid::new_v4().to_string();
    let smbios = if smbios.is_empty() {
        format!("uuid={uuid}")
    } else {
        set_property(smbios, "uuid", Some(&uuid))
    };
    config.insert("smbios1".to_owned(), smbios);
    if config.contains_key("vmgenid") {
        config.insert("vmgenid".to_owned(), Uuid::new_v4().to_string());
    }
    let copied_name = || {
        let of = source
            .option("name")
            .map_or_else(|| source.vmid.to_string(), str::to_owned);
        format!("Copy-of-VM-{of}")
    };
    config.insert(
        "name".to_owned(),
        call.text("name").map_or_else(copied_name, str::to_owned),
    );
    if let Some(description) = call.text("description") {
        config.insert("description".to_owned(), description.to_owned());
    }
    (config, drives)
}

async fn copy(worker: Worker, order: Order) -> Result<(), String> {
    let prefix = |error: String| format!("clone failed: {error}");
    let _target = worker.sim.lock_file(order.target, false).await.map_err(prefix)?;
    let _source = worker
        .sim
        .lock_file(order.source, !order.exclusive)
        .await
        .map_err(prefix)?;
    worker.log(format!(
        "creating a clone of VM {} with ID {}",
        order.source, order.target
    ));
    worker.pause(|t| t.clone_base).await;
    let mut config = order.config.clone();
    for (key, value) in &order.drives {
        let size = {
            let world = worker.world();
            let volid = drive_volume(value);
            let volume = world.volume(&order.node, volid);
            volume
                .map(|v| v.size)
                .ok_or_else(|| format!("clone failed: volume '{volid}' does not exist"))?
        };
        let kind = if order.full { "full" } else { "linked" };
        worker.log(format!(
            "create {kind} clone of drive {key} ({})",
            drive_volume(value)
        ));
        if order.full && !value.contains("cloudinit") {
            worker
                .pause(|t| t.full_clone(size).saturating_sub(t.clone_base))
                .await;
        }
        let mut world = worker.world();
        let copied = copy_drive(&mut world, &order, value, size).map_err(prefix)?;
        config.insert(key.clone(), copied);
        let mut written = config.clone();
        written.insert("lock".to_owned(), "clone".to_owned());
        write(&mut world, order.target, written);
    }
    write(&mut worker.world(), order.target, config);
    Ok(())
}

fn write(world: &mut World, vmid: u32, config: Config) {
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = config;
    }
}

/// The new volume, and the value of the drive with it.
fn copy_drive(world: &mut World, order: &Order, value: &str, size: u64) -> Result<String, String> {
    let source = drive_volume(value);
    let origin = source.split(':').next().unwrap_or("");
    let linked = !order.full && !value.contains("cloudinit");
    let storage = order.storage.as_deref().filter(|_| !linked).unwrap_or(origin);
    let target = Target {
        node: &order.target_node,
        storage,
        vmid: order.target,
        format: order.format.as_deref(),
        what: value.contains("cloudinit").then_some("cloudinit"),
    };
    let made = if linked {
        world.link_volume(&order.target_node, source, order.target)?
    } else if value.contains("cloudinit") {
        world.allocate(&target, size)?
    } else {
        let source = Source {
            node: &order.node,
            volid: source,
            mirrored: None,
        };
        world.copy_volume(&source, &target)?
    };
    Ok(value.replacen(source, &made.volid, 1))
}
