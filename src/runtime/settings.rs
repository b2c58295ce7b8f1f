//! What can be configured, as plain values: read and checked in `cli.rs`, never from the environment here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::leader::ElectionSettings;

/// The namespace that Drover lives in where nothing says otherwise.
pub const DEFAULT_NAMESPACE: &str = "drover-system";

/// Everything that a running Drover is told at its start. The defaults are those of `drover run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which hosts this Drover acts on, as a Kubernetes label selector; all when absent.
    pub host_selector: Option<String>,
    /// Kubernetes clusters that are lost, by the UID of their namespace `kube-system`: machines that were made for their
    /// resources are taken over by resources of the same namespace and name.
    pub recover_from: Vec<String>,
    /// The namespaces that a host's `credentialsRef` may point into.
    pub credentials_namespaces: Vec<String>,
    /// Where `/metrics`, `/livez` and `/readyz` are served; port 0 takes a free one.
    pub admin_listen: SocketAddr,
    /// What the log looks like.
    pub log: LogSettings,
    /// How long running work may take to end, or to be recorded, after SIGTERM.
    pub shutdown_grace: Duration,
    /// How many resources of a kind are reconciled at the same time.
    pub workers: u16,
    /// The lease that a leader holds; absent where this process is alone by other means.
    pub election: Option<ElectionSettings>,
    /// The controllers' own intervals.
    pub timing: Timing,
}

/// What the log looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// Directives of `tracing-subscriber`, such as `info,drover=debug`.
    pub filter: String,
}

/// Lines for people or for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line for a person.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How long the controllers wait for what. Tests set them small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long after a create whose answer was lost a number still counts as not gone: the host may be at it.
    pub create_settle: Duration,
    /// The first wait after an error that may pass; doubled with each further one.
    pub requeue_error_min: Duration,
    /// The longest wait after errors that may pass.
    pub requeue_error_max: Duration,
    /// Between two looks at a task of one's own while it is young; events usually come first.
    pub requeue_task: Duration,
    /// Until the next try when the guest or its host is occupied.
    pub requeue_busy: Duration,
    /// Until the next look at what only a person or another resource can mend; events usually come first.
    pub requeue_waiting: Duration,
    /// The safety net: how often a resource is looked at without any event.
    pub requeue_idle: Duration,
    /// How far a host's list of guests may lag behind a guest's own status: Proxmox VE gathers it every ten
    /// seconds.
    pub list_lag: Duration,
    /// The first wait before a host that did not answer is tried again; doubled with each further one.
    pub reconnect_min: Duration,
    /// The longest of these waits.
    pub reconnect_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_selector: None,
            recover_from: Vec::new(),
            credentials_namespaces: vec![DEFAULT_NAMESPACE.to_owned()],
            admin_listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9090)),
            log: LogSettings::default(),
            shutdown_grace: Duration::from_secs(25),
            workers: 32,
            election: Some(ElectionSettings::default()),
            timing: Timing::default(),
        }
    }
}

impl Default for ElectionSettings {
    fn default() -> Self {
        Self {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            lease: Duration::from_secs(15),
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            create_settle: Duration::from_mins(2),
            requeue_error_min: Duration::from_secs(1),
            requeue_error_max: Duration::from_mins(5),
            requeue_task: Duration::from_secs(1),
            requeue_busy: Duration::from_secs(5),
            requeue_waiting: Duration::from_mins(1),
            requeue_idle: Duration::from_mins(10),
            list_lag: Duration::from_secs(13),
            reconnect_min: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(30),
        }
    }
}
