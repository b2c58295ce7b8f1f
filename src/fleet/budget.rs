//! How many mutating tasks may run at once in a cluster, on one storage, and from one source of clones.

use std::collections::BTreeSet;

use crate::model::Vmid;

/// A mutating task that somebody wants to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The guest for which it is: who is woken when there is room.
    pub vmid: Vmid,
    /// The storages that it writes to.
    pub storages: BTreeSet<String>,
    /// The guest that it copies.
    pub clone_source: Option<Vmid>,
}

/// Why a task may not start yet. The guest is woken, first come first served, when it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// In words, for a condition.
    pub reason: String,
}

/// The right to run one mutating task, given back when dropped. Hand it to [`super::Cluster::track`] with
/// the task, or drop it when the call was done at once or failed.
#[derive(Debug)]
#[must_use = "the room is given back when the permit is dropped"]
pub struct Permit {
    _private: (),
}
