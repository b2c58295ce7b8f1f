//! The system inside a guest, as far as its agent can touch it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What there is inside.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Inside {
    /// Files that the agent wrote, by path.
    pub(crate) files: BTreeMap<String, String>,
    /// What programs that the agent started have come to, by process number.
    pub(crate) processes: BTreeMap<u32, Process>,
    /// Whether the file systems are frozen.
    pub(crate) frozen: bool,
}

/// A program that ran.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Process {
    pub(crate) exit_code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}
