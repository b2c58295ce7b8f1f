//! The owner of every background task: it starts them, notices when one ends that should not, and joins
//! them all on shutdown. Nothing else calls `tokio::spawn`.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long aborted tasks may take to drop what they hold.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// Owns tasks; clones own them together.
#[derive(Clone, Debug)]
pub struct Supervisor {
    token: CancellationToken,
    abort: CancellationToken,
    /// This supervisor's scope first, then those it is a child of: a task is counted in all of them.
    scopes: Vec<Arc<Scope>>,
    failure: Arc<watch::Sender<Option<Failure>>>,
}

#[derive(Debug, Default)]
struct Scope {
    tracker: TaskTracker,
    running: Mutex<BTreeMap<u64, Arc<str>>>,
}

/// A task that ended although nobody asked it to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("task {task} {cause}")]
pub struct Failure {
    /// The name that the task was spawned with.
    pub task: String,
    /// How it ended.
    pub cause: Cause,
}

/// How a task ended unexpectedly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It returned, though it should run until shutdown.
    Returned,
    /// It panicked, with this message.
    Panicked(String),
}

/// Tasks that did not end within the time they were given, and were aborted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("aborted because they did not end in time: {}", tasks.join(", "))]
pub struct Unfinished {
    /// Their names.
    pub tasks: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    UntilShutdown,
    Finite,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl Supervisor {
    /// A supervisor without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self {
            token: CancellationToken::new(),
            abort: CancellationToken::new(),
            scopes: vec![Arc::default()],
            failure: Arc::new(watch::Sender::new(None)),
        }
    }

    /// A supervisor of a part, such as one host's watcher: it can be shut down alone, ends with this one,
    /// and its failures are reported here.
    #[must_use]
    pub fn child(&self) -> Self {
        let mut scopes = vec![Arc::default()];
        scopes.extend(self.scopes.iter().cloned());
        Self {
            token: self.token.child_token(),
            abort: self.abort.child_token(),
            scopes,
            failure: Arc::clone(&self.failure),
        }
    }

    /// Cancelled when shutdown begins; tasks end soon after.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Starts a task that runs until [`Supervisor::token`] is cancelled; if it ends before, that is a failure.
    pub fn spawn(&self, name: impl Into<String>, future: impl Future<Output = ()> + Send + 'static) {
        self.start(name.into(), Lifetime::UntilShutdown, future);
    }

    /// Starts a task that ends by itself; only a panic is a failure.
    pub fn spawn_finite(&self, name: impl Into<String>, future: impl Future<Output = ()> + Send + 'static) {
        self.start(name.into(), Lifetime::Finite, future);
    }

    /// Waits until a task fails; returns at once if one already did. Also those of children.
    pub async fn failed(&self) -> Failure {
        let mut receiver = self.failure.subscribe();
        loop {
            if let Some(failure) = receiver.borrow_and_update().clone() {
                return failure;
            }
            // `self` holds the sender, so this can't be an error while we wait.
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The names of the tasks that run now, those of children too, in the order in which they were started.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.scopes.first().map(|scope| scope.names()).unwrap_or_default()
    }

    /// Asks all tasks to end and joins them; those still there after `grace` are aborted and named.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), Unfinished> {
        self.token.cancel();
        let Some(scope) = self.scopes.first() else {
            return Ok(());
        };
        scope.tracker.close();
        if tokio::time::timeout(grace, scope.tracker.wait()).await.is_ok() {
            return Ok(());
        }
        let tasks = scope.names();
        self.abort.cancel();
        if tokio::time::timeout(ABORT_GRACE, scope.tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!(tasks = ?scope.names(), "aborted tasks still block a thread");
        }
        Err(Unfinished { tasks })
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this is the place the others are sent to"
    )]
    fn start(&self, name: String, lifetime: Lifetime, future: impl Future<Output = ()> + Send + 'static) {
        let name: Arc<str> = name.into();
        let entries: Vec<_> = self.scopes.iter().map(|scope| Entry::new(scope, &name)).collect();
        let (token, abort) = (self.token.clone(), self.abort.clone());
        let failure = Arc::clone(&self.failure);
        tokio::spawn(async move {
            let _entries = entries;
            let ended = tokio::select! {
                biased;
                () = abort.cancelled() => return,
                ended = AssertUnwindSafe(future).catch_unwind() => ended,
            };
            let cause = match ended {
                Err(payload) => Cause::Panicked(panic_message(payload.as_ref())),
                Ok(()) if lifetime == Lifetime::UntilShutdown && !token.is_cancelled() => Cause::Returned,
                Ok(()) => return,
            };
            let failed = Failure {
                task: name.to_string(),
                cause,
            };
            tracing::error!(task.name = %failed.task, cause = %failed.cause, "a background task failed");
            failure.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(failed);
                is_first
            });
        });
    }
}

/// One running task in one scope; leaves it when dropped.
struct Entry {
    scope: Arc<Scope>,
    id: u64,
    _tracked: tokio_util::task::task_tracker::TaskTrackerToken,
}

impl Entry {
    fn new(scope: &Arc<Scope>, name: &Arc<str>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        scope.lock().insert(id, Arc::clone(name));
        Self {
            scope: Arc::clone(scope),
            id,
            _tracked: scope.tracker.token(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.scope.lock().remove(&self.id);
    }
}

impl Scope {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<str>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> Vec<String> {
        self.lock().values().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned => f.write_str("ended before shutdown"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
        }
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn shutdown_cancels_and_joins_every_task_also_of_children() {
        let supervisor = Supervisor::new();
        let child = supervisor.child();
        for owner in [&supervisor, &child] {
            let token = owner.token();
            owner.spawn("waits", async move { token.cancelled().await });
        }
        assert_eq!(supervisor.running(), ["waits", "waits"]);
        assert_eq!(supervisor.shutdown(SOON).await, Ok(()));
        assert!(child.running().is_empty());
    }

    #[tokio::test]
    async fn child_ends_alone() {
        let supervisor = Supervisor::new();
        let child = supervisor.child();
        let token = child.token();
        child.spawn("host", async move { token.cancelled().await });
        assert_eq!(child.shutdown(SOON).await, Ok(()));
        assert!(!supervisor.token().is_cancelled());
        assert!(supervisor.running().is_empty());
    }

    #[tokio::test]
    async fn task_that_ends_too_early_is_reported() {
        let supervisor = Supervisor::new();
        supervisor.child().spawn("watcher", async {});
        let failure = supervisor.failed().await;
        assert_eq!(failure.to_string(), "task watcher ended before shutdown");
    }

    #[tokio::test]
    async fn panic_is_reported_with_its_message_and_the_first_one_stays() {
        let supervisor = Supervisor::new();
        supervisor.spawn_finite("sweep", async { panic!("out of {}", "cheese") });
        let failure = supervisor.failed().await;
        assert_eq!(failure.cause, Cause::Panicked("out of cheese".to_owned()));
        supervisor.spawn("later", async {});
        assert_eq!(supervisor.shutdown(SOON).await, Ok(()));
        assert_eq!(supervisor.failed().await, failure);
    }

    #[tokio::test]
    async fn finite_task_may_end() {
        let supervisor = Supervisor::new();
        supervisor.spawn_finite("once", async {});
        assert_eq!(supervisor.shutdown(SOON).await, Ok(()));
        assert!(supervisor.failed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn task_that_does_not_listen_is_aborted_and_named() {
        let supervisor = Supervisor::new();
        supervisor.spawn("deaf", std::future::pending());
        let unfinished = supervisor.shutdown(Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(unfinished.tasks, ["deaf"]);
        assert!(supervisor.running().is_empty());
    }
}
