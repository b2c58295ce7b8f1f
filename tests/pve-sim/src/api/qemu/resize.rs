//! Grows a disk.

use super::super::{Allow, Endpoint, Run};
use super::{Call, check_lock};
use crate::release::Release;
use crate::state::{Caller, VolumeName, World, drive_volume, format_size, parse_size, set_property};
use crate::verify::{DRIVES, Kind, SIZE, may, need};
use crate::wire::{ApiError, ApiResult, Reply};
use crate::worker::{self, TaskName, Worker};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint::put(
    "/nodes/{node}/qemu/{vmid}/resize",
    Allow::Any("/vms/{vmid}", &["VM.Config.Disk"]),
    &[&[
        may("digest", Kind::Text(40)),
        need("disk", DRIVES),
        need("size", SIZE),
        may("skiplock", Kind::Boolean),
    ]],
    Run::Later(|call| Box::pin(resize(call))),
)];

struct Order {
    node: String,
    vmid: u32,
    caller: Caller,
    disk: String,
    size: String,
    digest: Option<String>,
    skip_lock: bool,
}

/// A task since 8, which finds everything but a malformed parameter; `null` when it is done in 7.4.
async fn resize(call: Call) -> ApiResult {
    super::check_skip_lock(&call)?;
    let text = |name| call.text(name).unwrap_or("").to_owned();
    let order = Order {
        node: call.node().to_owned(),
        vmid: call.vmid(),
        caller: call.caller.clone(),
        disk: text("disk"),
        size: text("size"),
        digest: call.text("digest").map(str::to_owned),
        skip_lock: call.flag("skiplock"),
    };
    if call.release() < Release::V8_4 {
        let _lock = call.sim.lock_file(order.vmid, false).await?;
        let wanted = order.new_size(&call.world())?;
        if let Some(bytes) = wanted {
            call.sim.pause(|t| t.resize).await;
            order.grow(&mut call.world(), bytes)?;
        }
        return Ok(Reply::null());
    }
    Ok(worker::start(
        &call,
        &TaskName::of_guest("resize", order.vmid),
        move |worker| run(worker, order),
        |_| {},
    ))
}

async fn run(worker: Worker, order: Order) -> Result<(), String> {
    let _lock = worker.sim.lock_file(order.vmid, false).await?;
    let Some(bytes) = order.new_size(&worker.world())? else {
        return Ok(());
    };
    worker.pause(|t| t.resize).await;
    let mut world = worker.world();
    let grown = order.grow(&mut world, bytes);
    let (lines, end) = match grown {
        Ok(lines) => (lines, Ok(())),
        Err(Failure { line, error }) => (line.into_iter().collect(), Err(error)),
    };
    for line in lines {
        world.tasks.log(&worker.upid, line);
    }
    drop(world);
    end
}

/// A sentence, and what the tool printed before.
struct Failure {
    line: Option<String>,
    error: String,
}

impl From<String> for Failure {
    fn from(error: String) -> Self {
        Self { line: None, error }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        Self::internal(failure.error)
    }
}

impl Order {
    /// The size in bytes that the disk is to have, unless it has it.
    fn new_size(&self, world: &World) -> Result<Option<u64>, String> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        if self.digest.as_ref().is_some_and(|d| *d != guest.digest()) {
            return Err("checksum mismatch (file change by other user?)".to_owned());
        }
        if !self.skip_lock {
            check_lock(guest)?;
        }
        let value = guest.option(&self.disk);
        let value = value.ok_or_else(|| format!("disk '{}' does not exist", self.disk))?;
        let volid = drive_volume(value);
        if value.contains("media=cdrom") {
            return Err("you can't resize a cdrom".to_owned());
        }
        let (storage, _) = volid
            .split_once(':')
            .ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
        let path = format!("/storage/{storage}");
        if !world
            .access
            .any(&self.caller, &path, &["Datastore.AllocateSpace"])
        {
            return Err(format!(
                "Permission check failed ({path}, Datastore.AllocateSpace)"
            ));
        }
        let volume = world.volume(&self.node, volid);
        let volume = volume.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
        let asked = match self.size.strip_prefix('+') {
            Some(more) => parse_size(more).map(|more| volume.size.saturating_add(more)),
            None => parse_size(&self.size),
        };
        match asked {
            None => Err("internal error".to_owned()),
            Some(bytes) if bytes < volume.size => Err("shrinking disks is not supported".to_owned()),
            Some(bytes) => Ok((bytes > volume.size).then_some(bytes)),
        }
    }

    /// Grows volume and drive; what the tools say of a guest that doesn't run.
    fn grow(&self, world: &mut World, bytes: u64) -> Result<Vec<String>, Failure> {
        let guest = world.guest_on(&self.node, self.vmid)?;
        let running = guest.is_running();
        let value = guest.option(&self.disk).unwrap_or("").to_owned();
        let volid = drive_volume(&value).to_owned();
        let log = if running {
            Vec::new()
        } else {
            tool(world, &self.node, &volid, bytes)?
        };
        if let Some(volume) = world.volume_mut(&self.node, &volid) {
            volume.size = bytes;
        }
        super::check_writable(world, &self.node, self.vmid)?;
        let value = set_property(&value, "size", Some(&format_size(bytes)));
        world
            .guest_on_mut(&self.node, self.vmid)?
            .config
            .insert(self.disk.clone(), value);
        Ok(log)
    }
}

/// `qemu-img resize` or `lvextend`.
fn tool(world: &World, node: &str, volid: &str, bytes: u64) -> Result<Vec<String>, Failure> {
    let (Some(name), Some(volume)) = (VolumeName::parse(volid), world.volume(node, volid)) else {
        return Err(Failure::from(format!("volume '{volid}' does not exist")));
    };
    let storage = world.usable_storage(name.storage)?;
    let path = world.path(volid);
    if storage.has_files() {
        // Bases are immutable files (`chattr +i`).
        if name.is_base() {
            let preallocation = match (world.release >= Release::V9_2, volume.format.as_str()) {
                (true, "qcow2") => "'--preallocation=metadata' ",
                (true, _) => "'--preallocation=off' ",
                _ => "",
            };
            let cannot = format!("Could not open '{path}'");
            return Err(Failure {
                line: Some(format!("qemu-img: {cannot}: {cannot}: Operation not permitted")),
                error: format!(
                    "command '/usr/bin/qemu-img resize {preallocation}-f {} {path} {bytes}' failed: exit code 1",
                    volume.format
                ),
            });
        }
        return Ok(vec!["Image resized.".to_owned()]);
    }
    if !matches!(storage.kind.as_str(), "lvm" | "lvmthin") {
        return Ok(Vec::new());
    }
    let (group, lv) = (storage.group(), name.name);
    let extents = |bytes: u64| bytes.div_ceil(4 << 20);
    let (before, after) = (volume.size, bytes);
    let free = extents(storage.total.saturating_sub(world.used(node, name.storage)));
    let needed = extents(after) - extents(before);
    if storage.kind == "lvm" && free < needed {
        return Err(Failure::from(format!(
            "error resizing volume '{path}':   Insufficient free space: {needed} extents needed, but only {free} available"
        )));
    }
    Ok(vec![
        format!(
            "  Size of logical volume {group}/{lv} changed from {} ({} extents) to {} ({} extents).",
            gibibytes(before),
            extents(before),
            gibibytes(after),
            extents(after)
        ),
        format!("  Logical volume {group}/{lv} successfully resized."),
    ])
}

/// As LVM writes sizes.
fn gibibytes(bytes: u64) -> String {
    let (whole, hundredths) = (bytes >> 30, ((bytes & ((1 << 30) - 1)) * 100) >> 30);
    format!("{whole}.{hundredths:02} GiB")
}
