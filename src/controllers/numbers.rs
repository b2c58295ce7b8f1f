//! Hands out numbers for new guests, each once, and knows which resource has which.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::runtime::reflector::ObjectRef;

use crate::api::VirtualMachine;
use crate::fleet::Cluster;
use crate::hypervisor::{Error, TaskFilter};
use crate::model::{ClusterId, GuestId, Vmid};
use crate::plan::identity::numbers::{Exhausted, Next, Numbers, next};
use crate::runtime::Class;

/// How long traces count that were read while a node or a storage was away.
const INCOMPLETE: Duration = Duration::from_mins(1);

/// Which numbers were handed out by this process, and who has which.
#[derive(Default)]
pub(super) struct NumberBook {
    books: Mutex<HashMap<ClusterId, Book>>,
    traces: Mutex<HashMap<ClusterId, Read>>,
}

/// The numbers of one cluster.
#[derive(Default)]
struct Book {
    /// Handed out, and not let go since.
    given: BTreeSet<u32>,
    /// Of these something is left, as a closer look showed.
    left: BTreeSet<u32>,
    /// Seen in the list of guests, whoever made them.
    seen: BTreeSet<u32>,
    owners: BTreeMap<GuestId, ObjectRef<VirtualMachine>>,
    /// Who looks on.
    observers: BTreeMap<GuestId, HashSet<ObjectRef<VirtualMachine>>>,
    /// Whether a pass reads guests that nobody owns.
    reading: bool,
}

/// The right to read the guests of a cluster that nobody owns: one pass does it for all.
pub(super) struct Reading<'a> {
    book: &'a NumberBook,
    cluster: ClusterId,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.book.with(&self.cluster, |book| book.reading = false);
    }
}

/// Traces that were read.
#[derive(Clone)]
struct Read {
    traces: Traces,
    at: Instant,
    /// Until when they count, if something could not be read.
    until: Option<Instant>,
}

/// Numbers of which something is left on the hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Traces {
    /// Volumes and archives.
    pub(super) left: BTreeSet<u32>,
    /// Tasks.
    pub(super) spent: BTreeSet<u32>,
}

fn number(id: GuestId) -> Option<u32> {
    id.number().map(Vmid::get)
}

impl NumberBook {
    fn with<T>(&self, cluster: &ClusterId, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        change(books.entry(cluster.clone()).or_default())
    }

    /// Hands out the next number.
    pub(super) fn hand_out(
        &self,
        cluster: &ClusterId,
        mut numbers: Numbers,
        range: (u32, u32),
        reuse: bool,
    ) -> Result<Next, Exhausted> {
        self.with(cluster, |book| {
            numbers.used.extend(&book.given);
            numbers.left.extend(&book.left);
            numbers.spent.extend(&book.seen);
            let next = next(&numbers, range, reuse)?;
            book.given.insert(next.vmid().get());
            Ok(next)
        })
    }

    /// Takes on the reading of guests that nobody owns; `None` while another pass does it.
    pub(super) fn begin_reading(&self, cluster: &ClusterId) -> Option<Reading<'_>> {
        let taken = self.with(cluster, |book| std::mem::replace(&mut book.reading, true));
        (!taken).then(|| Reading {
            book: self,
            cluster: cluster.clone(),
        })
    }

    /// Notes that a guest has a number.
    pub(super) fn saw(&self, cluster: &ClusterId, id: GuestId) {
        self.with(cluster, |book| book.seen.extend(number(id)));
    }

    /// Takes back a number that was handed out, because something is left of an earlier guest.
    pub(super) fn leave(&self, cluster: &ClusterId, vmid: Vmid) {
        self.with(cluster, |book| {
            book.given.remove(&vmid.get());
            book.left.insert(vmid.get());
        });
    }

    /// Takes back a number that was handed out, before anything was done with it.
    pub(super) fn take_back(&self, cluster: &ClusterId, id: GuestId) {
        self.with(cluster, |book| {
            number(id).is_some_and(|number| book.given.remove(&number))
        });
    }

    /// Notes which resource has a number.
    pub(super) fn own(&self, cluster: &ClusterId, id: GuestId, owner: ObjectRef<VirtualMachine>) {
        self.with(cluster, |book| book.owners.insert(id, owner));
    }

    /// Notes that a resource no longer has a number.
    pub(super) fn disown(&self, cluster: &ClusterId, id: GuestId, owner: &ObjectRef<VirtualMachine>) {
        self.with(cluster, |book| {
            if book.owners.get(&id).is_some_and(|known| known != owner) {
                return;
            }
            book.owners.remove(&id);
            if let Some(number) = number(id) {
                book.given.remove(&number);
                book.seen.insert(number);
            }
        });
    }

    /// Notes that a resource looks on at the guest with a number.
    pub(super) fn observe(&self, cluster: &ClusterId, id: GuestId, observer: ObjectRef<VirtualMachine>) {
        self.with(cluster, |book| {
            book.observers.entry(id).or_default().insert(observer);
        });
    }

    /// Notes that a resource looks on no longer; returns the guests that now concern nobody.
    pub(super) fn unobserve(&self, observer: &ObjectRef<VirtualMachine>) -> Vec<(ClusterId, GuestId)> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = Vec::new();
        for (cluster, book) in books.iter_mut() {
            let owners = &book.owners;
            book.observers.retain(|id, observers| {
                let looked_on = observers.remove(observer);
                if looked_on && observers.is_empty() && !owners.contains_key(id) {
                    left.push((cluster.clone(), *id));
                }
                !observers.is_empty()
            });
        }
        left
    }

    /// The resources that a change of the guest with a number concerns: its own, and those that look on.
    pub(super) fn concerned(&self, cluster: &ClusterId, id: GuestId) -> Vec<ObjectRef<VirtualMachine>> {
        self.with(cluster, |book| {
            let observers = book.observers.get(&id).into_iter().flatten();
            book.owners
                .get(&id)
                .into_iter()
                .chain(observers)
                .cloned()
                .collect()
        })
    }

    /// Numbers of which volumes, archives or tasks are left, read once a process and cluster: what comes
    /// later is known by the guests themselves.
    pub(super) async fn traces(&self, cluster: &Cluster, now: Instant) -> Result<Traces, Error> {
        let known = {
            let traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
            traces.get(cluster.id()).cloned()
        };
        if let Some(read) = known
            && read.until.is_none_or(|until| now < until)
        {
            return Ok(read.traces);
        }
        let (traces, complete) = read_traces(cluster).await?;
        let read = Read {
            traces: traces.clone(),
            at: now,
            // What is away now may be back later.
            until: (!complete).then(|| now + INCOMPLETE),
        };
        let mut known = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(cluster.id().clone(), read);
        Ok(traces)
    }

    /// What was read before a moment counts no longer: somebody may have removed what was left of a number.
    pub(super) fn forget_traces(&self, cluster: &ClusterId, before: Option<Instant>) {
        let mut traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        let old = traces
            .get(cluster)
            .is_some_and(|read| before.is_some_and(|before| read.at < before));
        if old {
            traces.remove(cluster);
            self.with(cluster, |book| book.left.clear());
        }
    }
}

async fn read_traces(cluster: &Cluster) -> Result<(Traces, bool), Error> {
    let snapshot = cluster.snapshot();
    let driver = cluster.driver();
    let mut traces = Traces::default();
    let mut seen = BTreeSet::new();
    let mut complete = snapshot.nodes.iter().all(|node| node.online);
    for row in snapshot.storages.iter() {
        let holds = row
            .content
            .iter()
            .any(|c| matches!(c.as_str(), "images" | "rootdir" | "backup"));
        let first = !row.shared || seen.insert(row.storage.clone());
        if !holds || !first {
            continue;
        }
        if !row.available {
            complete = false;
            continue;
        }
        match driver.volumes(&row.node, &row.storage, None, None).await {
            Ok(volumes) => traces
                .left
                .extend(volumes.iter().filter_map(|v| v.guest?.number()).map(Vmid::get)),
            // A token without Datastore.Audit sees no volumes; it works, with one witness less.
            Err(error) if error.class() == Class::Denied => {
                tracing::warn!(storage.name = %row.storage, node.name = %row.node, error = %error,
                    "volumes can't be listed; numbers of their guests may be given again");
            }
            Err(error) => return Err(error),
        }
    }
    for node in snapshot.nodes.iter().filter(|node| node.online) {
        let tasks = driver.node_tasks(&node.name, &TaskFilter::default()).await?;
        traces
            .spent
            .extend(tasks.iter().filter_map(|t| t.upid.vmid()).map(Vmid::get));
    }
    Ok((traces, complete))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_handed_out_twice() {
        let book = NumberBook::default();
        let cluster = ClusterId::from_fingerprint(&"ab".repeat(32)).unwrap();
        let numbers: Vec<u32> = (0..3)
            .map(|_| {
                book.hand_out(&cluster, Numbers::default(), (100, 102), true)
                    .unwrap()
                    .vmid()
                    .get()
            })
            .collect();
        assert_eq!(numbers, [100, 101, 102]);
        assert!(
            book.hand_out(&cluster, Numbers::default(), (100, 102), true)
                .is_err()
        );
    }
}
