//! Whether a machine runs, and how it is brought down.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::span::Span;

/// Whether it is to run. Absent: power is left to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredPower {
    /// It runs; started again when somebody stopped it.
    Running,
    /// It does not run.
    Stopped,
    /// It is paused: its processors stand still, and its memory stays with the running host.
    Paused,
    /// Its memory is saved to disk, and it does not run; it goes on from there when it is to run again.
    Suspended,
}

/// How a machine is brought down.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// How long the guest may take; 60s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+ms$')", "grace is in whole seconds"))]
    pub grace: Option<Span>,
    /// Whether it is powered off when the time is over; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}
