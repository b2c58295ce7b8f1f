//! Makes a container out of a backup: the configuration comes from it, what was given with the call wins.

use super::create::{Mounts, Order, finish};
use super::{container, lock_file, mounts, template};
use crate::state::{
    Archive, Config, GuestKind, World, binary_size, drive_property, drive_volume, is_mount, is_net,
    parse_size, stored_option, with_new_address,
};
use crate::worker::Worker;

/// The whole work of the task but for the prefix of its errors.
pub(super) async fn restore(worker: &Worker, order: &Order) -> Result<(), String> {
    let _lock = lock_file(&worker.sim, order.vmid).await?;
    if container(&worker.world(), &order.node, order.vmid)?.is_running() {
        return Err("can't overwrite running container".to_owned());
    }
    worker.log(format!(
        "recovering backed-up configuration from '{}'",
        order.archive
    ));
    let backup = read(&worker.world(), order)?;
    worker.pause(|t| t.backup(backup.size)).await;
    let mut world = worker.world();
    let asked = if order.mounts.is_empty() {
        backed_up_mounts(&backup.archive, &order.storage)
    } else {
        order.mounts.clone()
    };
    if !asked.contains_key("rootfs") {
        return Err(
            "rootfs configuration could not be recovered, please check and specify manually!".to_owned(),
        );
    }
    let mut mounts = Mounts::default();
    if let Err(error) = mounts.make(&mut world, worker, order, &asked) {
        mounts::free(&mut world, &order.node, &mounts.volumes);
        return Err(error);
    }
    free_replaced(&mut world, order);
    let bytes = backup.archive.content;
    for line in [
        format!("restoring '{}' now..", order.archive),
        format!("extracting archive '{}'", world.path_of(&order.archive)),
        format!("Total bytes read: {bytes} ({}, 172MiB/s)", binary_size(bytes)),
        "merging backed-up and given configuration..".to_owned(),
    ] {
        world.tasks.log(&worker.upid, line);
    }
    if let Some(volume) = mounts
        .volumes
        .first()
        .and_then(|v| world.volume_mut(&order.node, v))
    {
        volume.used += bytes;
    }
    let mut config = merged(&backup.archive, order);
    config.extend(mounts.values);
    finish(&mut world, order, config);
    if backup
        .archive
        .config
        .get("template")
        .is_some_and(|flag| flag == "1")
    {
        let line = "Convert restored container to template...";
        world.tasks.log(&worker.upid, line);
        template::convert(&mut world, &order.node, order.vmid)?;
    }
    drop(world);
    Ok(())
}

struct Backup {
    archive: Archive,
    size: u64,
}

fn read(world: &World, order: &Order) -> Result<Backup, String> {
    let volume = world.volume(&order.node, &order.archive);
    let volume = volume.ok_or_else(|| format!("volume '{}' does not exist", order.archive))?;
    let archive = volume.archive.clone();
    let archive = archive.filter(|a| a.kind == GuestKind::Lxc).ok_or_else(|| {
        "couldn't find configuration in the backup archive - is this a container backup?".to_owned()
    })?;
    Ok(Backup {
        archive,
        size: volume.size,
    })
}

/// The mount points of the backup, made anew on a storage in the sizes that they had.
fn backed_up_mounts(archive: &Archive, storage: &str) -> Config {
    let mounts = archive.config.iter().filter(|(key, _)| is_mount(key));
    mounts
        .map(|(key, value)| {
            let size = drive_property(value, "size").and_then(parse_size).unwrap_or(0);
            let gibibytes = size.div_ceil(1 << 30);
            let rest = value.split_once(',').map_or("", |(_, rest)| rest);
            let kept: Vec<&str> = rest
                .split(',')
                .filter(|p| !p.starts_with("size=") && !p.is_empty())
                .collect();
            let mut new = format!("{storage}:{gibibytes}");
            for part in kept {
                new = format!("{new},{part}");
            }
            (key.clone(), new)
        })
        .collect()
}

fn merged(archive: &Archive, order: &Order) -> Config {
    let mut config: Config = archive.config.clone();
    config.retain(|key, _| {
        !is_mount(key)
            && !key.starts_with("unused")
            && !["lock", "template", "parent"].contains(&key.as_str())
    });
    if order.unique {
        for (key, value) in config.iter_mut().filter(|(key, _)| is_net(key)) {
            *value = with_new_address(key, value);
        }
    }
    for (key, value) in &order.options {
        config.insert(key.clone(), stored_option(key, value));
    }
    config
}

/// The volumes of the container that the restored one replaces.
fn free_replaced(world: &mut World, order: &Order) {
    let Ok(guest) = container(world, &order.node, order.vmid) else {
        return;
    };
    let mounts = guest
        .config
        .iter()
        .filter(|(key, _)| is_mount(key) || key.starts_with("unused"));
    let old: Vec<String> = mounts.map(|(_, value)| drive_volume(value).to_owned()).collect();
    let owned = |volid: &String| {
        let volume = world.volume(&order.node, volid);
        volume.is_some_and(|v| v.vmid == Some(order.vmid))
    };
    let owned: Vec<String> = old.into_iter().filter(owned).collect();
    mounts::free(world, &order.node, &owned);
}
