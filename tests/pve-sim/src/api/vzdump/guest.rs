//! The backup of one guest.

use super::job::Job;
use super::prune_guest;
use crate::clock;
use crate::state::{
    Archive, Guest, GuestKind, Volume, World, binary_size, drive_property, drive_volume, format_size,
    is_disk, is_mount, parse_size,
};
use crate::worker::Worker;

/// What is known of a guest when its backup begins.
struct Plan {
    kind: GuestKind,
    running: bool,
    mode: String,
    name: String,
    archive: Archive,
    /// Drives and mount points that go into it: option, volume, bytes.
    included: Vec<(String, String, u64)>,
    /// Those that don't: option, volume.
    excluded: Vec<(String, String)>,
}

/// Backs up one guest; the error is what the log says of it.
pub(super) async fn back_up(job: &Job, worker: &Worker, vmid: u32) -> Result<(), String> {
    let begun = clock::now();
    let plan = plan(&worker.world(), job, vmid)?;
    let kind = plan.kind.name();
    let say = |line: String| worker.log(format!("INFO: {line}"));
    say(format!("Starting Backup of VM {vmid} ({kind})"));
    say(format!("Backup started at {}", clock::date_time(begun)));
    let state = if plan.running { "running" } else { "stopped" };
    say(format!("status = {state}"));
    lock(&mut worker.world(), job, vmid)?;
    let made = write(job, worker, vmid, &plan).await;
    unlock(&mut worker.world(), vmid);
    let volid = made?;
    finish(job, worker, vmid, &plan, &volid);
    let took = clock::now() - begun;
    let (hours, minutes, seconds) = (took / 3600, took / 60 % 60, took % 60);
    say(format!(
        "Finished Backup of VM {vmid} ({hours:02}:{minutes:02}:{seconds:02})"
    ));
    say(format!("Backup finished at {}", clock::date_time(clock::now())));
    Ok(())
}

fn plan(world: &World, job: &Job, vmid: u32) -> Result<Plan, String> {
    let guest = world.guests.get(&vmid).filter(|guest| guest.node == job.node);
    let guest = guest.ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
    let path = format!("/vms/{vmid}");
    if !world.access.any(&job.caller, &path, &["VM.Backup"]) {
        return Err(format!("Permission check failed ({path}, VM.Backup)"));
    }
    let (mut included, mut excluded) = (Vec::new(), Vec::new());
    for (key, value) in guest
        .config
        .iter()
        .filter(|(key, _)| is_disk(key) || is_mount(key))
    {
        let volid = drive_volume(value).to_owned();
        let backed_up = match guest.kind {
            GuestKind::Qemu => drive_property(value, "backup") != Some("0"),
            GuestKind::Lxc => key == "rootfs" || drive_property(value, "backup") == Some("1"),
        };
        if value.contains("media=cdrom") || !volid.contains(':') {
            continue;
        }
        if backed_up {
            let size = drive_property(value, "size").and_then(parse_size).unwrap_or(0);
            included.push((key.clone(), volid, size));
        } else {
            excluded.push((key.clone(), volid));
        }
    }
    included.sort_by_key(|(key, _, _)| (key != "rootfs", key.clone()));
    let used = |volid: &String| world.volume(&job.node, volid).map_or(0, |v| v.used);
    let content = included.iter().map(|(_, volid, _)| used(volid)).sum();
    Ok(Plan {
        kind: guest.kind,
        running: guest.is_running(),
        mode: mode(world, job, guest, &included),
        name: guest.display_name(),
        archive: Archive {
            kind: guest.kind,
            vmid,
            config: backed_up_config(guest),
            content,
        },
        included,
        excluded,
    })
}

/// A stopped guest is backed up as one; a running container on storages without snapshots is suspended.
fn mode(world: &World, job: &Job, guest: &Guest, included: &[(String, String, u64)]) -> String {
    let snapshots = || {
        let mut volids = included.iter().map(|(_, volid, _)| volid);
        volids.all(|volid| world.has_snapshots(&job.node, volid))
    };
    if !guest.is_running() {
        "stop".to_owned()
    } else if guest.kind == GuestKind::Lxc && job.mode == "snapshot" && !snapshots() {
        "suspend".to_owned()
    } else {
        job.mode.clone()
    }
}

fn backed_up_config(guest: &Guest) -> crate::state::Config {
    let mut config = guest.config.clone();
    config.retain(|key, _| !key.starts_with("unused") && !["lock", "parent"].contains(&key.as_str()));
    config
}

fn lock(world: &mut World, job: &Job, vmid: u32) -> Result<(), String> {
    let quorate = world.quorate;
    let guest = world.guests.get_mut(&vmid);
    let guest = guest.ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
    if let Some(lock) = guest.lock() {
        let title = guest.kind.title();
        return Err(format!("{title} is locked ({lock})"));
    }
    if !quorate {
        let folder = guest.kind.folder();
        return Err(format!(
            "unable to open file '/etc/pve/nodes/{}/{folder}/{vmid}.conf.tmp.2002' - Permission denied",
            job.node
        ));
    }
    guest.config.insert("lock".to_owned(), "backup".to_owned());
    Ok(())
}

fn unlock(world: &mut World, vmid: u32) {
    if let Some(guest) = world.guests.get_mut(&vmid)
        && guest.lock() == Some("backup")
    {
        guest.config.remove("lock");
    }
}

/// Writes the archive; its id.
async fn write(job: &Job, worker: &Worker, vmid: u32, plan: &Plan) -> Result<String, String> {
    let say = |line: String| worker.log(format!("INFO: {line}"));
    if plan.running && plan.mode != job.mode {
        say("mode failure - some volumes do not support snapshots".to_owned());
        say(format!("trying '{}' mode instead", plan.mode));
    }
    say(format!("backup mode: {}", plan.mode));
    say("ionice priority: 7".to_owned());
    let title = plan.kind.title();
    say(format!("{title} Name: {}", plan.name));
    for line in parts(plan) {
        say(line);
    }
    let interrupted = plan.running && plan.mode != "snapshot";
    if interrupted {
        let word = if plan.mode == "stop" {
            "stopping"
        } else {
            "suspending"
        };
        say(format!("{word} guest"));
        if plan.mode == "stop" {
            worker.pause(|t| t.stop).await;
            worker.world().power_off(vmid);
        }
    }
    let (volume, path) = name(&worker.world(), job, plan)?;
    say(format!("creating vzdump archive '{path}'"));
    if plan.kind == GuestKind::Qemu && (!plan.running || plan.mode == "stop") {
        say("starting kvm to execute backup task".to_owned());
    }
    worker.pause(|t| t.backup(plan.archive.content)).await;
    for line in measured(plan) {
        say(line);
    }
    if plan.kind == GuestKind::Qemu && !plan.running {
        say("stopping kvm after backup task".to_owned());
    }
    if interrupted {
        if plan.mode == "stop" {
            worker.pause(|t| t.start).await;
            worker.world().power_on(vmid);
        }
        say("resuming guest".to_owned());
        say("guest is online again after <1 seconds".to_owned());
    }
    let (volid, megabytes) = (volume.volid.clone(), volume.size >> 20);
    let mut world = worker.world();
    world
        .check_room(&job.node, &volid, volume.size)
        .map_err(|()| no_room(plan, vmid))?;
    world.add_volume(volume);
    drop(world);
    say(format!("archive file size: {megabytes}MB"));
    Ok(volid)
}

/// What goes into the archive and what doesn't.
fn parts(plan: &Plan) -> Vec<String> {
    let of_container = |key: &str| {
        let value = plan.archive.config.get(key).map_or("", String::as_str);
        let at = drive_property(value, "mp").unwrap_or("/").to_owned();
        format!("mount point {key} ('{at}')")
    };
    let mut lines = Vec::new();
    for (key, volid, size) in &plan.included {
        lines.push(match plan.kind {
            GuestKind::Qemu => format!("include disk '{key}' '{volid}' {}", format_size(*size)),
            GuestKind::Lxc => format!("including {} in backup", of_container(key)),
        });
    }
    for (key, volid) in &plan.excluded {
        lines.push(match plan.kind {
            GuestKind::Qemu => format!("exclude disk '{key}' '{volid}' (backup=no)"),
            GuestKind::Lxc => format!("excluding {} from backup (disabled)", of_container(key)),
        });
    }
    lines
}

/// What tar or QEMU say at the end.
fn measured(plan: &Plan) -> Vec<String> {
    let bytes = plan.archive.content;
    let human = binary_size(bytes);
    match plan.kind {
        GuestKind::Lxc => vec![format!("Total bytes written: {bytes} ({human}, 300MiB/s)")],
        GuestKind::Qemu => {
            let size: u64 = plan.included.iter().map(|(_, _, size)| size).sum();
            let size = binary_size(size);
            vec![
                format!("started backup task '{}'", uuid::Uuid::new_v4()),
                format!("100% ({size} of {size}) in 1s, read: {size}/s, write: {human}/s"),
                format!("transferred {size} in 1 seconds ({size}/s)"),
            ]
        }
    }
}

/// What the archive is called: by the node's time, and never as another.
fn name(world: &World, job: &Job, plan: &Plan) -> Result<(Volume, String), String> {
    let storage = world.storage_on(&job.node, &job.storage)?;
    let (ending, left) = job.compression();
    let kind = plan.kind.name();
    let format = if plan.kind == GuestKind::Qemu {
        "vma"
    } else {
        "tar"
    };
    let vmid = plan.archive.vmid;
    let named = |time: i64| {
        let file = format!("vzdump-{kind}-{vmid}-{}.{format}{ending}", clock::file_time(time));
        (format!("{}:backup/{file}", job.storage), file)
    };
    let mut time = clock::now();
    while world.volume(&job.node, &named(time).0).is_some() {
        time += 1;
    }
    let (volid, file) = named(time);
    let path = storage.file("backup", &file).unwrap_or_default();
    let mut volume = Volume::file(&job.node, volid, plan.archive.content * left / 100);
    volume.vmid = Some(vmid);
    volume.ctime = time;
    volume.archive = Some(plan.archive.clone());
    Ok((volume, path))
}

fn no_room(plan: &Plan, vmid: u32) -> String {
    match plan.kind {
        GuestKind::Qemu => "vma_queue_write: write error - No space left on device".to_owned(),
        GuestKind::Lxc => {
            format!(
                "command 'set -o pipefail && tar cpf - --totals ./etc/vzdump/pct.conf' for CT {vmid} failed: exit code 2"
            )
        }
    }
}

/// Notes, protection, and what there is too many of.
fn finish(job: &Job, worker: &Worker, vmid: u32, plan: &Plan, volid: &str) {
    let mut world = worker.world();
    let mut lines = Vec::new();
    let notes = job.notes.as_ref().map(|template| notes(job, plan, template));
    if let Some(volume) = world.volume_mut(&job.node, volid) {
        if notes.is_some() {
            lines.push("adding notes to backup".to_owned());
            volume.notes = notes;
        }
        if job.protected {
            lines.push("marking backup as protected".to_owned());
            volume.protected = true;
        }
    }
    let own = world
        .storage(&job.storage)
        .and_then(|s| s.options.get("prune-backups"));
    let kept = job.kept.clone().or_else(|| own.cloned());
    if let Some(kept) = kept.filter(|kept| kept != "keep-all=1" && job.remove) {
        lines.push(format!("prune older backups with retention: {kept}"));
        let removed = prune_guest(&mut world, &job.node, &job.storage, &kept, vmid);
        let count = removed.len();
        lines.extend(
            removed
                .into_iter()
                .map(|volid| format!("removing backup '{volid}'")),
        );
        lines.push(format!(
            "pruned {count} backup(s) not covered by keep-retention policy"
        ));
    }
    for line in lines {
        world.tasks.log(&worker.upid, format!("INFO: {line}"));
    }
}

/// A template of notes, filled in.
fn notes(job: &Job, plan: &Plan, template: &str) -> String {
    template
        .replace("{{guestname}}", &plan.name)
        .replace("{{vmid}}", &plan.archive.vmid.to_string())
        .replace("{{node}}", &job.node)
        .replace("{{cluster}}", &job.cluster)
        .replace("\\n", "\n")
        .replace("\\\\", "\\")
}
