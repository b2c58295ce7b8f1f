//! Makes a container out of a template: the number is taken at once, with a configuration of nothing but a lock; the
//! rest is a task. Restoring a backup is the same call.

use super::super::ha;
use super::super::storage::check_volume_access;
use super::{
    Call, check_protection, config, lock_file, mounts, need_pool, need_quorum, power, restore, rights,
};
use crate::state::{Config, Guest, GuestKind, World, binary_size, is_mount, stored_option};
use crate::wire::{ApiError, ApiResult};
use crate::worker::{self, TaskName, Worker};

/// One order, checked.
pub(super) struct Order {
    pub(super) node: String,
    pub(super) vmid: u32,
    /// The template or the backup.
    pub(super) archive: String,
    pub(super) restore: bool,
    pub(super) unique: bool,
    pub(super) force: bool,
    /// Options but for mount points, as given.
    pub(super) options: Config,
    /// The mount points that were asked for.
    pub(super) mounts: Config,
    /// Where they go, and those that aren't asked for.
    pub(super) storage: String,
    pool: Option<String>,
}

pub(super) fn create(call: &Call) -> ApiResult {
    need_quorum(call)?;
    let order = check(call)?;
    let (vmid, node, force) = (order.vmid, order.node.clone(), order.force);
    let replaced = {
        let mut world = call.world();
        let old = world.guests.get(&vmid).filter(|_| force).cloned();
        let mut guest = old
            .clone()
            .unwrap_or_else(|| Guest::new(vmid, &node, Config::new()));
        guest.kind = GuestKind::Lxc;
        guest.config.insert("lock".to_owned(), "create".to_owned());
        world.guests.insert(vmid, guest);
        old.is_some()
    };
    let kind = if order.restore { "vzrestore" } else { "vzcreate" };
    let start = call.flag("start").then(|| call.clone());
    let managed = call.flag("ha-managed");
    Ok(worker::start(
        call,
        &TaskName::of_guest(kind, vmid),
        move |worker| async move {
            let what = if order.restore { "restore" } else { "create" };
            let made = if order.restore {
                restore::restore(&worker, &order).await
            } else {
                fill(&worker, &order).await
            };
            made.map_err(|error| format!("unable to {what} CT {vmid} - {error}"))?;
            if managed {
                ha::manage(&worker, GuestKind::Lxc, vmid, start.is_some());
            }
            if let Some(call) = start {
                power::launch_start(&call);
            }
            Ok(())
        },
        move |world| {
            if replaced {
                if let Some(guest) = world.guests.get_mut(&vmid) {
                    guest.config.remove("lock");
                }
            } else {
                world.remove_guest(vmid);
            }
        },
    ))
}

fn check(call: &Call) -> Result<Order, ApiError> {
    let world = call.world();
    let (node, vmid) = (call.node(), call.vmid());
    let (restore, force) = (call.flag("restore"), call.flag("force"));
    let same = world.found(GuestKind::Lxc, node, vmid).ok();
    match (same, world.guests.get(&vmid)) {
        (Some(guest), _) if restore && force => {
            if guest.is_running() {
                return Err(ApiError::internal("can't overwrite running container"));
            }
            check_protection(guest, &format!("unable to restore CT {vmid}"))?;
        }
        (_, Some(other)) => {
            let (title, on) = (other.kind.title(), &other.node);
            let text = format!("{title} {vmid} already exists on node '{on}'");
            return Err(ApiError::internal(text));
        }
        (_, None) => {}
    }
    let pool = call.text("pool");
    if let Some(pool) = pool {
        need_pool(&world, pool)?;
    }
    let allocates = world
        .access
        .any(&call.caller, &format!("/vms/{vmid}"), &["VM.Allocate"])
        || pool.is_some_and(|pool| {
            let path = format!("/pool/{pool}");
            world.access.any(&call.caller, &path, &["VM.Allocate"])
        });
    let restores = restore
        && force
        && same.is_some()
        && world
            .access
            .any(&call.caller, &format!("/vms/{vmid}"), &["VM.Backup"]);
    if !allocates && !restores {
        return Err(ApiError::new(403, "Permission check failed"));
    }
    let storage = call.text("storage").unwrap_or("local").to_owned();
    let (mut mounts, mut options) = (Config::new(), Config::new());
    for (key, value) in config::options_of(call) {
        if is_mount(&key) {
            // A number alone is a size on the default storage.
            let value = match value.parse::<f64>() {
                Ok(_) => format!("{storage}:{value}"),
                Err(_) => value,
            };
            mounts.insert(key, value);
        } else if !key.starts_with("unused") {
            options.insert(key, value);
        }
    }
    let of = rights::Of {
        vmid,
        pool,
        unprivileged: call.flag("unprivileged"),
        features: None,
    };
    // This one is chosen, and not changed later.
    let given = options.iter().filter(|(key, _)| *key != "unprivileged");
    for (key, value) in given.chain(&mounts) {
        rights::check(call, &world, of, key, Some(value))?;
    }
    let archive = call.text("ostemplate").unwrap_or("").to_owned();
    if archive == "-" {
        return Err(ApiError::internal("pipe requires cli environment"));
    }
    let wanted = if restore { "backup" } else { "vztmpl" };
    check_volume_access(call, &world, Some(vmid), &archive, Some(wanted))?;
    if !mounts.is_empty() && !mounts.contains_key("rootfs") {
        let text = "mount points configured, but 'rootfs' not set - aborting";
        return Err(ApiError::internal(text));
    }
    for value in mounts.values() {
        mounts::check(call, &world, value)?;
    }
    if mounts.is_empty() {
        mounts::check_storage(call, &world, &storage)?;
    }
    Ok(Order {
        node: node.to_owned(),
        vmid,
        archive,
        restore,
        unique: call.flag("unique"),
        force,
        options,
        mounts,
        storage,
        pool: pool.map(str::to_owned),
    })
}

async fn fill(worker: &Worker, order: &Order) -> Result<(), String> {
    let _lock = lock_file(&worker.sim, order.vmid).await?;
    worker.pause(|t| t.create).await;
    let mut asked = order.mounts.clone();
    if asked.is_empty() {
        asked.insert("rootfs".to_owned(), format!("{}:4", order.storage));
    }
    for storage in mounts::storages_wanted(&asked) {
        worker.storage_lock(&order.node, &storage).await?;
    }
    let mut world = worker.world();
    let mut mounts = Mounts::default();
    let made = mounts
        .make(&mut world, worker, order, &asked)
        .and_then(|()| unpack(&mut world, worker, order));
    let size = match made {
        Ok(size) => size,
        Err(error) => {
            mounts::free(&mut world, &order.node, &mounts.volumes);
            return Err(error);
        }
    };
    let rootfs = mounts.volumes.first().cloned();
    if let Some(volume) = rootfs.and_then(|volid| world.volume_mut(&order.node, &volid)) {
        volume.used += size * 3;
    }
    let mut config = mounts.values;
    for (key, value) in &order.options {
        config.insert(key.clone(), stored_option(key, value));
    }
    let default = |config: &mut Config, key: &str, value: &str| {
        config.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    };
    default(&mut config, "arch", "amd64");
    default(&mut config, "ostype", operating_system(&order.archive));
    default(&mut config, "hostname", &format!("CT{}", order.vmid));
    default(&mut config, "memory", "512");
    default(&mut config, "swap", "512");
    if config.get("unprivileged").is_some_and(|v| v == "0") {
        config.remove("unprivileged");
    }
    finish(&mut world, order, config);
    drop(world);
    Ok(())
}

/// Writes the finished configuration.
pub(super) fn finish(world: &mut World, order: &Order, config: Config) {
    if let Some(guest) = world.guests.get_mut(&order.vmid) {
        guest.config = config;
        guest.pending.clear();
        guest.snapshots.clear();
    }
    if let Some(pool) = &order.pool {
        world.access.pools.add_guest(order.vmid, pool);
    }
}

/// The mount points that an order has made so far.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) values: Config,
    pub(super) volumes: Vec<String>,
}

impl Mounts {
    /// Makes what is asked for, the root file system first.
    pub(super) fn make(
        &mut self,
        world: &mut World,
        worker: &Worker,
        order: &Order,
        asked: &Config,
    ) -> Result<(), String> {
        let mut keys: Vec<&String> = asked.keys().collect();
        keys.sort_by_key(|key| (*key != "rootfs", *key));
        for key in keys {
            let value = asked.get(key).map_or("", String::as_str);
            let made = mounts::make(world, &order.node, order.vmid, value)?;
            self.volumes.extend(made.volume);
            for line in made.log {
                world.tasks.log(&worker.upid, line);
            }
            self.values.insert(key.clone(), stored_option(key, &made.value));
        }
        Ok(())
    }
}

/// Unpacks the template, and says how large it is.
fn unpack(world: &mut World, worker: &Worker, order: &Order) -> Result<u64, String> {
    let template = world.volume(&order.node, &order.archive).map(|v| v.size);
    let Some(size) = template else {
        let text = format!("volume '{}' does not exist", order.archive);
        world.tasks.log(&worker.upid, text.clone());
        return Err(text);
    };
    let path = world.path_of(&order.archive);
    let unpacked = size * 3;
    let human = binary_size(unpacked);
    for line in [
        format!("extracting archive '{path}'"),
        format!("Total bytes read: {unpacked} ({human}, 93MiB/s)"),
        "Detected container architecture: amd64".to_owned(),
    ] {
        world.tasks.log(&worker.upid, line);
    }
    Ok(size)
}

/// What a template holds, by its name.
fn operating_system(archive: &str) -> &'static str {
    const KNOWN: &[(&str, &str)] = &[
        ("alpine", "alpine"),
        ("archlinux", "archlinux"),
        ("centos", "centos"),
        ("almalinux", "centos"),
        ("rockylinux", "centos"),
        ("debian", "debian"),
        ("devuan", "devuan"),
        ("fedora", "fedora"),
        ("gentoo", "gentoo"),
        ("nixos", "nixos"),
        ("opensuse", "opensuse"),
        ("ubuntu", "ubuntu"),
    ];
    let name = archive.rsplit('/').next().unwrap_or(archive);
    let known = KNOWN.iter().find(|(start, _)| name.starts_with(start));
    known.map_or("unmanaged", |(_, system)| system)
}
