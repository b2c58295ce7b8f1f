//! What other people do to the same hosts, and what a test may see of them without asking the API.
//!
//! Everything here happens at once, without a task and without a line in the request log: it stands for somebody at the
//! host's own shell.

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

/// Why a hand could not do it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HandsError {
    /// No guest has the number.
    #[error("no guest {0}")]
    NoGuest(u32),
    /// The number is taken.
    #[error("guest {0} exists")]
    GuestExists(u32),
    /// No node has the name.
    #[error("no node '{0}'")]
    NoNode(String),
    /// No token has the id.
    #[error("no token '{0}'")]
    NoToken(String),
    /// No volume has the id on the node.
    #[error("no volume '{0}'")]
    NoVolume(String),
}

/// A guest as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuestView {
    /// Its number.
    pub vmid: u32,
    /// Where it stands.
    pub node: String,
    /// Its `name`, if it has one.
    pub name: Option<String>,
    /// Whether it runs.
    pub running: bool,
    /// Whether it is a template.
    pub template: bool,
    /// The `uuid` of its `smbios1`.
    pub uuid: Option<String>,
    /// Its `lock`.
    pub lock: Option<String>,
    /// Its active configuration, without the digest.
    pub config: BTreeMap<String, String>,
    /// Changes that wait for the next start; `None` is a deletion.
    pub pending: BTreeMap<String, Option<String>>,
    /// How often it was started since the simulator stands.
    pub starts: u32,
}

/// A task as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskView {
    /// Its id.
    pub upid: String,
    /// Its type, as `qmclone`.
    pub kind: String,
    /// What it is about: a guest's number, of a clone the source's.
    pub id: String,
    /// Who started it.
    pub user: String,
    /// How it ended; absent while it runs.
    pub exit: Option<String>,
}
