//! Guests of either kind: what they are set to, how they are, and the changes that both know.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::{Consolidation, Kind, Timeframe};
use super::nodes::Sample;
use super::parameter::words;
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid};

words! {
    /// What a guest's storage may be able to do.
    Feature {
        /// Snapshots.
        Snapshot = "snapshot",
        /// Linked clones.
        Clone = "clone",
        /// Full clones.
        Copy = "copy",
    }
}

requests! {
    /// A guest's configuration: with what is pending, or as it is now.
    Get "/nodes/{node}/{kind}/{vmid}/config" GuestConfig (kind: Kind, node: NodeName, vmid: Vmid) {
        /// As it is now, without what is pending.
        current: Option<bool>,
        /// As it was in this snapshot.
        snapshot: Option<String>,
    } -> BTreeMap<String, Value>;

    /// A guest's configuration, what is now and what is pending side by side.
    Get "/nodes/{node}/{kind}/{vmid}/pending" GuestPending
        (kind: Kind, node: NodeName, vmid: Vmid) {} -> Vec<PendingRow>;

    /// How a guest is, without the bulk list's lag.
    Get "/nodes/{node}/{kind}/{vmid}/status/current" GuestStatus
        (kind: Kind, node: NodeName, vmid: Vmid) {} -> GuestFigures;

    /// Figures of a guest over time.
    Get "/nodes/{node}/{kind}/{vmid}/rrddata" GuestStatistics (kind: Kind, node: NodeName, vmid: Vmid;
        /// How far back.
        timeframe: Timeframe
    ) {
        /// How several values are made into one.
        cf: Option<Consolidation>,
    } -> Vec<Sample>;

    /// Whether something can be done with a guest's volumes.
    Get "/nodes/{node}/{kind}/{vmid}/feature" GuestFeature (kind: Kind, node: NodeName, vmid: Vmid;
        /// What.
        feature: Feature
    ) {
        /// Beginning with this snapshot.
        snapname: Option<String>,
    } -> FeatureAnswer;
}

guest_changes! {
    /// Starts a guest.
    Post "/nodes/{node}/{kind}/{vmid}/status/start" Start (kind: Kind) {} while fresh -> Option<Upid>;

    /// Powers a guest off at once.
    Post "/nodes/{node}/{kind}/{vmid}/status/stop" Stop (kind: Kind) {
        /// Aborts a shutdown that is under way (from 8.2).
        overrule_shutdown: Option<bool>,
    } while fresh -> Option<Upid>;

    /// Asks a guest to shut down.
    Post "/nodes/{node}/{kind}/{vmid}/status/shutdown" Shutdown (kind: Kind) {
        /// How long to wait, in seconds.
        timeout: Option<u32>,
        /// Powers it off after that.
        force_stop as "forceStop": Option<bool>,
    } while fresh -> Option<Upid>;

    /// Asks a guest to shut down, and starts it with what is pending.
    Post "/nodes/{node}/{kind}/{vmid}/status/reboot" Reboot (kind: Kind) {
        /// How long to wait, in seconds.
        timeout: Option<u32>,
    } while fresh -> Option<Upid>;

    /// Stops a guest's processors.
    Post "/nodes/{node}/{kind}/{vmid}/status/suspend" Suspend (kind: Kind) {} while fresh -> Option<Upid>;

    /// Lets a guest go on.
    Post "/nodes/{node}/{kind}/{vmid}/status/resume" Resume (kind: Kind) {} while fresh -> Option<Upid>;

    /// Makes a template of a stopped guest. There is no way back.
    Post "/nodes/{node}/{kind}/{vmid}/template" MakeTemplate (kind: Kind) {} while fresh -> Option<Upid>;

    /// Grows a volume: by `+1G`, or to `10G`. A task, but for virtual machines up to 7.4.
    Put "/nodes/{node}/{kind}/{vmid}/resize" Resize (kind: Kind;
        /// The slot: `scsi0`, `rootfs`.
        disk: String,
        /// The size.
        size: String
    ) {} by digest -> Option<Upid>;

    /// Destroys a stopped guest and the volumes that its configuration names.
    Delete "/nodes/{node}/{kind}/{vmid}" Destroy (kind: Kind) {
        /// Takes it out of backup jobs, replication, HA and the list of access rights.
        purge: Option<bool>,
    } while fresh -> Option<Upid>;
}

answers! {
    /// A line of what is set and what is pending.
    PendingRow {
        /// The option.
        key: String,
        /// What is now; absent if nothing.
        value: Option<String>,
        /// What is to be; absent if that is no other.
        pending: Option<String>,
        /// 1 if it is to go, 2 if it is to go by force.
        delete: Option<u32>,
    }

    /// How a guest is.
    GuestFigures {
        /// `running` or `stopped`.
        status: String,
        /// Of a virtual machine: QEMU's own word, such as `paused`.
        qmpstatus: Option<String>,
        /// Its name.
        name: Option<String>,
        /// Its lock.
        lock: Option<String>,
        /// Its tags, with semicolons.
        tags: Option<String>,
        /// Whether it is a template.
        template: Option<bool>,
        /// Seconds since it was started.
        uptime: Option<u64>,
        /// Used share of its processors.
        cpu: Option<f64>,
        /// Its processors.
        cpus: Option<f64>,
        /// Used memory in bytes.
        mem: Option<u64>,
        /// Memory in bytes.
        maxmem: Option<u64>,
        /// Memory that it takes from the host, in bytes (from 9.0).
        memhost: Option<u64>,
        /// Used root disk in bytes; 0 of virtual machines.
        disk: Option<u64>,
        /// Root disk in bytes.
        maxdisk: Option<u64>,
        /// Bytes received.
        netin: Option<u64>,
        /// Bytes sent.
        netout: Option<u64>,
        /// Bytes read.
        diskread: Option<u64>,
        /// Bytes written.
        diskwrite: Option<u64>,
        /// Whether the guest's agent is configured.
        agent: Option<bool>,
        /// The machine that runs.
        running_machine: Option<String>,
        /// The QEMU that runs.
        running_qemu: Option<String>,
        /// What HA does with it.
        ha: Option<HaMembership>,
    }

    /// What HA does with a guest.
    HaMembership {
        /// Whether it is under HA.
        managed: Option<bool>,
        /// What it is to be.
        state: Option<String>,
    }

    /// Whether something can be done.
    FeatureAnswer {
        /// Whether it can.
        has_feature as "hasFeature": bool,
        /// On these nodes.
        nodes: Option<Vec<NodeName>>,
    }
}
