//! Tasks at work: what a call that answers with a UPID leaves running.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use crate::api::Call;
use crate::fault::TaskTrouble;
use crate::shared::{LockFile, Shared};
use crate::state::World;
use crate::timing::Timing;
use crate::wire::Reply;

/// A task from the inside.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) sim: Arc<Shared>,
    pub(crate) upid: String,
}

impl Worker {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.sim.world()
    }

    pub(crate) fn log(&self, line: impl Into<String>) {
        self.world().tasks.log(&self.upid, line);
    }

    /// Takes the lock file of a guest; the log tells of one that has to be waited for (`PVE::Tools::lock_file_full`).
    pub(crate) async fn lock_file(&self, vmid: u32, shared: bool) -> Result<LockFile, String> {
        if let Some(lock) = self.sim.try_lock_file(vmid, shared) {
            return Ok(lock);
        }
        self.log("trying to acquire lock...");
        let lock = self.sim.lock_file(vmid, shared).await?;
        self.log(" OK");
        Ok(lock)
    }

    /// Waits for the lock of a storage on which a volume is to be made.
    pub(crate) async fn storage_lock(&self, node: &str, storage: &str) -> Result<(), String> {
        let shared = self.world().storage(storage).is_some_and(|s| s.shared);
        let timing = self.sim.timing();
        let limit = timing.real(timing.lock_timeout);
        let locks = &self.sim.storage_locks;
        locks.wait(if shared { "" } else { node }, storage, limit).await
    }

    pub(crate) async fn pause(&self, which: impl FnOnce(&Timing) -> Duration) {
        self.sim.pass_gate().await;
        self.sim.pause(which).await;
    }
}

/// How a task ended, if it did within a time.
pub(crate) async fn ended(sim: &Shared, upid: &str, limit: Duration) -> Option<String> {
    let end = sim.world().tasks.get(upid)?.ended.clone();
    let timing = sim.timing();
    tokio::time::timeout(timing.real(limit), end.cancelled())
        .await
        .ok()?;
    let world = sim.world();
    let (_, exit) = world.tasks.get(upid)?.end.as_ref()?;
    Some(exit.clone())
}

/// How a task is entered in the list.
pub(crate) struct TaskName<'a> {
    /// As `qmclone`.
    pub(crate) kind: &'a str,
    /// Mostly the guest's number.
    pub(crate) id: String,
}

impl<'a> TaskName<'a> {
    pub(crate) fn of_guest(kind: &'a str, vmid: u32) -> Self {
        Self {
            kind,
            id: vmid.to_string(),
        }
    }
}

/// Starts a task on the call's node and answers with its UPID. `undo` cleans up after a failure, an abort included.
pub(crate) fn start<Work>(
    call: &Call,
    name: &TaskName<'_>,
    work: impl FnOnce(Worker) -> Work + Send + 'static,
    undo: impl FnOnce(&mut World) + Send + 'static,
) -> Reply
where
    Work: Future<Output = Result<(), String>> + Send + 'static,
{
    Reply::data(launch(call, name, work, undo))
}

/// As [`start`], for the UPID alone.
pub(crate) fn launch<Work>(
    call: &Call,
    name: &TaskName<'_>,
    work: impl FnOnce(Worker) -> Work + Send + 'static,
    undo: impl FnOnce(&mut World) + Send + 'static,
) -> String
where
    Work: Future<Output = Result<(), String>> + Send + 'static,
{
    let sim = Arc::clone(&call.sim);
    let trouble = sim.faults.for_task(name.kind, &call.method, &call.path);
    let (upid, abort) = {
        let mut world = sim.world();
        let ticks = world.node(call.node()).map_or(0, crate::state::Node::ticks);
        let task = world
            .tasks
            .begin(call.node(), name.kind, &name.id, &call.caller.0, ticks);
        (task.upid.clone(), task.abort.clone())
    };
    let worker = Worker {
        sim: Arc::clone(&sim),
        upid: upid.clone(),
    };
    let told = format!(
        "task {} {} on {} by {}",
        name.kind,
        name.id,
        call.node(),
        call.caller.0
    );
    sim.events.tell(format!("{told} begins"));
    sim.spawn(async move {
        let held = async {
            let ended = caught(suffer(worker.clone(), trouble, work)).await;
            worker.sim.pass_gate().await;
            ended
        };
        let ended = tokio::select! {
            ended = held => ended,
            () = abort.cancelled() => Err("unexpected status".to_owned()),
        };
        let exit = match &ended {
            Ok(exit) | Err(exit) => exit.clone(),
        };
        let mut world = worker.world();
        match ended {
            Ok(exit) => world.tasks.end(&worker.upid, &exit),
            Err(exit) => {
                undo(&mut world);
                world.tasks.end(&worker.upid, &exit);
            }
        }
        drop(world);
        worker.sim.events.tell(format!("{told} ends: {exit}"));
    });
    upid
}

/// The work; a panic in it is an error as any other, so that the task ends and is cleaned up after.
async fn caught(work: impl Future<Output = Result<String, String>>) -> Result<String, String> {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(said(panic.as_ref()))))
    })
    .await
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the simulator panicked: {}", text.unwrap_or("for no reason"))
}

/// The work, or what a fault makes of it.
async fn suffer<Work>(
    worker: Worker,
    trouble: Option<TaskTrouble>,
    work: impl FnOnce(Worker) -> Work,
) -> Result<String, String>
where
    Work: Future<Output = Result<(), String>>,
{
    match trouble {
        None => work(worker).await.map(|()| "OK".to_owned()),
        Some(TaskTrouble::Error(exit)) if exit.starts_with("WARNINGS: ") => work(worker).await.map(|()| exit),
        Some(TaskTrouble::Error(exit)) => {
            worker.pause(|t| t.create / 2).await;
            Err(exit)
        }
        Some(TaskTrouble::Hang) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::seed::Seed;
    use crate::state::Caller;

    #[tokio::test]
    async fn a_task_that_panics_ends_and_is_cleaned_up_after() {
        let sim = Shared::new(
            World::from_seed(&Seed::default(), "s", Vec::new()),
            Timing::instant(),
        );
        let call = Call {
            sim: Arc::clone(&sim),
            caller: Caller("root@pam".to_owned()),
            method: "POST".to_owned(),
            path: "/nodes/pve1/qemu".to_owned(),
            params: BTreeMap::new(),
        };
        let work = |_: Worker| async {
            tokio::task::yield_now().await;
            panic!("out of ideas")
        };
        let undo = |world: &mut World| world.quorate = false;
        let upid = launch(&call, &TaskName::of_guest("qmcreate", 100), work, undo);
        let exit = ended(&sim, &upid, Duration::from_secs(20)).await;
        assert_eq!(exit.as_deref(), Some("the simulator panicked: out of ideas"));
        assert!(!sim.world().quorate);
    }
}
