//! Nodes: what they are, how they are, and what they have.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::{Consolidation, Timeframe};
use super::parameter::words;
use super::request::{answers, requests, wire_name};
use crate::model::NodeName;

words! {
    /// The sort of a network interface.
    InterfaceType {
        /// A bridge of either sort, or a virtual network.
        AnyBridge = "any_bridge",
        /// A bridge of Linux.
        Bridge = "bridge",
        /// A bond.
        Bond = "bond",
        /// A card.
        Eth = "eth",
        /// A VLAN.
        Vlan = "vlan",
    }
}

requests! {
    /// The nodes of the cluster. One that is off has no figures.
    Get "/nodes" Nodes () {} -> Vec<NodeRow>;

    /// How a node is.
    Get "/nodes/{node}/status" NodeStatus (node: NodeName) {} -> NodeFigures;

    /// The version of a node.
    Get "/nodes/{node}/version" NodeVersion (node: NodeName) {} -> super::cluster::VersionInfo;

    /// The network interfaces of a node.
    Get "/nodes/{node}/network" NodeNetwork (node: NodeName) {
        /// Of this sort.
        kind as "type": Option<InterfaceType>,
    } -> Vec<NetworkInterface>;

    /// The clock of a node.
    Get "/nodes/{node}/time" NodeTime (node: NodeName) {} -> NodeClock;

    /// The certificates of a node.
    Get "/nodes/{node}/certificates/info" NodeCertificates (node: NodeName) {} -> Vec<CertificateInfo>;

    /// Figures of a node over time.
    Get "/nodes/{node}/rrddata" NodeStatistics (node: NodeName;
        /// How far back.
        timeframe: Timeframe
    ) {
        /// How several values are made into one.
        cf: Option<Consolidation>,
    } -> Vec<Sample>;

    /// What an URL leads to.
    Get "/nodes/{node}/query-url-metadata" QueryUrl (node: NodeName;
        /// The URL.
        url: String
    ) {
        /// Whether its certificate is checked.
        verify_certificates: Option<bool>,
    } -> UrlMetadata;
}

answers! {
    /// A node in the list.
    NodeRow {
        /// Its name.
        node: NodeName,
        /// `online`, `offline` or `unknown`.
        status: String,
        /// Used share of the processors.
        cpu: Option<f64>,
        /// Processors.
        maxcpu: Option<u32>,
        /// Used memory in bytes.
        mem: Option<u64>,
        /// Memory in bytes.
        maxmem: Option<u64>,
        /// Used root disk in bytes.
        disk: Option<u64>,
        /// Root disk in bytes.
        maxdisk: Option<u64>,
        /// Seconds since it was started.
        uptime: Option<u64>,
        /// SHA-256 of its certificate.
        ssl_fingerprint as "ssl_fingerprint": Option<String>,
        /// The level of its subscription.
        level: Option<String>,
    }

    /// How a node is.
    NodeFigures {
        /// Seconds since it was started.
        uptime: u64,
        /// Used share of the processors.
        cpu: f64,
        /// Share of time spent on waiting for I/O.
        wait: Option<f64>,
        /// Load over 1, 5 and 15 minutes.
        loadavg: Vec<f64>,
        /// Memory.
        memory: Amounts,
        /// Swap space.
        swap: Amounts,
        /// The root disk.
        rootfs: Amounts,
        /// The processors.
        cpuinfo: CpuInfo,
        /// `pve-manager/9.2.11/…`.
        pveversion: String,
        /// The kernel.
        kversion: Option<String>,
        /// Memory that is shared by KSM.
        ksm: Option<Ksm>,
    }

    /// Amounts in bytes.
    Amounts {
        /// In all.
        total: u64,
        /// Used.
        used: u64,
        /// Free.
        free: u64,
        /// Of memory: available to programs (from 9.0).
        available: Option<u64>,
        /// Of a disk: available to users.
        avail: Option<u64>,
    }

    /// The processors of a node.
    CpuInfo {
        /// Threads in all.
        cpus: u32,
        /// Cores of a socket.
        cores: Option<u32>,
        /// Sockets.
        sockets: Option<u32>,
        /// The model.
        model: Option<String>,
        /// Frequency.
        mhz: Option<f64>,
        /// Features, with spaces.
        flags: Option<String>,
        /// Hardware virtualisation: `0`, `1`, or `svm` and `vmx`.
        hvm: Option<String>,
    }

    /// Shared memory.
    Ksm {
        /// In bytes.
        shared: u64,
    }

    /// A network interface.
    NetworkInterface {
        /// Its name.
        iface: String,
        /// `bridge`, `bond`, `eth`, …
        kind as "type": String,
        /// Whether it is up.
        active: Option<bool>,
        /// Whether it is brought up at boot.
        autostart: Option<bool>,
        /// Its address with the prefix's length.
        cidr: Option<String>,
        /// Likewise, IPv6.
        cidr6: Option<String>,
        /// The gateway.
        gateway: Option<String>,
        /// Of a bridge: its ports, with spaces.
        bridge_ports as "bridge_ports": Option<String>,
        /// Of a bridge: whether it knows VLANs.
        bridge_vlan_aware as "bridge_vlan_aware": Option<bool>,
        /// For people.
        comments: Option<String>,
    }

    /// A clock.
    NodeClock {
        /// Seconds since 1970, UTC.
        time: i64,
        /// Likewise in local time.
        localtime: i64,
        /// `Europe/Vienna`.
        timezone: String,
    }

    /// A certificate.
    CertificateInfo {
        /// Its file: `pve-root-ca.pem`, `pve-ssl.pem`, `pveproxy-ssl.pem`.
        filename: Option<String>,
        /// SHA-256.
        fingerprint: Option<String>,
        /// To whom.
        subject: Option<String>,
        /// By whom.
        issuer: Option<String>,
        /// The names that it is for.
        san: Option<Vec<String>>,
        /// From when, in seconds since 1970.
        notbefore: Option<i64>,
        /// Until when.
        notafter: Option<i64>,
        /// Itself.
        pem: Option<String>,
    }

    /// Figures at a time. A gap has none.
    Sample {
        /// In seconds since 1970.
        time: i64,
        /// By name; rates are per second, sizes in bytes.
        #[serde(flatten)] values: BTreeMap<String, Value>,
    }

    /// What an URL leads to.
    UrlMetadata {
        /// The file's name.
        filename: Option<String>,
        /// Its size in bytes.
        size: Option<u64>,
        /// Its type.
        mimetype: Option<String>,
    }
}
