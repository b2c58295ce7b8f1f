//! Reading single guests: each in its turn, spread evenly over the sweep's interval, and some out of turn
//! (what a hint is about, addresses after a start). Only machines: containers have no driver calls yet.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;

use super::backoff::Jitter;
use super::clock::sleep_until;
use super::readings::Errand;
use super::shared::Shared;
use super::snapshot::Snapshot;
use crate::model::{GuestAddress, GuestId, GuestKind, GuestRow, Power};

/// So many guests are read at once: an agent that hangs holds up neither the others nor the queue.
const AT_ONCE: usize = 3;

/// Everything that can be asked of a guest.
const IN_TURN: Errand = Errand {
    config: true,
    power: true,
    addresses: true,
};

/// Sweeps a cluster.
pub(super) async fn sweep(shared: Arc<Shared>) {
    let mut jitter = Jitter::new(shared.options.seed, &format!("sweep {}", shared.id));
    let mut follow = shared.crew.follow();
    let mut visits: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    // Replicas and restarts begin at different moments.
    let stretched =
        |jitter: &mut Jitter, whole: Duration| jitter.stretch(whole).as_secs_f64() / whole.as_secs_f64();
    let mut factor = stretched(&mut jitter, Duration::from_secs(1));
    let mut last_turn = Instant::now();
    let mut cursor = None;
    loop {
        let connection = Arc::clone(&follow.borrow_and_update());
        let may_send = connection.breaker.open_since().is_none();
        if !may_send && visits.is_empty() {
            if follow.changed().await.is_err() {
                return;
            }
            continue;
        }
        let next_turn = turn(&shared, last_turn, factor);
        let errand = shared.readings.next_due(super::now()).map(Instant::from_std);
        let wake = [next_turn, errand].into_iter().flatten().min();
        tokio::select! {
            biased;
            Some(()) = visits.next(), if !visits.is_empty() => continue,
            () = shared.errand.notified() => continue,
            _ = follow.changed() => continue,
            () = sleep_until(wake), if may_send && wake.is_some() && visits.len() < AT_ONCE => {}
        }
        if let Some((id, errand)) = shared.readings.take_due(super::now()) {
            visits.push(Box::pin(visit(&shared, id, errand)));
        } else if next_turn.is_some_and(|at| at <= Instant::now()) {
            last_turn = Instant::now();
            factor = stretched(&mut jitter, Duration::from_secs(1));
            cursor = next_in_turn(&shared.view.shown(), cursor);
            if let Some(id) = cursor {
                visits.push(Box::pin(visit(&shared, id, IN_TURN)));
            }
        }
    }
}

/// When the next guest's turn is, so that all have theirs within the interval.
fn turn(shared: &Shared, last: Instant, factor: f64) -> Option<Instant> {
    let machines = shared
        .view
        .shown()
        .guests
        .values()
        .filter(|row| is_machine(row))
        .count();
    let machines = u32::try_from(machines).ok().filter(|count| *count > 0)?;
    let interval = shared.crew.terms().0.sweep / machines;
    Some(last + interval.mul_f64(factor))
}

fn is_machine(row: &GuestRow) -> bool {
    row.kind == GuestKind::VirtualMachine
}

/// The machine with the next higher number, or the first one.
fn next_in_turn(snapshot: &Snapshot, cursor: Option<GuestId>) -> Option<GuestId> {
    let machine = |(id, row): (&GuestId, &Arc<GuestRow>)| is_machine(row).then_some(*id);
    let after = |id: GuestId| {
        let beyond = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
        snapshot.guests.range(beyond).find_map(machine)
    };
    cursor
        .and_then(after)
        .or_else(|| snapshot.guests.iter().find_map(machine))
}

/// Reads what is wanted of one guest; of a guest that nobody watches only its configuration. A call that
/// fails ends the visit: the next turn comes.
async fn visit(shared: &Shared, id: GuestId, errand: Errand) {
    let snapshot = shared.view.shown();
    let Some(row) = snapshot.guest(id).filter(|row| is_machine(row)) else {
        return;
    };
    if snapshot.node(row.node.as_str()).is_some_and(|node| !node.online) {
        return;
    }
    let at = GuestAddress {
        node: row.node.clone(),
        id,
    };
    let interest = shared.readings.interest(id);
    if errand.config {
        match shared.read_config(&at).await {
            Ok((_, differs)) if differs && interest.is_some() => shared.announce_guest(id),
            Ok(_) => {}
            Err(_) => return,
        }
    }
    let Some(interest) = interest else { return };
    // A hint says that the row is out of date; in its turn, a guest that is off shows nothing more.
    let hinted = errand.power && !errand.addresses;
    let due = hinted || (errand.power && row.power == Power::Running);
    if due && shared.read_power(&at).await.is_err() {
        return;
    }
    let runs = shared
        .view
        .shown()
        .guest(id)
        .is_some_and(|row| row.power == Power::Running);
    if errand.addresses && interest.agent && runs {
        shared.read_addresses(&at).await;
    }
}
