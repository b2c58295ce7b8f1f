//! The hosts of one cluster: which of them are connected, and which one of these is used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::guarded::Connection;
use super::host_state::HostState;
use super::locked;
use super::options::{Budget, Poll};
use crate::model::NodeName;

/// The connections of a cluster. There is always one in use, if only a broken one: then nothing is sent.
#[derive(Debug)]
pub(super) struct Crew {
    used: watch::Sender<Arc<Connection>>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Hosts that are, or were when seen last, of this cluster.
    hosts: BTreeSet<String>,
    connected: BTreeMap<String, Arc<Connection>>,
}

impl Crew {
    /// A cluster that was found by this connection.
    pub(super) fn new(first: Arc<Connection>) -> Self {
        Self {
            used: watch::Sender::new(first),
            inner: Mutex::default(),
        }
    }

    /// The connection in use.
    pub(super) fn used(&self) -> Arc<Connection> {
        Arc::clone(&self.used.borrow())
    }

    /// Follows the connection in use.
    pub(super) fn follow(&self) -> watch::Receiver<Arc<Connection>> {
        self.used.subscribe()
    }

    /// The hosts of the cluster.
    pub(super) fn hosts(&self) -> Vec<String> {
        locked(&self.inner).hosts.iter().cloned().collect()
    }

    /// Adds a verified connection, or keeps it after it was verified again. Refused with the name of
    /// another host if the two do not name each other as members: of one that is connected, where the one
    /// in use has precedence, or of the one that was used last, whose picture of the cluster would else be
    /// replaced by a stranger's during an outage.
    pub(super) fn join(&self, connection: &Arc<Connection>) -> Result<(), HostState> {
        let mut inner = locked(&self.inner);
        let used = self.used();
        let strange = |other: &Arc<Connection>| {
            other.host != connection.host && !(connection.names(&other.node) && other.names(&connection.node))
        };
        if used.breaker.open_since().is_some() && inner.hosts.contains(&used.host) && strange(&used) {
            return Err(HostState::NotMember {
                of: used.host.clone(),
            });
        }
        let stranger = inner
            .connected
            .values()
            .find(|other| other.breaker.open_since().is_none() && strange(other));
        // A member that joined the cluster after the other connection was made is not in that one's list
        // yet: let it be verified anew, and this one come again.
        if let Some(other) = stranger {
            other.verify.notify_one();
            if !Arc::ptr_eq(&used, connection) {
                return Err(HostState::NotMember {
                    of: other.host.clone(),
                });
            }
        }
        inner.hosts.insert(connection.host.clone());
        let before = inner
            .connected
            .insert(connection.host.clone(), Arc::clone(connection));
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(before, connection)) {
            before.breaker.open(HostState::Connecting);
        }
        self.use_if_needed(connection);
        Ok(())
    }

    /// Takes a connection that was just verified into use, if the one in use is broken. True if so.
    pub(super) fn use_if_needed(&self, connection: &Arc<Connection>) -> bool {
        self.used.send_if_modified(|used| {
            let take = used.breaker.open_since().is_some() && connection.breaker.open_since().is_none();
            if take {
                *used = Arc::clone(connection);
            }
            take
        })
    }

    /// Takes a broken connection out. If it was the one in use, the others are verified at once, and the
    /// first that is found good takes over.
    pub(super) fn leave(&self, connection: &Arc<Connection>) {
        let mut inner = locked(&self.inner);
        if inner
            .connected
            .get(&connection.host)
            .is_some_and(|known| Arc::ptr_eq(known, connection))
        {
            inner.connected.remove(&connection.host);
        }
        if Arc::ptr_eq(&self.used(), connection) {
            for other in inner.connected.values() {
                other.verify.notify_one();
            }
        }
    }

    /// Breaks the connection of a host, because it is declared anew or forgotten.
    pub(super) fn dismiss(&self, host: &str) {
        let connection = locked(&self.inner).connected.get(host).cloned();
        if let Some(connection) = connection {
            connection.breaker.open(HostState::Connecting);
            self.leave(&connection);
        }
    }

    /// Lets go of a host; true if none is left.
    pub(super) fn release(&self, host: &str) -> bool {
        self.dismiss(host);
        let mut inner = locked(&self.inner);
        inner.hosts.remove(host);
        inner.hosts.is_empty()
    }

    /// Has every connected host verified whose node is not among the members.
    pub(super) fn question_strangers(&self, members: &BTreeSet<NodeName>) {
        for connection in locked(&self.inner).connected.values() {
            if !members.contains(&connection.node) {
                connection.verify.notify_one();
            }
        }
    }

    /// The shortest intervals and smallest budgets of the connected hosts.
    pub(super) fn terms(&self) -> (Poll, Budget) {
        let inner = locked(&self.inner);
        let used = self.used();
        inner
            .connected
            .values()
            .map(|connection| (connection.poll, connection.budget))
            .reduce(|(poll, budget), (p, b)| (poll.min(p), budget.min(b)))
            .unwrap_or((used.poll, used.budget))
    }
}
