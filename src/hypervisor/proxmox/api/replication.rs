//! Replication of guests' volumes to other nodes.

use super::parameter::{List, groups, words};
use super::request::{answers, requests, wire_name};
use crate::model::{NodeName, Vmid};

words! {
    /// The sort of a replication.
    ReplicationType {
        /// Within the cluster.
        Local = "local",
    }
}

groups! {
    /// What can be set of a replication.
    ReplicationSettings {
        /// When, as a calendar event; every 15 minutes when absent.
        schedule: Option<String>,
        /// Limit in MB/s.
        rate: Option<f64>,
        /// Whether it is out of force.
        disable: Option<bool>,
        /// For people.
        comment: Option<String>,
    }
}

requests! {
    /// The replications of the cluster.
    Get "/cluster/replication" Replications () {} -> Vec<Replication>;

    /// Makes a replication.
    Post "/cluster/replication" CreateReplication (;
        /// Guest and number: `100-0`.
        id: String,
        /// Where to.
        target: NodeName,
        /// Its sort.
        kind as "type": ReplicationType
    ) {
        /// When, and how fast.
        settings: ReplicationSettings,
    } -> ();

    /// Changes a replication.
    Put "/cluster/replication/{id}" UpdateReplication (id: String) {
        /// What is to be.
        settings: ReplicationSettings,
        /// What is set no longer.
        delete: List,
        /// The digest of what was read.
        digest: Option<String>,
    } -> ();

    /// Marks a replication for removal, with the copies that it made.
    Delete "/cluster/replication/{id}" DeleteReplication (id: String) {
        /// Leaves the copies where they are.
        keep: Option<bool>,
        /// Removes the entry alone.
        force: Option<bool>,
    } -> ();

    /// How the replications of a node's guests go.
    Get "/nodes/{node}/replication" ReplicationStatus (node: NodeName) {
        /// Of this guest alone.
        guest: Option<Vmid>,
    } -> Vec<ReplicationState>;
}

answers! {
    /// A replication.
    Replication {
        /// Guest and number: `100-0`.
        id: String,
        /// The guest.
        guest: Vmid,
        /// Where to.
        target: NodeName,
        /// From where, if it is recorded.
        source: Option<NodeName>,
        /// When, as a calendar event.
        schedule: Option<String>,
        /// Limit in MB/s.
        rate: Option<f64>,
        /// Whether it is out of force.
        disable: Option<bool>,
        /// `full` or `local` while it is being removed.
        remove_job as "remove_job": Option<String>,
        /// For people.
        comment: Option<String>,
    }

    /// How a replication goes.
    ReplicationState {
        /// Guest and number: `100-0`.
        id: String,
        /// The guest.
        guest: Vmid,
        /// Where to.
        target: Option<NodeName>,
        /// When it last succeeded, in seconds since 1970; 0 for never.
        last_sync as "last_sync": Option<i64>,
        /// When it was last tried.
        last_try as "last_try": Option<i64>,
        /// When it is next tried.
        next_sync as "next_sync": Option<i64>,
        /// How long the last one took, in seconds.
        duration: Option<f64>,
        /// Failures since the last success.
        fail_count as "fail_count": Option<u32>,
        /// Why the last one failed.
        error: Option<String>,
    }
}
