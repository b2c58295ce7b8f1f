//! Tasks at work: what a call that answers with a UPID leaves running.

use std::future::Future;
use std::sync::{Arc, MutexGuard};
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
            let ended = suffer(worker.clone(), trouble, work).await;
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
