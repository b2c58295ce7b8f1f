//! Clones a guest. The target's number is taken at once, with a configuration of nothing but the lock `clone`; each disk
//! that is copied writes it anew, still locked; the last write takes the lock away. The task carries the source's number.

use uuid::Uuid;

use super::super::{Allow, Endpoint, Run};
use super::copy_disk::DiskCopy;
use super::{Call, need_quorum};
use crate::release::Release;
use crate::state::{
    Config, Feature, Guest, World, drive_property, drive_volume, is_disk, is_net, set_property, with_mac,
};
use crate::verify::{CONFIG_ID, DNS_NAME, Kind, NODE, POOL, STORAGE, TEXT, at_least, may, need};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::post(
    "/nodes/{node}/qemu/{vmid}/clone",
    Allow::Each(&[
        Allow::Any("/vms/{vmid}", &["VM.Clone"]),
        Allow::OneOf(&[
            Allow::Any("/vms/{newid}", &["VM.Allocate"]),
            Allow::IfGiven("pool", &Allow::Any("/pool/{pool}", &["VM.Allocate"])),
        ]),
    ]),
    &[&[
        may("bwlimit", at_least(0)),
        may("description", TEXT),
        may("format", Kind::Enum(&["raw", "qcow2", "vmdk"])),
        may("full", Kind::Boolean),
        may("name", DNS_NAME),
        need("newid", Kind::Vmid),
        may("pool", POOL),
        may("snapname", CONFIG_ID),
        may("storage", STORAGE),
        may("target", NODE),
    ]],
    Run::Now(clone),
)];

/// One order, checked.
struct Order {
    node: String,
    source: u32,
    target: u32,
    /// The other node on which the clone is to stand at last.
    target_node: Option<String>,
    running: bool,
    pool: Option<String>,
    /// Changes that the clone won't have.
    pending: Vec<String>,
    config: Config,
    drives: Vec<DiskCopy>,
}

fn clone(call: &Call) -> ApiResult {
    let order = check(call)?;
    let target = order.target;
    {
        let mut world = call.world();
        let locked = Config::from([("lock".to_owned(), "clone".to_owned())]);
        world
            .guests
            .insert(target, Guest::new(target, &order.node, locked));
    }
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmclone", order.source),
        move |worker| copy(worker, order),
        move |world| {
            world.remove_guest(target);
        },
    ))
}

/// In the order of `PVE::API2::Qemu::clone_vm`.
fn check(call: &Call) -> Result<Order, ApiError> {
    let world = call.world();
    let target: u32 = call.number("newid").unwrap_or(0);
    if let Some(pool) = call
        .text("pool")
        .filter(|pool| world.access.pools.get(pool).is_none())
    {
        let text = format!("Permission check failed (pool '{pool}' does not exist)");
        return Err(ApiError::new(403, text));
    }
    let target_node = call
        .text("target")
        .filter(|n| *n != call.node() && *n != "localhost");
    if let Some(node) = target_node.filter(|n| world.node(n).is_none()) {
        return Err(ApiError::internal(format!("no such cluster node '{node}'")));
    }
    let storage = call.text("storage");
    if let Some(name) = storage {
        let found = world.storage_on(call.node(), name)?;
        if let Some(node) = target_node {
            world.storage_on(node, name)?;
        }
        if target_node.is_some() && !found.shared {
            return Err(ApiError::internal(format!(
                "can't clone to non-shared storage '{name}'"
            )));
        }
    }
    drop(world);
    need_quorum(call)?;
    let world = call.world();
    let source = world.guest_on(call.node(), call.vmid())?;
    super::check_lock(source)?;
    let snapshot = call.text("snapname");
    let old = match snapshot {
        None => &source.config,
        Some(name) => source
            .snapshots
            .get(name)
            .ok_or_else(|| ApiError::internal(format!("snapshot '{name}' does not exist")))?,
    };
    let full = call
        .text("full")
        .map_or(!source.is_template(), |full| full == "1");
    for parameter in ["storage", "format"] {
        if !full && call.text(parameter).is_some() {
            let text = format!("parameter '{parameter}' not allowed for linked clones");
            return Err(ApiError::internal(text));
        }
    }
    let shared = check_access(&world, call, old)?;
    if let Some(node) = target_node.filter(|_| !shared) {
        let text = format!("can't clone VM to node '{node}' (VM uses local storage)");
        return Err(ApiError::internal(text));
    }
    if world.guests.contains_key(&target) {
        let text = format!("unable to create VM {target}: config file already exists");
        return Err(ApiError::internal(text));
    }
    let drives = drives(&world, call, source, old, full)?;
    Ok(Order {
        node: call.node().to_owned(),
        source: call.vmid(),
        target,
        target_node: target_node.map(str::to_owned),
        running: source.is_running(),
        pool: call.text("pool").map(str::to_owned),
        pending: source.pending.keys().cloned().collect(),
        config: new_config(call, source.vmid, old),
        drives,
    })
}

/// Whether all volumes are on shared storages; 403 unless the caller may put the copies where they go and plug them
/// where the source is plugged.
fn check_access(world: &World, call: &Call, config: &Config) -> Result<bool, ApiError> {
    let mut shared = true;
    for (key, value) in config.iter().filter(|(key, _)| is_disk(key)) {
        let Some((storage, _)) = drive_volume(value).split_once(':') else {
            continue;
        };
        shared &= world.storage(storage).is_some_and(|s| s.shared);
        if !is_cd(value) && !key.starts_with("unused") {
            let goes_to = call.text("storage").unwrap_or(storage);
            call.require(
                world,
                &format!("/storage/{goes_to}"),
                &["Datastore.AllocateSpace"],
            )?;
        }
    }
    if world.release >= Release::V8_4 {
        for (_, card) in config.iter().filter(|(key, _)| is_net(key)) {
            let Some(bridge) = drive_property(card, "bridge") else {
                continue;
            };
            let tag = drive_property(card, "tag")
                .map(|tag| format!("/{tag}"))
                .unwrap_or_default();
            call.require(
                world,
                &format!("/sdn/zones/localnetwork/{bridge}{tag}"),
                &["SDN.Use"],
            )?;
        }
    }
    Ok(shared)
}

/// A CD that isn't cloud-init's.
fn is_cd(value: &str) -> bool {
    value.contains("media=cdrom") && !value.contains("cloudinit")
}

/// The drives to copy, if their storages can.
fn drives(
    world: &World,
    call: &Call,
    source: &Guest,
    config: &Config,
    full: bool,
) -> Result<Vec<DiskCopy>, ApiError> {
    let mut copies = Vec::new();
    let in_snapshot = call.text("snapname").is_some();
    for (key, value) in config.iter().filter(|(key, value)| is_disk(key) && !is_cd(value)) {
        let volid = drive_volume(value);
        if !volid.contains(':') {
            continue;
        }
        if full && source.is_running() && !in_snapshot && key == "tpmstate0" {
            return Err(ApiError::internal("cannot clone TPM state while VM is running"));
        }
        let (feature, kind) = if full || value.contains("cloudinit") {
            (Feature::Copy, "Full")
        } else {
            (Feature::Clone, "Linked")
        };
        if !world.has_feature(feature, volid, in_snapshot && !value.contains("cloudinit")) {
            let text = format!("{kind} clone feature is not supported for '{volid}' ({key})");
            return Err(ApiError::internal(text));
        }
        copies.push(DiskCopy {
            node: call.node().to_owned(),
            drive: key.clone(),
            value: value.clone(),
            vmid: call.number("newid").unwrap_or(0),
            storage: call.text("storage").map(str::to_owned),
            format: call.text("format").map(str::to_owned),
            full,
            mirrored: source.is_running() && !in_snapshot,
            bandwidth: call.number("bwlimit"),
        });
    }
    Ok(copies)
}

/// What says of a snapshot itself, or of the original alone.
const NOT_COPIED: &[&str] = &[
    "lock",
    "parent",
    "running-nets-host-mtu",
    "runningcpu",
    "runningmachine",
    "snapstate",
    "snaptime",
    "template",
    "vmstate",
];

/// The source's options with an identity of their own; CDs stay, disks come when they are copied.
fn new_config(call: &Call, vmid: u32, old: &Config) -> Config {
    let mut config = Config::new();
    for (key, value) in old {
        let drive =
            (is_disk(key) && !is_cd(value) && drive_volume(value).contains(':')) || key.starts_with("unused");
        if is_net(key) {
            config.insert(key.clone(), with_mac(call.release(), value, true));
        } else if !drive && !NOT_COPIED.contains(&key.as_str()) {
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
        let of = old.get("name").map_or_else(|| vmid.to_string(), Clone::clone);
        format!("Copy-of-VM-{of}")
    };
    config.insert(
        "name".to_owned(),
        call.text("name").map_or_else(copied_name, str::to_owned),
    );
    if let Some(description) = call.text("description").filter(|d| !d.is_empty()) {
        config.insert("description".to_owned(), description.to_owned());
    }
    config
}

async fn copy(worker: Worker, order: Order) -> Result<(), String> {
    // The source's lock file is shared unless it runs.
    let _source = worker.sim.lock_file(order.source, !order.running).await?;
    let _target = worker.sim.lock_file(order.target, false).await?;
    fill(&worker, order)
        .await
        .map_err(|error| format!("clone failed: {error}"))
}

async fn fill(worker: &Worker, order: Order) -> Result<(), String> {
    if worker.sim.release >= Release::V9_2 {
        worker.log(format!(
            "creating a clone of VM {} with ID {}",
            order.source, order.target
        ));
    }
    worker.pause(|t| t.clone_base).await;
    let mut config = order.config;
    for drive in &order.drives {
        let value = drive.run(worker).await?;
        config.insert(drive.drive.clone(), value);
        let mut written = config.clone();
        written.insert("lock".to_owned(), "clone".to_owned());
        write(&mut worker.world(), order.target, written);
    }
    let mut world = worker.world();
    if !order.pending.is_empty() {
        let line = format!(
            "found pending changes for '{}', discarding for clone",
            order.pending.join(",")
        );
        world.tasks.log(&worker.upid, line);
    }
    write(&mut world, order.target, config);
    world.clone_firewall(order.source, order.target);
    if let (Some(node), Some(guest)) = (order.target_node, world.guests.get_mut(&order.target)) {
        guest.node = node;
    }
    if let Some(pool) = order.pool {
        world.access.pools.add_guest(order.target, &pool);
    }
    drop(world);
    Ok(())
}

fn write(world: &mut World, vmid: u32, config: Config) {
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = config;
    }
}
