//! The live picture of every host: one watcher a cluster, bulk snapshots, change events, budgets.
//!
//! A host is declared with [`Fleet::declare`]. It is connected to in the background, its cluster is
//! identified, and from then on the cluster is watched by few requests whose number does not depend on who
//! asks. The floors above read [`Cluster::snapshot`], call the host through [`Cluster::driver`], hand long
//! tasks to [`Cluster::track`], and are woken by [`FleetEvent`]s. Nothing here knows of Kubernetes.

mod backoff;
mod breaker;
mod budget;
mod clock;
mod cluster;
mod crew;
mod diff;
mod events;
#[cfg(test)]
mod fake;
mod guarded;
mod hints;
mod host;
mod host_state;
mod locks;
mod options;
mod presence;
mod probe;
mod readings;
mod registry;
mod shared;
mod snapshot;
mod sweep;
mod tasks;
#[cfg(test)]
mod tests;
mod watcher;

pub use budget::{Held, Permit, Work};
pub use cluster::Cluster;
pub use events::{FleetEvent, FleetEvents};
pub use host::{HostSpec, HostView};
pub use host_state::HostState;
pub use options::{Budget, CallObserver, CallReport, FleetOptions, Poll};
pub use readings::{ConfigReading, Interest, NumberPresence, Unread};
pub use registry::Fleet;
pub use snapshot::Snapshot;

use clock::now;
use locks::locked;
