//! Work that outlasts a call: libvirt has no tasks of its own, so the driver runs them, remembers how they ended, and ends
//! them when it ends itself. Who asks after one of a former process is told that it is forgotten, and looks.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::changer::refused;
use crate::hypervisor::libvirt::driver::USER;
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::{Error, Refusal, TaskFilter};
use crate::model::{NodeName, Progress, TaskExit, TaskRecord, TaskState, Upid};
use crate::runtime::Clock;

/// How many that ended are remembered.
const REMEMBERED: usize = 256;
/// How many copy or save at once: one of the connection's threads is left to all else.
const HEAVY: usize = 2;

/// The tasks of a driver. Dropped, it ends them, but for the call that libvirt is in the middle of.
pub(in super::super) struct Tasks {
    node: NodeName,
    clock: Clock,
    /// Tells the tasks of this process from those of others.
    process: u32,
    records: Arc<Mutex<Records>>,
    running: Mutex<JoinSet<()>>,
    heavy: Arc<Semaphore>,
}

#[derive(Default)]
struct Records {
    begun: u32,
    running: Vec<(Uuid, Upid)>,
    /// The newest first.
    ended: VecDeque<TaskRecord>,
}

/// A task that was announced. Dropped without being run, it never was.
pub(super) struct Announced<'a> {
    tasks: &'a Tasks,
    slot: Option<Slot>,
}

/// A place among the running tasks. Dropped without an end, it ends as one that broke off.
struct Slot {
    upid: Upid,
    records: Arc<Mutex<Records>>,
    exit: Option<TaskExit>,
    begun: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tasks {
    pub(in super::super) fn new(node: NodeName, clock: Clock) -> Self {
        Self {
            node,
            clock,
            process: fastrand::u32(..),
            records: Arc::default(),
            running: Mutex::default(),
            heavy: Arc::new(Semaphore::new(HEAVY)),
        }
    }

    /// Where what copies or saves much takes its turn.
    pub(super) fn turns(&self) -> Arc<Semaphore> {
        self.heavy.clone()
    }

    /// That nothing runs on a domain.
    pub(super) fn idle(&self, operation: &str, domain: Uuid) -> Result<(), Error> {
        locked(&self.records).idle(operation, domain)
    }

    /// Announces a task on a domain, on which no other may run.
    pub(super) fn announce(&self, operation: &str, kind: &str, domain: Uuid) -> Result<Announced<'_>, Error> {
        let mut records = locked(&self.records);
        records.idle(operation, domain)?;
        records.begun = records.begun.wrapping_add(1);
        let text = format!(
            "UPID:{}:{:08X}:{:08X}:{:08X}:{kind}:{domain}:{USER}:",
            self.node,
            self.process,
            records.begun,
            self.clock.now().as_second()
        );
        let upid: Upid = text.parse().map_err(|error| Error::Unbuildable {
            operation: operation.to_owned(),
            reason: format!("{error}"),
        })?;
        records.running.push((domain, upid.clone()));
        let slot = Slot {
            upid,
            records: self.records.clone(),
            exit: None,
            begun: false,
        };
        Ok(Announced {
            tasks: self,
            slot: Some(slot),
        })
    }

    /// How far a task is.
    pub(in super::super) fn task(&self, upid: &Upid) -> TaskState {
        let records = locked(&self.records);
        if records.running.iter().any(|(_, running)| running == upid) {
            return TaskState::Running;
        }
        let ended = records.ended.iter().find(|record| record.upid == *upid);
        ended.map_or(TaskState::Forgotten, |record| record.state.clone())
    }

    /// All that run, and those that ended last, the newest first.
    pub(in super::super) fn list(&self, filter: &TaskFilter) -> Vec<TaskRecord> {
        let records = locked(&self.records);
        let running = records.running.iter().rev().map(|(_, upid)| TaskRecord {
            upid: upid.clone(),
            state: TaskState::Running,
        });
        let fits = |record: &TaskRecord| {
            let domain = |id: crate::model::GuestId| record.upid.id() == id.to_string();
            filter.guest.is_none_or(domain)
                && filter.since.is_none_or(|since| record.upid.started() >= since)
                && (!filter.active_only || record.state == TaskState::Running)
                && filter.kind.as_ref().is_none_or(|kind| record.upid.kind() == kind)
        };
        running
            .chain(records.ended.iter().cloned())
            .filter(fits)
            .collect()
    }
}

impl Announced<'_> {
    /// Runs it. `work` must not hold the tasks themselves: it ends with them.
    pub(super) fn run(mut self, work: impl Future<Output = Result<(), Error>> + Send + 'static) -> Progress {
        let Some(mut slot) = self.slot.take() else {
            return Progress::Done;
        };
        let upid = slot.upid.clone();
        slot.begun = true;
        let mut running = locked(&self.tasks.running);
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            let exit = match work.await {
                Ok(()) => TaskExit::Ok { warnings: 0 },
                Err(error) => TaskExit::Failed(error.sentence()),
            };
            slot.end(exit);
        });
        Progress::Running(upid)
    }
}

impl Records {
    fn idle(&self, operation: &str, domain: Uuid) -> Result<(), Error> {
        let Some((_, upid)) = self.running.iter().find(|(own, _)| *own == domain) else {
            return Ok(());
        };
        let kind = upid.kind().trim_start_matches("qm").to_owned();
        let message = format!("a task runs on the domain ({kind})");
        match refused(operation, Refusal::Locked(kind), message) {
            Trouble::Driver(error) => Err(error),
            Trouble::Libvirt(_) => Ok(()),
        }
    }
}

impl Slot {
    fn end(mut self, exit: TaskExit) {
        self.exit = Some(exit);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut records = locked(&self.records);
        records.running.retain(|(_, upid)| *upid != self.upid);
        if !self.begun {
            return;
        }
        let exit = self.exit.take();
        let exit = exit.unwrap_or_else(|| TaskExit::Failed("the task broke off".to_owned()));
        records.ended.push_front(TaskRecord {
            upid: self.upid.clone(),
            state: TaskState::Ended(exit),
        });
        records.ended.truncate(REMEMBERED);
    }
}
