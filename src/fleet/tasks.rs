//! Tasks that somebody waits for: asked by their own identifier until they end, by one loop a cluster, so
//! that no worker waits, and an outage only delays the answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::{Permit, Work};
use super::clock::sleep_until;
use super::hints::{Effect, effect};
use super::locked;
use super::shared::Shared;
use crate::hypervisor::{Hypervisor as _, Refusal};
use crate::model::{GuestId, TaskState, Upid};

/// So many tasks are asked for at once.
const AT_ONCE: usize = 4;
/// So many ended tasks are remembered.
const REMEMBERED: usize = 1024;

/// How long to wait before a task that is tracked for so long is asked for again.
fn patience(age: Duration) -> Duration {
    Duration::from_secs(match age.as_secs() {
        0..30 => 1,
        30..120 => 2,
        120..600 => 5,
        _ => 10,
    })
}

/// The tasks of one cluster.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    inner: Mutex<Inner>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    running: BTreeMap<Upid, Running>,
    /// Running ones by when to ask, without those that are being asked for.
    due: BTreeSet<(Instant, Upid)>,
    ended: BTreeMap<Upid, TaskState>,
    /// The ended ones, the oldest first.
    order: VecDeque<Upid>,
}

#[derive(Debug)]
struct Running {
    /// For whom it is waited.
    id: GuestId,
    since: Instant,
    permit: Option<Permit>,
}

impl Tracked {
    fn add(&self, upid: Upid, id: GuestId, permit: Option<Permit>) {
        let mut inner = locked(&self.inner);
        if inner.ended.contains_key(&upid) {
            return;
        }
        if let Some(known) = inner.running.get_mut(&upid) {
            // A permit that comes later takes the place of one that was only counted.
            if permit.is_some() {
                known.permit = permit;
            }
            return;
        }
        let since = Instant::now();
        inner.due.insert((since + patience(Duration::ZERO), upid.clone()));
        inner.running.insert(upid, Running { id, since, permit });
        drop(inner);
        self.added.notify_one();
    }

    /// How far a task is, as far as is known.
    pub(super) fn state(&self, upid: &Upid) -> Option<TaskState> {
        let inner = locked(&self.inner);
        if inner.running.contains_key(upid) {
            return Some(TaskState::Running);
        }
        inner.ended.get(upid).cloned()
    }

    /// How many tasks are followed.
    pub(super) fn count(&self) -> usize {
        locked(&self.inner).running.len()
    }

    /// Whether a task is tracked, or was until a while ago.
    pub(super) fn knows(&self, upid: &Upid) -> bool {
        self.state(upid).is_some()
    }

    fn next_due(&self) -> Option<Instant> {
        locked(&self.inner).due.first().map(|(at, _)| *at)
    }

    fn take_due(&self, now: Instant) -> Option<(Upid, GuestId)> {
        let mut inner = locked(&self.inner);
        if inner.due.first().is_none_or(|(at, _)| *at > now) {
            return None;
        }
        let (_, upid) = inner.due.pop_first()?;
        let id = inner.running.get(&upid)?.id;
        Some((upid, id))
    }

    fn ask_later(&self, upid: Upid) {
        let mut inner = locked(&self.inner);
        let now = Instant::now();
        if let Some(running) = inner.running.get(&upid) {
            let wait = patience(now.saturating_duration_since(running.since));
            inner.due.insert((now + wait, upid));
        }
    }

    /// Takes a task for ended; its permit goes back when the caller drops what is returned.
    fn end(&self, upid: Upid, state: TaskState) -> Option<Permit> {
        let mut inner = locked(&self.inner);
        let running = inner.running.remove(&upid)?;
        inner.ended.insert(upid.clone(), state);
        inner.order.push_back(upid);
        if inner.order.len() > REMEMBERED
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.ended.remove(&oldest);
        }
        running.permit
    }
}

impl Shared {
    /// Follows a task. One of our own without a permit is of an earlier process, and counts all the same.
    pub(super) fn track(&self, upid: Upid, id: GuestId, permit: Option<Permit>) {
        if self.tracked.knows(&upid) && permit.is_none() {
            return;
        }
        let own = upid.user() == self.crew.used().user();
        let permit = permit.or_else(|| own.then(|| self.budgets.count(Work::plain(id))));
        self.tracked.add(upid, id, permit);
    }
}

/// Follows the tracked tasks of a cluster to their ends.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut asking: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    let tracked = &shared.tracked;
    loop {
        let wake = tracked.next_due();
        tokio::select! {
            biased;
            Some(()) = asking.next(), if !asking.is_empty() => continue,
            () = tracked.added.notified() => continue,
            () = sleep_until(wake), if wake.is_some() && asking.len() < AT_ONCE => {}
        }
        if let Some((upid, id)) = tracked.take_due(Instant::now()) {
            asking.push(Box::pin(ask(&shared, upid, id)));
        }
    }
}

async fn ask(shared: &Shared, upid: Upid, id: GuestId) {
    let state = match shared.driver().task(&upid).await {
        Ok(state) => state,
        // The node was taken out of the cluster: nobody knows how its tasks ended.
        Err(error) if error.refusal() == Some(&Refusal::NodeMissing) => TaskState::Forgotten,
        Err(_) => TaskState::Running,
    };
    if state == TaskState::Running {
        shared.tracked.ask_later(upid);
        return;
    }
    // Before anybody learns that it ended, the snapshot shows what it did: the list will lag for a while.
    let effect = effect(upid.kind());
    if matches!(effect, Effect::Power | Effect::Both)
        && let Some(at) = shared.view.shown().address(id)
    {
        let _ = shared.read_power(&at).await;
    }
    if effect == Effect::Existence {
        shared.readings.forget_config(id);
    }
    drop(shared.tracked.end(upid, state));
    shared.refresh.notify_one();
    shared.announce_guest(id);
}

#[cfg(test)]
mod tests {
    use super::super::fake::{upid, vmid};
    use super::*;

    #[test]
    fn patience_grows_with_age() {
        let seconds = |age| patience(Duration::from_secs(age)).as_secs();
        assert_eq!(
            [0, 29, 30, 119, 120, 600, 90_000].map(seconds),
            [1, 1, 2, 2, 5, 10, 10]
        );
    }

    #[test]
    fn ended_tasks_are_remembered_up_to_a_bound() {
        let tracked = Tracked::default();
        for number in 0..2 * REMEMBERED {
            let upid = upid("qmstart", 100, i64::try_from(number).unwrap());
            tracked.add(upid.clone(), vmid(100), None);
            tracked.end(upid, TaskState::Forgotten);
        }
        let inner = locked(&tracked.inner);
        assert_eq!(
            (inner.ended.len(), inner.order.len(), inner.running.len()),
            (REMEMBERED, REMEMBERED, 0)
        );
    }
}
