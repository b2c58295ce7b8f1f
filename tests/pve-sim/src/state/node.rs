//! One host of the cluster: what it is, how long it has been up, how its system is set up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::seed::SeedMachine;

/// One host of the cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) online: bool,
    pub(crate) proxy: NodeProxy,
    pub(crate) since: Moment,
    pub(crate) cpus: u32,
    pub(crate) memory: u64,
    pub(crate) ip: String,
    /// The first moment that there are statistics of, in seconds since the epoch.
    pub(crate) measured_since: i64,
    /// Seconds that it had been up when the simulator started.
    pub(crate) age: u64,
    /// Bytes of its root file system, and how many are used.
    pub(crate) rootfs: (u64, u64),
    pub(crate) settings: Settings,
    /// What `GET /nodes/{node}/certificates/info` says, the CA's first.
    pub(crate) certificates: Vec<crate::tls::CertificateInfo>,
    /// The version of its packages, where it is not the cluster's.
    #[serde(default)]
    pub(crate) version: Option<String>,
}

impl Node {
    /// Seconds since its boot.
    pub(crate) fn uptime(&self) -> u64 {
        self.age + self.since.elapsed().as_secs()
    }

    /// The clock in which process start times are counted: hundredths of a second since boot.
    pub(crate) fn ticks(&self) -> u64 {
        self.age * 100 + u64::try_from(self.since.elapsed().as_millis() / 10).unwrap_or(0)
    }

    /// Its system begins anew.
    pub(crate) fn reboot(&mut self) {
        self.age = 0;
        self.since = Moment::now();
    }

    /// Of the certificate that the node itself presents.
    pub(crate) fn fingerprint(&self) -> &str {
        self.certificates.last().map_or("", |c| c.fingerprint.as_str())
    }
}

/// What the other nodes meet when they pass a call on to a node that is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeProxy {
    /// An answer.
    #[default]
    Answers,
    /// A closed port: `595 Connection refused`.
    Refuses,
    /// Nothing, until they give up: `595 Connection timed out`.
    Silent,
    /// A connection, and no answer until they give up: `596 Connection timed out`, as `AnyEvent::HTTP` has it for what
    /// goes wrong once it is connected.
    Busy,
}

impl NodeProxy {
    /// As a person reads it.
    pub(crate) fn of(self, node: &str) -> String {
        match self {
            Self::Answers => format!("node {node} answers the others"),
            Self::Refuses => format!("node {node} refuses connections"),
            Self::Silent => format!("node {node} keeps silent"),
            Self::Busy => format!("node {node} takes connections and doesn't answer"),
        }
    }
}

/// What can be set on a node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Settings {
    pub(crate) timezone: String,
    pub(crate) search: Option<String>,
    /// Up to three name servers.
    pub(crate) dns: Vec<String>,
    /// `/etc/hosts`.
    pub(crate) hosts: String,
    /// `/etc/pve/nodes/{node}/config`.
    pub(crate) config: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn of(name: &str, ip: &str, machine: &SeedMachine) -> Self {
        Self {
            timezone: "UTC".to_owned(),
            search: None,
            dns: vec![machine.name_server.clone()],
            hosts: format!("127.0.0.1 localhost\n{ip} {name}.example.invalid {name}\n"),
            config: BTreeMap::new(),
        }
    }
}

/// What all nodes have alike.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct System {
    pub(crate) machine: SeedMachine,
}

impl System {
    /// Whether orders to the HA stack are carried out.
    pub(crate) fn has_ha(&self) -> bool {
        self.machine
            .services
            .iter()
            .any(|service| service == "pve-ha-crm")
    }
}
