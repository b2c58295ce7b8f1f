//! The cluster as a whole: membership, the bulk list, tasks, numbers and settings.

use serde_json::Value;

use super::parameter::words;
use super::request::{answers, requests, wire_name};
use crate::model::{NodeName, Vmid};

words! {
    /// Which rows of the bulk list are wanted.
    ResourceType {
        /// Guests.
        Guests = "vm",
        /// Storages.
        Storages = "storage",
        /// Nodes.
        Nodes = "node",
        /// Software-defined networks.
        Networks = "sdn",
    }
}

requests! {
    /// The version of the member that answers.
    Get "/version" Version () {} -> VersionInfo;

    /// Membership and quorum. A node on its own has no row for a cluster.
    Get "/cluster/status" ClusterStatus () {} -> Vec<StatusRow>;

    /// The bulk list, up to ten seconds old.
    Get "/cluster/resources" Resources () {
        /// Only these rows.
        kind as "type": Option<ResourceType>,
    } -> Vec<Resource>;

    /// The newest tasks of all members: a hint, not a record.
    Get "/cluster/tasks" ClusterTasks () {} -> Vec<ClusterTask>;

    /// A number that no guest has now. It is not reserved.
    Get "/cluster/nextid" NextId () {
        /// Whether this one is free; answered 400 if not.
        vmid: Option<Vmid>,
    } -> Vmid;

    /// The settings of the datacenter.
    Get "/cluster/options" ClusterOptions () {} -> DatacenterOptions;
}

answers! {
    /// A version.
    VersionInfo {
        /// `9.2.11`; up to 7.4 `7.4-17`.
        version: String,
        /// `9.2`.
        release: Option<String>,
        /// The commit.
        repoid: Option<String>,
    }

    /// The cluster, or one of its nodes.
    StatusRow {
        /// `cluster` or `node`.
        kind as "type": String,
        /// Its name.
        name: String,
        /// Of a node: its number in the cluster, 0 on its own.
        nodeid: Option<u32>,
        /// Of a node: its address.
        ip: Option<String>,
        /// Of a node: whether it is reached.
        online: Option<bool>,
        /// Of a node: whether it is the one that answers.
        local: Option<bool>,
        /// Of the cluster: whether it has a majority.
        quorate: Option<bool>,
        /// Of the cluster: how many nodes it has.
        nodes: Option<u32>,
        /// Of the cluster: the version of its configuration.
        version: Option<u64>,
    }

    /// A row of the bulk list.
    Resource {
        /// `qemu/100`, `node/pve1`, `storage/pve1/local`.
        id: String,
        /// `qemu`, `lxc`, `node`, `storage`, `pool`, `sdn`, `network`.
        kind as "type": String,
        /// Where it is.
        node: Option<NodeName>,
        /// Of a guest: its number.
        vmid: Option<Vmid>,
        /// Of a guest: its name, absent for its first seconds.
        name: Option<String>,
        /// `running`, `stopped`, `unknown`, `online`, `offline`, `available`.
        status: Option<String>,
        /// Of a guest: whether it is a template.
        template: Option<bool>,
        /// Of a guest: its lock.
        lock: Option<String>,
        /// Of a guest: its tags, with semicolons.
        tags: Option<String>,
        /// Of a guest: its pool.
        pool: Option<String>,
        /// Of a guest: what HA does with it.
        hastate: Option<String>,
        /// Seconds since it was started.
        uptime: Option<u64>,
        /// Used share of the processors.
        cpu: Option<f64>,
        /// Processors.
        maxcpu: Option<f64>,
        /// Used memory in bytes.
        mem: Option<u64>,
        /// Memory in bytes.
        maxmem: Option<u64>,
        /// Used disk in bytes.
        disk: Option<u64>,
        /// Disk in bytes.
        maxdisk: Option<u64>,
        /// Of a storage: its name.
        storage: Option<String>,
        /// Of a storage: its type.
        plugintype: Option<String>,
        /// Of a storage: what it holds, with commas.
        content: Option<String>,
        /// Of a storage: whether it is the same on all nodes.
        shared: Option<bool>,
    }

    /// A task in the cluster's list, which is a hint: one row that can't be read must not spoil the others.
    ClusterTask {
        /// Its identifier.
        upid: String,
        /// How it ended; absent while it runs.
        status: Option<String>,
        /// When it ended, in seconds since 1970.
        endtime: Option<i64>,
        /// Whether it is kept on the node's disk.
        saved: Option<bool>,
    }

    /// The settings of the datacenter that matter to Drover.
    DatacenterOptions {
        /// The bounds of new numbers, taken apart or as a property string.
        next_id: Option<Value>,
        /// How guests are moved, likewise.
        migration: Option<Value>,
        /// What HA does when a node is shut down, likewise.
        ha: Option<Value>,
        /// The first bytes of new MAC addresses.
        mac_prefix: Option<String>,
        /// How tags are shown and sorted, likewise.
        tag_style: Option<Value>,
        /// Limits of bandwidth, likewise.
        bwlimit: Option<Value>,
    }
}
