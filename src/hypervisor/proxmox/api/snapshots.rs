//! Snapshots of guests: a tree, of which the list tells each one's parent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::Kind;
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid};

requests! {
    /// The snapshots of a guest; the last row, `current`, is the guest as it is now.
    Get "/nodes/{node}/{kind}/{vmid}/snapshot" Snapshots
        (kind: Kind, node: NodeName, vmid: Vmid) {} -> Vec<SnapshotRow>;

    /// What was set when a snapshot was taken.
    Get "/nodes/{node}/{kind}/{vmid}/snapshot/{snapname}/config" SnapshotConfig
        (kind: Kind, node: NodeName, vmid: Vmid, snapname: String) {} -> BTreeMap<String, Value>;
}

guest_changes! {
    /// Takes a snapshot of a virtual machine.
    Post "/nodes/{node}/qemu/{vmid}/snapshot" TakeVirtualMachineSnapshot (;
        /// Its name: letters, digits, `_` and `-`, a letter first, 40 at most.
        snapname: String
    ) {
        /// For people.
        description: Option<String>,
        /// With the memory, if it runs.
        vmstate: Option<bool>,
    } while fresh -> Option<Upid>;

    /// Takes a snapshot of a container.
    Post "/nodes/{node}/lxc/{vmid}/snapshot" TakeContainerSnapshot (;
        /// Its name, likewise.
        snapname: String
    ) {
        /// For people.
        description: Option<String>,
    } while fresh -> Option<Upid>;

    /// Removes a snapshot; those that rest on it stay.
    Delete "/nodes/{node}/{kind}/{vmid}/snapshot/{snapname}" DeleteSnapshot (kind: Kind, snapname: String) {
        /// Takes it out of the configuration even where its volumes can't be removed.
        force: Option<bool>,
    } while fresh -> Option<Upid>;

    /// Takes a guest back to a snapshot. What it was since then is lost.
    Post "/nodes/{node}/{kind}/{vmid}/snapshot/{snapname}/rollback" Rollback (kind: Kind, snapname: String) {
        /// Starts it then (from 8.0).
        start: Option<bool>,
    } while fresh -> Option<Upid>;

    /// Changes a snapshot's description.
    Put "/nodes/{node}/{kind}/{vmid}/snapshot/{snapname}/config" DescribeSnapshot (kind: Kind, snapname: String) {
        /// For people.
        description: Option<String>,
    } while fresh -> ();
}

answers! {
    /// A snapshot, or the guest as it is now.
    SnapshotRow {
        /// Its name; `current` for the guest as it is now.
        name: String,
        /// For people.
        description: Option<String>,
        /// When it was taken, in seconds since 1970.
        snaptime: Option<i64>,
        /// Whether it has the memory.
        vmstate: Option<bool>,
        /// The one that it rests on.
        parent: Option<String>,
        /// `prepare` or `delete` of one that is, or remained, half done.
        snapstate: Option<String>,
        /// Of `current`: the digest for changes.
        digest: Option<String>,
        /// Of `current`: whether it runs.
        running: Option<bool>,
    }
}
