//! What the fleet is told from outside: how often it asks, how much it may ask, who counts its calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::runtime::Class;

/// How often an idle cluster is asked. Of several hosts of one cluster the shortest intervals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Between two looks at the list of recent tasks.
    pub tasks: Duration,
    /// Between two bulk lists.
    pub resources: Duration,
    /// Between two looks at membership and quorum.
    pub status: Duration,
    /// In which every guest's configuration is read once.
    pub sweep: Duration,
}

impl Poll {
    /// The shorter interval of two, each by itself.
    pub(super) fn min(self, other: Self) -> Self {
        Self {
            tasks: self.tasks.min(other.tasks),
            resources: self.resources.min(other.resources),
            status: self.status.min(other.status),
            sweep: self.sweep.min(other.sweep),
        }
    }
}

impl Default for Poll {
    fn default() -> Self {
        Self {
            tasks: Duration::from_secs(3),
            resources: Duration::from_secs(10),
            status: Duration::from_secs(30),
            sweep: Duration::from_hours(1),
        }
    }
}

/// How much may be under way at once. `requests` counts for each host, the others for the cluster, where
/// the smallest of its hosts' values count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in flight.
    pub requests: usize,
    /// Mutating tasks.
    pub tasks: usize,
    /// Mutating tasks that write to one storage.
    pub tasks_per_storage: usize,
    /// Clones that read one source.
    pub clones_per_source: usize,
}

impl Budget {
    /// The smaller allowance of two, each by itself.
    pub(super) fn min(self, other: Self) -> Self {
        Self {
            requests: self.requests.min(other.requests),
            tasks: self.tasks.min(other.tasks),
            tasks_per_storage: self.tasks_per_storage.min(other.tasks_per_storage),
            clones_per_source: self.clones_per_source.min(other.clones_per_source),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            requests: 8,
            tasks: 4,
            tasks_per_storage: 2,
            clones_per_source: 2,
        }
    }
}

/// One call that reached for a host, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallReport<'a> {
    /// The host as declared.
    pub host: &'a str,
    /// The method of the `Hypervisor` trait (`overview`, `guest_config`), or `probe` for the reads with
    /// which a host is connected to.
    pub operation: &'static str,
    /// The class of the failure, if it failed.
    pub failure: Option<Class>,
    /// How long the host took, without the wait for a permit.
    pub took: Duration,
}

/// Is told of every call that was sent. Must return at once.
pub type CallObserver = Arc<dyn Fn(&CallReport<'_>) + Send + Sync>;

/// Settings of the whole fleet.
#[derive(Clone)]
pub struct FleetOptions {
    /// Seed of the jitter, so that runs can be repeated.
    pub seed: u64,
    /// How far the bulk list may lag behind a guest's own status: Proxmox VE gathers it every ten seconds.
    pub list_lag: Duration,
    /// The first wait before a host that did not answer is tried again; doubled with each further one.
    pub reconnect_min: Duration,
    /// The longest of these waits, and how long a connection stands before they begin anew.
    pub reconnect_max: Duration,
    /// Who counts the calls.
    pub observe: Option<CallObserver>,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            list_lag: Duration::from_secs(13),
            reconnect_min: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(30),
            observe: None,
        }
    }
}

impl fmt::Debug for FleetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetOptions")
            .field("seed", &self.seed)
            .field("list_lag", &self.list_lag)
            .field("reconnect_min", &self.reconnect_min)
            .field("reconnect_max", &self.reconnect_max)
            .finish_non_exhaustive()
    }
}
