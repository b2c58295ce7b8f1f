//! Why a control plane of one's own does not start.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::assets::Missing;
use crate::runtime::Class;

/// Why a control plane of one's own does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Programs are missing.
    #[error(transparent)]
    Assets(#[from] Missing),
    /// Another Drover has the data directory.
    #[error("{} is in use by another drover standalone: end that one, or give another --data-dir", .0.display())]
    InUse(PathBuf),
    /// A file or directory could not be read or written.
    #[error("can't use {}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A process of an earlier run does not end.
    #[error("{program} (process {pid}) was left over by an earlier run and does not end")]
    Leftover {
        /// Its name.
        program: String,
        /// Its number.
        pid: u32,
    },
    /// No port is free on the loopback interface.
    #[error("no port is free on 127.0.0.1")]
    NoPort,
    /// Keys or certificates could not be made.
    #[error("can't make keys and certificates")]
    Certificates(#[from] rcgen::Error),
    /// The token file was changed by hand.
    #[error("{} lacks a user; remove it, and new tokens are made", .0.display())]
    Tokens(PathBuf),
    /// A document could not be written as YAML.
    #[error("can't write YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
    /// A document could not be read or written as JSON.
    #[error("can't read or write JSON")]
    Json(#[from] serde_json::Error),
    /// The kubeconfig was refused.
    #[error("can't use the kubeconfig")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// A program ends again and again.
    #[error("{program} does not start; the end of {}:\n{last_words}", log.display())]
    Program {
        /// Its name.
        program: &'static str,
        /// Its whole output.
        log: PathBuf,
        /// The end of it.
        last_words: String,
    },
    /// The API server does not become ready.
    #[error("the API server was not ready within {} s; see {}", after.as_secs(), logs.display())]
    NotReady {
        /// How long was waited.
        after: Duration,
        /// Where the programs' output is.
        logs: PathBuf,
    },
    /// The API server refused something.
    #[error("the API server refused {what}")]
    Kubernetes {
        /// What was asked of it.
        what: String,
        /// Its answer.
        source: Box<kube::Error>,
    },
    /// `--simulate` without the simulator.
    #[error(
        "pve-sim not found beside drover, in --assets-dir or on PATH; `cargo build -p pve-sim` in a checkout of Drover builds it"
    )]
    NoSimulator,
    /// The simulator does not say where it listens.
    #[error("pve-sim did not start; see {}", .0.display())]
    Simulator(PathBuf),
    /// The thread of a control plane in the background ended without a word.
    #[error("the control plane's thread ended")]
    Thread,
}

impl Error {
    /// Whether repeating helps.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Assets(_) | Self::InUse(_) | Self::Tokens(_) | Self::NoSimulator => Class::Invalid,
            Self::NotReady { .. } | Self::Kubernetes { .. } | Self::NoPort => Class::Transient,
            _ => Class::Permanent,
        }
    }

    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn kubernetes(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Kubernetes {
            what,
            source: Box::new(source),
        }
    }
}
