//! One job: waits its turn, backs up one guest after the other, and goes on when one fails.

use std::time::Duration;

use super::guest;
use crate::clock;
use crate::state::Caller;
use crate::worker::Worker;

/// What was ordered.
pub(super) struct Job {
    pub(super) node: String,
    pub(super) cluster: String,
    pub(super) caller: Caller,
    /// Whether guests were named, rather than all or a pool.
    pub(super) named: bool,
    pub(super) vmids: Vec<u32>,
    pub(super) storage: String,
    /// `snapshot`, `suspend` or `stop`.
    pub(super) mode: String,
    /// `0`, `1`, `gzip`, `lzo` or `zstd`.
    pub(super) compress: String,
    pub(super) notes: Option<String>,
    pub(super) protected: bool,
    pub(super) kept: Option<String>,
    pub(super) remove: bool,
    /// Minutes.
    pub(super) lockwait: u64,
    pub(super) command: String,
}

/// How any failure ends; the log says more.
const ERRORS: &str = "job errors";

impl Job {
    pub(super) async fn run(&self, worker: &Worker) -> Result<(), String> {
        self.check_storage(worker)?;
        let _lock = self.turn(worker).await?;
        worker.log(format!("INFO: starting new backup job: {}", self.command));
        let mut failed = false;
        for vmid in &self.vmids {
            if !self.may(worker, *vmid) {
                continue;
            }
            if let Err(error) = guest::back_up(self, worker, *vmid).await {
                failed = true;
                worker.log(format!("ERROR: Backup of VM {vmid} failed - {error}"));
                worker.log(format!("INFO: Failed at {}", clock::date_time(clock::now())));
            }
        }
        if failed {
            worker.log("INFO: Backup job finished with errors");
            Err(ERRORS.to_owned())
        } else {
            worker.log("INFO: Backup job finished successfully");
            Ok(())
        }
    }

    /// Whoever backs up all backs up what he may; a guest that is named and that he may not fails.
    fn may(&self, worker: &Worker, vmid: u32) -> bool {
        let world = worker.world();
        let path = format!("/vms/{vmid}");
        self.named || world.access.any(&self.caller, &path, &["VM.Backup"])
    }

    fn check_storage(&self, worker: &Worker) -> Result<(), String> {
        let world = worker.world();
        let storage = &self.storage;
        let wrong = match world.storage_on(&self.node, storage) {
            Err(error) => error,
            Ok(found) if !found.allows("backup") => {
                format!("can't use storage '{storage}' for backups - wrong content type")
            }
            Ok(_) => return Ok(()),
        };
        Err(format!(
            "could not get storage information for '{storage}': {wrong}"
        ))
    }

    /// One job at a time on a node.
    async fn turn(&self, worker: &Worker) -> Result<tokio::sync::OwnedMutexGuard<()>, String> {
        let lock = worker.sim.backup_lock(&self.node);
        if let Ok(free) = std::sync::Arc::clone(&lock).try_lock_owned() {
            return Ok(free);
        }
        worker.log("INFO: trying to get global lock - waiting...");
        let timing = worker.sim.timing();
        let limit = timing.real(Duration::from_secs(self.lockwait * 60));
        let taken = tokio::time::timeout(limit, lock.lock_owned()).await;
        let taken = taken.map_err(|_| "can't acquire lock '/var/run/vzdump.lock' - got timeout")?;
        worker.log("INFO: got global lock");
        Ok(taken)
    }

    /// The ending that the compression gives a file, and how many percent are left of it.
    pub(super) fn compression(&self) -> (&'static str, u64) {
        match self.compress.as_str() {
            "zstd" => (".zst", 35),
            "gzip" => (".gz", 38),
            "lzo" | "1" => (".lzo", 50),
            _ => ("", 100),
        }
    }
}
