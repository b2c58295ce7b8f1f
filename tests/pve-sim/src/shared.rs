//! What the parts of one simulator share.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::events::Events;
use crate::fault::Faults;
use crate::hold::Holds;
use crate::release::Release;
use crate::requests::RequestLog;
use crate::scenario::Scenarios;
use crate::state::World;
use crate::storage_lock::StorageLocks;
use crate::timing::Timing;

/// Locks, also after a panic elsewhere: the simulator goes on with what it has.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One simulator's insides.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    timing: Mutex<Timing>,
    pub(crate) timing_changed: Notify,
    /// Backup jobs were made or changed.
    pub(crate) jobs_changed: Notify,
    pub(crate) faults: Faults,
    pub(crate) holds: Holds,
    pub(crate) log: RequestLog,
    pub(crate) events: Events,
    pub(crate) scenarios: Scenarios,
    pub(crate) release: Release,
    /// True while tasks are held.
    gate: watch::Sender<bool>,
    backup_locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    lock_files: Mutex<HashMap<u32, Arc<RwLock<()>>>>,
    /// Those that somebody at the shell has.
    taken: Mutex<HashMap<u32, LockFile>>,
    pub(crate) storage_locks: StorageLocks,
    tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The lock file of a guest, held.
#[derive(Debug)]
#[expect(dead_code, reason = "held for its drop")]
pub(crate) enum LockFile {
    Exclusive(OwnedRwLockWriteGuard<()>),
    Shared(OwnedRwLockReadGuard<()>),
}

impl Shared {
    pub(crate) fn new(world: World, timing: Timing) -> Arc<Self> {
        Arc::new(Self {
            events: Events::default(),
            scenarios: Scenarios::default(),
            release: world.release,
            gate: watch::Sender::new(false),
            world: Mutex::new(world),
            timing: Mutex::new(timing),
            timing_changed: Notify::new(),
            jobs_changed: Notify::new(),
            faults: Faults::default(),
            holds: Holds::default(),
            log: RequestLog::default(),
            backup_locks: Mutex::default(),
            lock_files: Mutex::default(),
            taken: Mutex::default(),
            storage_locks: StorageLocks::default(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// The state. Never held across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    pub(crate) fn timing(&self) -> Timing {
        locked(&self.timing).clone()
    }

    pub(crate) fn set_timing(&self, timing: Timing) {
        *locked(&self.timing) = timing;
        self.timing_changed.notify_waiters();
    }

    pub(crate) fn hold_tasks(&self, held: bool) {
        self.gate.send_replace(held);
    }

    /// Waits while tasks are held.
    pub(crate) async fn pass_gate(&self) {
        let mut gate = self.gate.subscribe();
        // The sender lives as long as this.
        let _ = gate.wait_for(|held| !held).await;
    }

    /// Runs work that ends with the simulator, whoever waits for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Ends everything, and waits for it.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Waits for one of the durations of [`Timing`], scaled.
    pub(crate) async fn pause(&self, which: impl FnOnce(&Timing) -> Duration) {
        let timing = self.timing();
        tokio::time::sleep(timing.real(which(&timing))).await;
    }

    /// Takes the lock of a file of `/etc/pve` that the whole cluster shares, as `file-storage_cfg`, `domain-ha`: without
    /// quorum nobody gets it, which is found out late (`PVE::Cluster::cfs_lock_file`).
    pub(crate) async fn config_lock(&self, lock: &str) -> Result<(), String> {
        if self.world().quorate {
            return Ok(());
        }
        self.pause(|t| t.config_lock).await;
        Err(format!("cfs-lock '{lock}' error: no quorum!"))
    }

    /// What only one backup job of a node holds.
    pub(crate) fn backup_lock(&self, node: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(locked(&self.backup_locks).entry(node.to_owned()).or_default())
    }

    /// Keeps a guest's lock file, if nobody has it.
    pub(crate) fn take_lock_file(&self, vmid: u32) {
        if let Some(lock) = self.try_lock_file(vmid, false) {
            locked(&self.taken).insert(vmid, lock);
        }
    }

    pub(crate) fn let_go_of_lock_file(&self, vmid: u32) {
        locked(&self.taken).remove(&vmid);
    }

    /// Takes a guest's lock file, if nobody has it.
    pub(crate) fn try_lock_file(&self, vmid: u32, shared: bool) -> Option<LockFile> {
        let file = Arc::clone(locked(&self.lock_files).entry(vmid).or_default());
        if shared {
            file.try_read_owned().ok().map(LockFile::Shared)
        } else {
            file.try_write_owned().ok().map(LockFile::Exclusive)
        }
    }

    /// Takes a guest's lock file, as long as Proxmox would wait for it; else its sentence.
    pub(crate) async fn lock_file(&self, vmid: u32, shared: bool) -> Result<LockFile, String> {
        let file = Arc::clone(locked(&self.lock_files).entry(vmid).or_default());
        let timing = self.timing();
        let taken = tokio::time::timeout(timing.real(timing.lock_timeout), async move {
            if shared {
                LockFile::Shared(file.read_owned().await)
            } else {
                LockFile::Exclusive(file.write_owned().await)
            }
        });
        let lock = taken.await;
        lock.map_err(|_| format!("can't lock file '/var/lock/qemu-server/lock-{vmid}.conf' - got timeout"))
    }
}
