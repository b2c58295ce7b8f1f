//! The task of a migration, phase by phase (`PVE::AbstractMigrate`, `PVE::QemuMigrate`).

use tokio::time::Instant;

use super::super::copy_disk::copying;
use super::super::{check_lock, check_writable};
use super::Order;
use super::references;
use super::transfer::{self, Arrived, Scan};
use crate::clock;
use crate::release::Release;
use crate::state::{Moment, Power, World, drive_volume, render_bytes};
use crate::worker::Worker;

/// Why it ends, and in which phase.
struct Stop {
    sentence: String,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    First,
}

pub(super) async fn run(worker: &Worker, order: Order) -> Result<(), String> {
    let begun = Instant::now();
    let ended = go(worker, &order).await;
    let seconds = begun.elapsed().as_secs();
    let duration = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match ended {
        Ok(()) => {
            say(
                worker,
                format!("migration finished successfully (duration {duration})"),
            );
            Ok(())
        }
        Err(Stop { sentence, phase }) => {
            if phase == Phase::First {
                say(worker, format!("ERROR: {sentence}"));
                say(worker, "aborting phase 1 - cleanup resources");
            }
            say(
                worker,
                format!("ERROR: migration aborted (duration {duration}): {sentence}"),
            );
            Err("migration aborted".to_owned())
        }
    }
}

/// A line with the time, as this kind of task writes them.
fn say(worker: &Worker, line: impl AsRef<str>) {
    let time = clock::wall(clock::now()).strftime("%Y-%m-%d %H:%M:%S");
    worker.log(format!("{time} {}", line.as_ref()));
}

/// Takes the lock of a migration away.
pub(super) fn unlock(world: &mut World, vmid: u32) {
    if let Some(guest) = world
        .guests
        .get_mut(&vmid)
        .filter(|g| g.lock() == Some("migrate"))
    {
        guest.config.remove("lock");
    }
}

async fn go(worker: &Worker, order: &Order) -> Result<(), Stop> {
    let before = |sentence: String| Stop {
        sentence,
        phase: Phase::Before,
    };
    let first = |sentence: String| Stop {
        sentence,
        phase: Phase::First,
    };
    let _lock = worker.sim.lock_file(order.vmid, false).await.map_err(before)?;
    let (running, memory) = prepare(worker, order).map_err(before)?;
    let local = scan(worker, order).map_err(first)?;
    let bytes = {
        let world = worker.world();
        let sizes = local.iter().filter_map(|volid| world.volume(&order.node, volid));
        sizes.map(|volume| volume.size).sum::<u64>() + if running { memory / 64 } else { 0 }
    };
    if running {
        say(
            worker,
            format!("starting VM {} on remote node '{}'", order.vmid, order.target),
        );
        let mut world = worker.world();
        world.enter_task(&order.target, "qmstart", order.vmid, "OK");
    } else if !local.is_empty() {
        say(worker, "copying local disk images");
    }
    worker
        .pause(|t| t.migrate.saturating_add(copying(t, bytes, order.bandwidth)))
        .await;
    let arrived = transfer::copy(&mut worker.world(), order, &local).map_err(first)?;
    let writable = check_writable(&worker.world(), &order.node, order.vmid);
    if let Err(sentence) = writable {
        let mut world = worker.world();
        for (_, new) in &arrived.volumes {
            world.free_volume(&order.target, new);
        }
        drop(world);
        return Err(first(sentence));
    }
    if running {
        tell_online(worker, order, &arrived, memory, bytes);
    } else {
        tell_offline(worker, &arrived);
    }
    let lines = arrive(&mut worker.world(), order, &arrived);
    for line in lines {
        say(worker, line);
    }
    Ok(())
}

/// What is checked before anything is done; whether the guest runs, and its memory.
fn prepare(worker: &Worker, order: &Order) -> Result<(bool, u64), String> {
    let (running, memory, devices, connects) = {
        let world = worker.world();
        let guest = world.guest_on(&order.node, order.vmid)?;
        check_lock(guest)?;
        let devices = references::devices(&guest.config);
        let local: Vec<String> = devices
            .local
            .into_iter()
            .filter(|d| !devices.mapped.contains_key(d))
            .collect();
        let connects = world.node(&order.target).is_some_and(|n| n.online);
        (guest.is_running(), guest.max_memory(), local, connects)
    };
    if !devices.is_empty() {
        if running || !order.force {
            return Err(format!(
                "can't migrate VM which uses local devices: {}",
                devices.join(", ")
            ));
        }
        say(worker, "migrating VM which uses local devices");
    }
    if !connects {
        return Err("Can't connect to destination address using public key".to_owned());
    }
    if running && worker.sim.release >= Release::V9_2 {
        say(
            worker,
            "conntrack state migration not supported or disabled, active connections might get dropped",
        );
    }
    Ok((running, memory))
}

/// Locks the guest and looks at its volumes; those that have to be copied.
fn scan(worker: &Worker, order: &Order) -> Result<Vec<String>, String> {
    let address = {
        let world = worker.world();
        world
            .node(&order.target)
            .map_or(String::new(), |node| node.ip.clone())
    };
    say(
        worker,
        format!(
            "starting migration of VM {} to node '{}' ({address})",
            order.vmid, order.target
        ),
    );
    let Scan {
        lines,
        local,
        problem,
    } = {
        let mut world = worker.world();
        check_writable(&world, &order.node, order.vmid)?;
        let guest = world.guest_on_mut(&order.node, order.vmid)?;
        guest.config.insert("lock".to_owned(), "migrate".to_owned());
        let guest = world.guest_on(&order.node, order.vmid)?;
        transfer::scan(&world, order, guest)
    };
    for line in lines {
        say(worker, line);
    }
    if problem {
        return Err("Problem found while scanning volumes - can't migrate VM - check log".to_owned());
    }
    Ok(local)
}

fn tell_offline(worker: &Worker, arrived: &Arrived) {
    for line in &arrived.lines {
        say(worker, line);
    }
    for (old, new) in &arrived.volumes {
        say(worker, format!("successfully imported '{new}'"));
        say(worker, format!("volume '{old}' is '{new}' on the target"));
    }
}

fn tell_online(worker: &Worker, order: &Order, arrived: &Arrived, memory: u64, bytes: u64) {
    let vmid = order.vmid;
    for (old, new) in &arrived.volumes {
        say(worker, format!("volume '{old}' is '{new}' on the target"));
    }
    say(worker, "start remote tunnel");
    say(worker, "ssh tunnel ver 1");
    let drives = drives(worker, order, arrived);
    if !drives.is_empty() {
        say(worker, "starting storage migration");
        for drive in &drives {
            say(
                worker,
                format!(
                    "{drive}: start migration to nbd:unix:/run/qemu-server/{vmid}_nbd.migrate:exportname=drive-{drive}"
                ),
            );
            worker.log(format!("drive mirror is starting for drive-{drive}"));
        }
        worker.log("all 'mirror' jobs are ready");
        say(worker, "switching mirror jobs to actively synced mode");
    }
    let speed = render_bytes(memory.max(1));
    for line in [
        format!("starting online/live migration on unix:/run/qemu-server/{vmid}.migrate"),
        "set migration capabilities".to_owned(),
        "migration downtime limit: 100 ms".to_owned(),
        format!("migration cachesize: {}", render_bytes(cache_size(memory))),
        "set migration parameters".to_owned(),
        format!("start migrate command to unix:/run/qemu-server/{vmid}.migrate"),
        format!("average migration speed: {speed}/s - downtime 20 ms"),
        format!(
            "migration completed, transferred {} VM-state",
            render_bytes(bytes.min(memory / 64))
        ),
        "migration status: completed".to_owned(),
    ] {
        say(worker, line);
    }
    for drive in &drives {
        worker.log(format!("drive-{drive}: Completing block job..."));
        worker.log(format!("drive-{drive}: Completed successfully."));
        worker.log(format!("drive-{drive}: mirror-job finished"));
    }
    if !drives.is_empty() {
        say(worker, "stopping NBD storage migration server on target.");
    }
}

/// An eighth of the memory, a power of two (`PVE::QemuMigrate::phase2`).
fn cache_size(memory: u64) -> u64 {
    let eighth = (memory >> 20) / 10;
    let power = eighth.max(1).next_power_of_two() << 20;
    power.max(1 << 20)
}

/// The drives whose volumes were mirrored.
fn drives(worker: &Worker, order: &Order, arrived: &Arrived) -> Vec<String> {
    let world = worker.world();
    let Some(guest) = world.guests.get(&order.vmid) else {
        return Vec::new();
    };
    let mirrored = |volid: &str| arrived.volumes.iter().any(|(old, _)| old == volid);
    let named = guest.config.iter().filter(|(key, value)| {
        !key.starts_with("unused") && !value.contains("cloudinit") && mirrored(drive_volume(value))
    });
    named.map(|(key, _)| key.clone()).collect()
}

/// The guest stands on the target, with the new volumes; the old ones are freed.
fn arrive(world: &mut World, order: &Order, arrived: &Arrived) -> Vec<String> {
    let pid = world.tasks.next_pid();
    if let Some(guest) = world.guests.get_mut(&order.vmid) {
        order.target.clone_into(&mut guest.node);
        guest.config.remove("lock");
        for (old, new) in &arrived.volumes {
            let sections = [&mut guest.config]
                .into_iter()
                .chain(guest.snapshots.values_mut());
            let values = sections.flat_map(|section| section.values_mut());
            let waiting = guest.pending.values_mut().flatten();
            for value in values.chain(waiting).filter(|value| drive_volume(value) == old) {
                *value = value.replacen(old.as_str(), new, 1);
            }
        }
        if let Power::Running { paused, .. } = guest.power {
            guest.power = Power::Running {
                since: Moment::now(),
                pid,
                paused,
            };
        }
    }
    let mut lines = Vec::new();
    for (old, _) in &arrived.volumes {
        lines.extend(
            world
                .remove_volume(&order.node, old)
                .unwrap_or_else(|error| vec![error]),
        );
    }
    lines
}
