//! The live picture of every host: one watcher a cluster, bulk snapshots, change events, budgets.
//!
//! A host is declared with [`Fleet::declare`]. It is connected to in the background, its cluster is
//! identified, and from then on the cluster is watched by few requests whose number does not depend on who
//! asks. The floors above read [`Cluster::snapshot`], call the host through [`Cluster::driver`], hand long
//! tasks to [`Cluster::track`], and are woken by [`FleetEvent`]s. Nothing here knows of Kubernetes.

mod budget;
mod cluster;
mod events;
mod host;
mod options;
mod readings;
mod snapshot;

pub use budget::{Held, Permit, Work};
pub use cluster::Cluster;
pub use events::{FleetEvent, FleetEvents};
pub use host::{Fleet, HostSpec, HostState, HostView};
pub use options::{Budget, CallObserver, CallReport, FleetOptions, Poll};
pub use readings::{Addresses, ConfigReading, Interest, NumberPresence, Unread};
pub use snapshot::Snapshot;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what a panic elsewhere can't leave half written: all guarded sections here are plain assignments.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
