//! All declared hosts and their clusters, and the tasks that keep them.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cluster::Cluster;
use super::events::{Events, FleetEvent, FleetEvents};
use super::guarded::Connection;
use super::host::{HostSpec, HostView, keep_connected};
use super::host_state::HostState;
use super::options::FleetOptions;
use super::probe::Found;
use super::shared::Shared;
use super::{locked, now, sweep, tasks, watcher};
use crate::model::ClusterId;

/// All declared hosts and their clusters. Clones are the same fleet.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    options: FleetOptions,
    events: Events,
    token: CancellationToken,
    tasks: TaskTracker,
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    hosts: BTreeMap<String, Entry>,
    clusters: BTreeMap<ClusterId, Arc<Shared>>,
}

/// One declaration of a host. Another declaration of it takes another seat.
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) spec: HostSpec,
    /// Wakes the host's task out of turn.
    pub(super) kick: Notify,
    token: CancellationToken,
}

struct Entry {
    seat: Arc<Seat>,
    expected: Option<ClusterId>,
    view: HostView,
    cluster: Option<Arc<Shared>>,
}

impl Fleet {
    /// An empty fleet, whose tasks end with `token` or with [`Fleet::shutdown`].
    #[must_use]
    pub fn new(options: FleetOptions, token: CancellationToken) -> (Self, FleetEvents) {
        let (events, receiver) = Events::new();
        let fleet = Self(Arc::new(Inner {
            options,
            events,
            token,
            tasks: TaskTracker::new(),
            registry: Mutex::default(),
        }));
        (fleet, receiver)
    }

    /// Declares a host, or declares it again. If the fingerprint is a new one, it is connected to in the
    /// background; its cluster and what is tracked there stay. Must be called within a tokio runtime.
    pub fn declare(&self, name: &str, spec: HostSpec) {
        let mut registry = locked(&self.0.registry);
        let expected = spec.expected_cluster.clone();
        let before = registry.hosts.remove(name);
        if let Some(mut entry) = before {
            if entry.seat.spec.fingerprint == spec.fingerprint {
                let changed = entry.expected != expected;
                entry.expected = expected;
                if changed && entry.contradicts() {
                    entry.seat.kick.notify_one();
                }
                registry.hosts.insert(name.to_owned(), entry);
                return;
            }
            entry.seat.token.cancel();
            if let Some(cluster) = &entry.cluster {
                cluster.crew.dismiss(name);
            }
            entry.view.state = HostState::Connecting;
            entry.view.since = now();
            entry.expected = expected;
            entry.seat = self.seat(name, spec);
            registry.hosts.insert(name.to_owned(), entry);
        } else {
            let entry = Entry {
                seat: self.seat(name, spec),
                expected,
                view: HostView {
                    state: HostState::Connecting,
                    since: now(),
                    version: None,
                    node: None,
                    cluster: None,
                },
                cluster: None,
            };
            registry.hosts.insert(name.to_owned(), entry);
        }
        drop(registry);
        self.0.events.send(FleetEvent::Host(name.to_owned()));
    }

    /// Forgets a host; its cluster too, if no other host is of it.
    pub fn forget(&self, name: &str) {
        let mut registry = locked(&self.0.registry);
        if let Some(entry) = registry.hosts.remove(name) {
            entry.seat.token.cancel();
            if let Some(cluster) = entry.cluster {
                registry.release(name, &cluster);
            }
        }
    }

    /// What is known of a host; `None` if it is not declared.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<HostView> {
        let registry = locked(&self.0.registry);
        let entry = registry.hosts.get(name)?;
        Some(HostView {
            cluster: entry.cluster.clone().map(Cluster::new),
            ..entry.view.clone()
        })
    }

    /// The cluster with this id, if a declared host is, or was when seen last, of it.
    #[must_use]
    pub fn cluster(&self, id: &ClusterId) -> Option<Cluster> {
        locked(&self.0.registry)
            .clusters
            .get(id)
            .cloned()
            .map(Cluster::new)
    }

    /// Ends all background tasks, waits for their end, and ends the events.
    pub async fn shutdown(&self) {
        self.0.token.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.events.close();
    }

    pub(super) fn options(&self) -> &FleetOptions {
        &self.0.options
    }

    /// The cluster that a host must be of: the recorded one, else the one that it was found to be of.
    pub(super) fn expected_cluster(&self, seat: &Arc<Seat>) -> Option<ClusterId> {
        let registry = locked(&self.0.registry);
        let entry = registry.hosts.get(&seat.name)?;
        entry
            .expected
            .clone()
            .or_else(|| entry.cluster.as_ref().map(|cluster| cluster.id.clone()))
    }

    /// Writes down how it stands with a host, unless it was declared anew meanwhile.
    pub(super) fn set_state(&self, seat: &Arc<Seat>, state: HostState) {
        let mut registry = locked(&self.0.registry);
        if let Some(entry) = registry.of(seat)
            && entry.view.state != state
        {
            entry.view.state = state;
            entry.view.since = now();
            self.0.events.send(FleetEvent::Host(seat.name.clone()));
        }
    }

    /// Gives a verified host to its cluster, which is made if it is a new one.
    pub(super) fn attach(
        &self,
        seat: &Arc<Seat>,
        connection: &Arc<Connection>,
        found: &Found,
    ) -> Result<Arc<Shared>, HostState> {
        let mut registry = locked(&self.0.registry);
        // Declared anew or forgotten meanwhile: its token ends this task at its next wait.
        if registry.of(seat).is_none() {
            return Err(HostState::Connecting);
        }
        let known = registry.clusters.get(&found.cluster).cloned();
        let cluster = if let Some(cluster) = known {
            cluster.join(connection, found)?;
            cluster
        } else {
            let cluster = Arc::new(Shared::new(
                found,
                Arc::clone(connection),
                self.0.options.clone(),
                self.0.events.clone(),
                self.0.token.child_token(),
            ));
            cluster.join(connection, found)?;
            registry
                .clusters
                .insert(found.cluster.clone(), Arc::clone(&cluster));
            self.watch(&cluster);
            cluster
        };
        let Some(entry) = registry.of(seat) else {
            return Err(HostState::Connecting);
        };
        entry.view.state = HostState::Usable;
        entry.view.since = now();
        entry.view.version = Some(found.version.clone());
        entry.view.node = Some(found.node.clone());
        let before = entry.cluster.replace(Arc::clone(&cluster));
        if let Some(before) = before.filter(|before| before.id != cluster.id) {
            registry.release(&seat.name, &before);
        }
        self.0.events.send(FleetEvent::Host(seat.name.clone()));
        Ok(cluster)
    }

    fn seat(&self, name: &str, spec: HostSpec) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            name: name.to_owned(),
            spec,
            kick: Notify::new(),
            token: self.0.token.child_token(),
        });
        let (fleet, own) = (self.clone(), Arc::clone(&seat));
        self.spawn("host", seat.token.clone(), move || {
            keep_connected(fleet.clone(), Arc::clone(&own))
        });
        seat
    }

    fn watch(&self, cluster: &Arc<Shared>) {
        let token = &cluster.token;
        let shared = Arc::clone(cluster);
        self.spawn("watcher", token.clone(), move || {
            watcher::watch(Arc::clone(&shared))
        });
        let shared = Arc::clone(cluster);
        self.spawn("sweep", token.clone(), move || sweep::sweep(Arc::clone(&shared)));
        let shared = Arc::clone(cluster);
        self.spawn("tasks", token.clone(), move || tasks::follow(Arc::clone(&shared)));
    }

    /// Runs an endless loop until its token is cancelled. One that panics is logged and begun anew: else a
    /// host would look well and never be seen again.
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        token: CancellationToken,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) {
        self.0.tasks.spawn(async move {
            let rounds = async {
                while AssertUnwindSafe(make()).catch_unwind().await.is_err() {
                    tracing::error!(task = name, "a task of the fleet panicked and is begun anew");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            token.run_until_cancelled(rounds).await;
        });
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Whether what was recorded and what was found do not go together, or may do so now.
    fn contradicts(&self) -> bool {
        match (&self.view.state, &self.expected, &self.cluster) {
            (HostState::ClusterChanged { .. }, ..) => true,
            (HostState::Usable, Some(expected), Some(cluster)) => *expected != cluster.id,
            _ => false,
        }
    }
}

impl Registry {
    /// The entry of a host if it still has this seat.
    fn of(&mut self, seat: &Arc<Seat>) -> Option<&mut Entry> {
        self.hosts
            .get_mut(&seat.name)
            .filter(|entry| Arc::ptr_eq(&entry.seat, seat))
    }

    fn release(&mut self, host: &str, cluster: &Arc<Shared>) {
        if cluster.crew.release(host) {
            self.clusters.remove(&cluster.id);
            cluster.token.cancel();
        }
    }
}
