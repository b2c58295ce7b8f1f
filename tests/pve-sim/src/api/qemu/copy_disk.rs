//! Copies one drive, as clones, moves and imports do (`PVE::QemuServer::clone_disk`).

use std::time::Duration;

use crate::state::{Allocated, Source, Target, VolumeName, World, drive_volume, format_size, set_property};
use crate::timing::Timing;
use crate::worker::Worker;

/// One drive to be copied.
pub(super) struct DiskCopy {
    pub(super) node: String,
    /// The drive's name.
    pub(super) drive: String,
    /// Its value in the configuration.
    pub(super) value: String,
    /// Whom the copy is for.
    pub(super) vmid: u32,
    /// Where it goes; to the storage of the source when absent.
    pub(super) storage: Option<String>,
    pub(super) format: Option<String>,
    /// Whether all is copied, or only what will differ from a base.
    pub(super) full: bool,
    /// Whether the machine runs and mirrors it.
    pub(super) mirrored: bool,
    /// KiB/s.
    pub(super) bandwidth: Option<u64>,
}

impl DiskCopy {
    fn is_cloud_init(&self) -> bool {
        VolumeName::parse(drive_volume(&self.value)).is_some_and(|name| name.what() == "cloudinit")
    }

    /// Copies it, with the lines that are logged; the value of the new drive.
    pub(super) async fn run(&self, worker: &Worker) -> Result<String, String> {
        let volid = drive_volume(&self.value);
        let kind = if self.full || self.is_cloud_init() {
            "full"
        } else {
            "linked"
        };
        worker.log(format!("create {kind} clone of drive {} ({volid})", self.drive));
        let bytes = match worker.world().volume(&self.node, volid) {
            Some(volume) if self.full && !self.is_cloud_init() => volume.size,
            _ => 0,
        };
        worker.pause(|t| copying(t, bytes, self.bandwidth)).await;
        let origin = volid.split(':').next().unwrap_or("");
        let storage = self.storage.as_deref().unwrap_or(origin);
        worker.storage_lock(&self.node, storage).await?;
        let mut world = worker.world();
        let made = self.make(&mut world, volid)?;
        for line in made.log {
            world.tasks.log(&worker.upid, line);
        }
        let size = world.volume(&self.node, &made.volid).map(|v| format_size(v.size));
        drop(world);
        let value = self.value.replacen(volid, &made.volid, 1);
        Ok(match size {
            Some(size) if !self.is_cloud_init() && !self.drive.starts_with("unused") => {
                set_property(&set_property(&value, "format", None), "size", Some(&size))
            }
            _ => value,
        })
    }

    fn make(&self, world: &mut World, volid: &str) -> Result<Allocated, String> {
        let origin = volid.split(':').next().unwrap_or("");
        let target = Target {
            node: &self.node,
            storage: self.storage.as_deref().unwrap_or(origin),
            vmid: self.vmid,
            format: self.format.as_deref(),
            what: None,
        };
        if self.is_cloud_init() {
            let volume = world.volume(&self.node, volid);
            let (size, format) = volume.map_or((4 << 20, "raw".to_owned()), |v| (v.size, v.format.clone()));
            let files = world.usable_storage(target.storage)?.has_files();
            let cloud_init = Target {
                format: files.then_some(self.format.as_deref().unwrap_or(&format)),
                what: Some("cloudinit"),
                ..target
            };
            world.allocate(&cloud_init, size)
        } else if self.full {
            let source = Source {
                node: &self.node,
                volid,
                mirrored: self.mirrored.then_some(self.drive.as_str()),
            };
            world.copy_volume(&source, &target)
        } else {
            world.link_volume(&self.node, volid, self.vmid)
        }
    }
}

/// How long so many bytes take.
pub(super) fn copying(timing: &Timing, bytes: u64, limit: Option<u64>) -> Duration {
    let limit = limit
        .filter(|kib| *kib > 0)
        .map_or(u64::MAX, |kib| kib.saturating_mul(1024));
    let bandwidth = timing.clone_bandwidth.clamp(1, limit);
    #[allow(clippy::cast_precision_loss, reason = "sizes in seconds need no more")]
    let seconds = bytes as f64 / bandwidth as f64;
    crate::timing::capped(seconds)
}
