//! The polls of one cluster, whatever the number of its guests: recent tasks, bulk list, membership.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Jitter;
use super::guarded::{Connection, Guarded};
use super::hints::{Effect, Hint, RecentTasks};
use super::host_state::HostState;
use super::options::Poll;
use super::probe::members;
use super::readings::Errand;
use super::shared::Shared;
use crate::hypervisor::{Error, Hypervisor as _};
use crate::model::ClusterStatus;

/// Two bulk lists are at least so far apart, however many ask for one.
const REFRESH_GAP: Duration = Duration::from_secs(1);

/// When each poll is to be made next.
struct Due {
    tasks: Instant,
    resources: Instant,
    status: Instant,
}

/// Watches a cluster through whichever of its hosts is in use.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut jitter = Jitter::new(shared.options.seed, shared.id.as_str());
    let mut follow = shared.crew.follow();
    let mut recent = RecentTasks::default();
    loop {
        let connection = Arc::clone(&follow.borrow_and_update());
        if connection.breaker.open_since().is_none() {
            tracing::debug!(host.name = connection.host, cluster.id = %shared.id, "watching through this host");
            let mut round = Round {
                shared: &shared,
                connection: &connection,
                recent: &mut recent,
                jitter: &mut jitter,
                failing: false,
            };
            round.run().await;
        }
        // Another connection comes with its verification; until then nothing is sent.
        loop {
            shared.budgets.expire();
            match tokio::time::timeout(Duration::from_secs(3), follow.changed()).await {
                Ok(Ok(())) => break,
                Ok(Err(_)) => return,
                Err(_) => {}
            }
        }
    }
}

/// The time through which one connection is used.
struct Round<'a> {
    shared: &'a Shared,
    connection: &'a Arc<Connection>,
    recent: &'a mut RecentTasks,
    jitter: &'a mut Jitter,
    /// Whether the last poll failed, so that a failure that lasts is logged once.
    failing: bool,
}

impl Round<'_> {
    async fn run(&mut self) {
        let driver = Guarded::ahead(Arc::clone(self.connection));
        let poll = self.poll();
        let begin = Instant::now();
        // Members and quorum came with the verification.
        let mut due = Due {
            tasks: begin,
            resources: begin,
            status: begin + self.jitter.phase(poll.status),
        };
        let mut last_list = None::<Instant>;
        while self.connection.breaker.open_since().is_none() {
            let next = due.tasks.min(due.resources).min(due.status);
            tokio::select! {
                biased;
                () = self.connection.breaker.opened() => return,
                () = self.shared.refresh.notified() => {
                    let soonest = last_list.map_or_else(Instant::now, |last| last + REFRESH_GAP);
                    due.resources = due.resources.min(soonest);
                    continue;
                }
                () = tokio::time::sleep_until(next) => {}
            }
            self.shared.budgets.expire();
            let poll = self.poll();
            let now = Instant::now();
            if due.tasks <= now {
                due.tasks = now + self.jitter.stretch(poll.tasks);
                let answer = driver.recent_tasks().await;
                if let Some(list) = self.note("recent_tasks", answer) {
                    for hint in self.recent.take(list) {
                        self.take_hint(&hint);
                    }
                }
            }
            if due.resources <= now {
                due.resources = now + self.jitter.stretch(poll.resources);
                let asked_at = Instant::now();
                last_list = Some(asked_at);
                let answer = driver.overview().await;
                if let Some(overview) = self.note("overview", answer) {
                    self.shared.take_list(overview, asked_at.into_std());
                }
            }
            if due.status <= now {
                due.status = now + self.jitter.stretch(poll.status);
                let answer = driver.cluster_status().await;
                if let Some(status) = self.note("cluster_status", answer) {
                    self.take_status(status);
                }
            }
        }
    }

    fn poll(&self) -> Poll {
        self.shared.crew.terms().0
    }

    fn note<T>(&mut self, operation: &str, answer: Result<T, Error>) -> Option<T> {
        match answer {
            Ok(value) => {
                self.failing = false;
                Some(value)
            }
            Err(error) => {
                if !self.failing && !matches!(error, Error::HeldBack { .. }) {
                    tracing::warn!(
                        host.name = self.connection.host,
                        operation,
                        "poll failed: {error}"
                    );
                    self.failing = true;
                }
                None
            }
        }
    }

    fn take_hint(&self, hint: &Hint) {
        // What is tracked, the tracker follows to its end.
        if hint.effect == Effect::Other || self.shared.tracked.knows(&hint.upid) {
            return;
        }
        self.shared.refresh.notify_one();
        let Some(id) = hint.id else { return };
        if hint.effect == Effect::Existence && hint.upid.kind() != "qmclone" {
            self.shared.readings.forget_config(id);
        }
        if self.shared.readings.interest(id).is_none() {
            return;
        }
        let errand = Errand {
            config: matches!(hint.effect, Effect::Config | Effect::Both | Effect::Existence),
            power: matches!(hint.effect, Effect::Power | Effect::Both),
            addresses: false,
        };
        self.shared.readings.send(id, errand);
        self.shared.errand.notify_one();
    }

    fn take_status(&self, status: ClusterStatus) {
        let before = self.shared.view.shown();
        // Another name: it may be another cluster altogether.
        if status.name != before.status.name {
            self.connection.breaker.open(HostState::Connecting);
            return;
        }
        if self.connection.take_status(&status) {
            self.connection.verify.notify_one();
        }
        self.shared.crew.question_strangers(&members(&status));
        if self.shared.view.take_status(status, None) {
            self.shared.announce_hosts();
        }
    }
}
