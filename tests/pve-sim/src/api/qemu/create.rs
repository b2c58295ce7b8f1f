//! Makes a guest: the number is taken at once, with a configuration of nothing but a lock; the rest is a task.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::super::{Allow, Call, Endpoint, Run, ha};
use super::change::print_boot_order;
use super::drives::{self, Made, Owner};
use super::start::Starter;
use super::values::{check_keys, stored};
use super::{need_quorum, restore, rights};
use crate::clock;
use crate::release::Release;
use crate::state::{Config, Guest, GuestKind, QEMU_VERSION, drive_property, drive_volume, is_disk, is_net};
use crate::verify::{
    CLOUD_INIT_OPTIONS, DEVICE_OPTIONS, DRIVE_OPTIONS, GENERAL_OPTIONS, HARDWARE_OPTIONS, Kind, POOL, Param,
    STORAGE, at_least, may, need, option_is_known,
};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::post(
    "/nodes/{node}/qemu",
    Allow::Everyone,
    &[
        GENERAL_OPTIONS,
        HARDWARE_OPTIONS,
        DEVICE_OPTIONS,
        DRIVE_OPTIONS,
        CLOUD_INIT_OPTIONS,
        OWN,
    ],
    Run::Now(create),
)];

const OWN: &[Param] = &[
    need("vmid", Kind::Vmid),
    may("archive", Kind::Text(255)),
    may("bwlimit", at_least(0)),
    may("force", Kind::Boolean).requires("archive"),
    may("ha-managed", Kind::Boolean).from(Release::V9_2),
    may("import-working-storage", STORAGE).from(Release::V8_4),
    may("live-restore", Kind::Boolean)
        .requires("archive")
        .until(Release::V7_4),
    may("live-restore", Kind::Boolean).from(Release::V8_4),
    may("pool", POOL),
    may("start", Kind::Boolean),
    may("storage", STORAGE),
    may("unique", Kind::Boolean).requires("archive"),
];

fn create(call: &Call) -> ApiResult {
    if call.text("archive").is_some() {
        return restore::restore(call);
    }
    let vmid = call.vmid();
    let mut options: Config = call
        .params
        .iter()
        .filter(|(key, _)| option_is_known(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    check_keys(&options)?;
    need_quorum(call)?;
    check_number(call, vmid)?;
    drives::resolve_cdrom(&mut options);
    let node = call.node().to_owned();
    {
        let mut world = call.world();
        for (key, value) in options.iter().filter(|(key, _)| is_disk(key)) {
            drives::check(&world, call, key, value)?;
        }
        rights::check(call, &world, &options, &[], &Config::new())?;
        rights::check_bridges(call, &world, &options)?;
        if let Some(other) = world.guests.get(&vmid) {
            let text = format!(
                "unable to create VM {vmid} - {} {vmid} already exists on node '{}'",
                other.kind.title(),
                other.node
            );
            return Err(ApiError::internal(text));
        }
        let locked = Config::from([("lock".to_owned(), "create".to_owned())]);
        world.guests.insert(vmid, Guest::new(vmid, &node, locked));
    }
    let start = call.flag("start").then(|| Starter::of(call));
    let release = call.release();
    let pool = call.text("pool").map(str::to_owned);
    let managed = call.flag("ha-managed");
    Ok(worker::start(
        call,
        &TaskName::of_guest("qmcreate", vmid),
        move |worker| async move {
            let filled = fill(&worker, release, &node, vmid, options).await;
            filled.map_err(|error| format!("unable to create VM {vmid} - {error}"))?;
            if let Some(pool) = pool {
                worker.world().access.pools.add_guest(vmid, &pool);
            }
            if managed {
                ha::manage(&worker, GuestKind::Qemu, vmid, start.is_some());
            }
            if let Some(start) = start {
                worker.log("Execute autostart");
                start.go();
            }
            Ok(())
        },
        move |world| {
            world.remove_guest(vmid);
        },
    ))
}

/// 403 without a path when the number may not be taken.
fn check_number(call: &Call, vmid: u32) -> Result<(), ApiError> {
    check_pool(call)?;
    let world = call.world();
    if let Some(storage) = call.text("storage") {
        call.require(
            &world,
            &format!("/storage/{storage}"),
            &["Datastore.AllocateSpace"],
        )?;
    }
    let may = |path: String| world.access.any(&call.caller, &path, &["VM.Allocate"]);
    let in_pool = || call.text("pool").is_some_and(|pool| may(format!("/pool/{pool}")));
    if may(format!("/vms/{vmid}")) || in_pool() {
        Ok(())
    } else {
        Err(ApiError::new(403, "Permission check failed"))
    }
}

fn check_pool(call: &Call) -> Result<(), ApiError> {
    let world = call.world();
    match call
        .text("pool")
        .filter(|pool| world.access.pools.get(pool).is_none())
    {
        None => Ok(()),
        Some(pool) => {
            let text = format!("Permission check failed (pool '{pool}' does not exist)");
            Err(ApiError::new(403, text))
        }
    }
}

async fn fill(
    worker: &Worker,
    release: Release,
    node: &str,
    vmid: u32,
    mut options: Config,
) -> Result<(), String> {
    let _lock = worker.lock_file(vmid, false).await?;
    worker.pause(|t| t.create).await;
    let drives: BTreeMap<String, String> = options.extract_if(.., |key, _| is_disk(key)).collect();
    let mut config: Config = options
        .into_iter()
        .filter_map(|(key, value)| {
            // Before 9 the tags of a new guest stay as they came.
            let raw = key == "tags" && release < Release::V9_2;
            let value = if raw {
                Some(value)
            } else {
                stored(release, &key, &value)
            };
            Some((key, value?))
        })
        .collect();
    for storage in drives.values().filter_map(|value| new_on(value)) {
        worker.storage_lock(node, storage).await?;
    }
    let mut world = worker.world();
    let owner = Owner {
        node,
        vmid,
        config: &config,
    };
    let Made { values, log, .. } = drives::make(&mut world, &owner, &drives)?;
    for line in log {
        world.tasks.log(&worker.upid, line);
    }
    config.extend(values);
    complete(&mut config);
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = config;
    }
    drop(world);
    Ok(())
}

/// The storage on which a drive's value wants a new volume.
fn new_on(value: &str) -> Option<&str> {
    let (storage, what) = drive_volume(value).split_once(':')?;
    (what == "cloudinit" || what.parse::<f64>().is_ok()).then_some(storage)
}

/// Adds what every new guest has and the order didn't say.
fn complete(config: &mut Config) {
    if !config.contains_key("boot") {
        config.insert("boot".to_owned(), boot_order(config));
    }
    config
        .entry("smbios1".to_owned())
        .or_insert_with(|| format!("uuid={}", Uuid::new_v4()));
    if !config.contains_key("vmgenid") && config.get("arch").is_none_or(|arch| arch != "aarch64") {
        config.insert("vmgenid".to_owned(), Uuid::new_v4().to_string());
    }
    let meta = format!("creation-qemu={QEMU_VERSION},ctime={}", clock::now());
    config.insert("meta".to_owned(), meta);
    // Windows takes another version of its board for another computer.
    let is_windows = config.get("ostype").is_some_and(|os| os.starts_with('w'));
    let machine = config.get("machine").map_or("pc", String::as_str);
    if is_windows && matches!(machine, "pc" | "q35") {
        let board = if machine == "q35" { "q35" } else { "i440fx" };
        let (version, _) = QEMU_VERSION.rsplit_once('.').unwrap_or((QEMU_VERSION, ""));
        config.insert("machine".to_owned(), format!("pc-{board}-{version}"));
    }
}

/// The first disk, the first CD and the first card (`get_default_bootdevices`).
fn boot_order(options: &Config) -> String {
    let buses = ["ide", "scsi", "virtio", "sata"];
    let is_cd = |key: &&String| {
        let value = options.get(*key);
        value.is_some_and(|v| drive_property(v, "media") == Some("cdrom"))
    };
    let drives = || {
        buses.iter().flat_map(|bus| {
            options
                .keys()
                .filter(move |key| key.starts_with(bus) && is_disk(key))
        })
    };
    let disk = drives().find(|key| !is_cd(key));
    let cd = drives().find(is_cd);
    let card = options.keys().find(|key| is_net(key));
    let devices: Vec<&str> = [disk, cd, card]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    print_boot_order(&devices)
}
