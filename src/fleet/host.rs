//! Declared hosts.
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::cluster::Cluster;
use super::events::FleetEvents;
use super::options::{Budget, FleetOptions, Poll};
use crate::hypervisor::Hypervisor;
use crate::model::{ClusterId, HostVersion, NodeName};

/// How a host is reached and what may be asked of it.
#[derive(Clone)]
pub struct HostSpec {
    /// The driver, with address and credentials.
    pub driver: Arc<dyn Hypervisor>,
    /// Changes whenever the driver, intervals or budget change (a hash of spec and Secret). A declaration
    /// with the same fingerprint keeps the connection.
    pub fingerprint: u64,
    /// The node that this host is; absent: the one that answers.
    pub node_name: Option<NodeName>,
    /// The cluster that was recorded for it: another one at its address is not touched.
    pub expected_cluster: Option<ClusterId>,
    /// How often its cluster is asked.
    pub poll: Poll,
    /// How much may be under way at once.
    pub budget: Budget,
}

/// How it stands with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostState {
    /// It is being asked for the first time, or after a change of its spec.
    Connecting,
    /// It answers, and its cluster is the right one.
    Usable,
    /// It does not answer.
    Unreachable {
        /// Why, in words.
        reason: String,
    },
    /// It does not accept the credentials, or they do not suffice to look at it.
    Denied {
        /// Why, in words.
        reason: String,
    },
    /// Its certificate is not accepted.
    Untrusted {
        /// Why, in words.
        reason: String,
        /// The SHA-256 fingerprint that it showed.
        fingerprint: Option<String>,
    },
    /// Another cluster answers at its address. Nothing is sent.
    ClusterChanged {
        /// The recorded one.
        expected: ClusterId,
        /// The one that answers.
        found: ClusterId,
    },
    /// No member has the name that the spec gives.
    NodeUnknown {
        /// The name.
        name: Option<NodeName>,
        /// The members that there are.
        members: Vec<NodeName>,
    },
    /// It shows the same cluster identity as another declared host, but they are not members of each
    /// other's cluster (a node that was taken out of a cluster and not installed anew). Nothing is sent.
    NotMember {
        /// The other host.
        of: String,
    },
    /// It answers in a way that can't be worked with.
    Failed {
        /// Why, in words.
        reason: String,
    },
}

/// What is known of a declared host.
#[derive(Clone, Debug)]
pub struct HostView {
    /// How it stands.
    pub state: HostState,
    /// Since when.
    pub since: Instant,
    /// Its version, as of the last time that it was connected to.
    pub version: Option<HostVersion>,
    /// The node that it is.
    pub node: Option<NodeName>,
    /// Its cluster. Stays while the host can't be reached, so that the last snapshot can be read.
    pub cluster: Option<Cluster>,
}

/// All declared hosts and their clusters. Clones are the same fleet.
#[derive(Clone)]
pub struct Fleet {}

impl Fleet {
    /// An empty fleet, whose tasks end with `token` or with [`Fleet::shutdown`].
    #[must_use]
    pub fn new(_options: FleetOptions, _token: CancellationToken) -> (Self, FleetEvents) {
        let (_events, receiver) = super::events::Events::new();
        (Self {}, receiver)
    }

    /// Declares a host, or declares it again after a change. Connects in the background.
    pub fn declare(&self, _name: &str, _spec: HostSpec) {}

    /// Forgets a host; its cluster too, if no other host is of it.
    pub fn forget(&self, _name: &str) {}

    /// What is known of a host.
    #[must_use]
    pub fn host(&self, _name: &str) -> Option<HostView> {
        None
    }

    /// The cluster with this id, if a declared host is or was found to be of it.
    #[must_use]
    pub fn cluster(&self, _id: &ClusterId) -> Option<Cluster> {
        None
    }

    /// Ends all background tasks and waits for their end.
    pub async fn shutdown(&self) {}
}
