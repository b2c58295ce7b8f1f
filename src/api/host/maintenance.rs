//! Taking a node out of use for a while, and how that goes.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::span::Span;

/// Takes a node out of use for a while.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    /// How far.
    pub mode: MaintenanceMode,
}

/// How far a node is taken out of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum MaintenanceMode {
    /// It is in use; what was moved away comes back.
    #[default]
    None,
    /// No machine is made there or moved there.
    Cordon,
    /// Besides, Drover's machines that run there are moved to other nodes of the cluster that are declared, open to their
    /// namespace and have room; `status.maintenance` tells of each.
    Evacuate,
}

/// A time that comes again every week or day.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceWindow {
    /// When it begins: days of the week and a time, as Proxmox VE spells calendar events (`sat 02:00`, `mon..fri 22:30`,
    /// `sat,sun 4:00`); a time alone is every day.
    #[schemars(
        length(min = 4, max = 64),
        regex(
            pattern = r"^((mon|tue|wed|thu|fri|sat|sun)(\.\.(mon|tue|wed|thu|fri|sat|sun))?(,(mon|tue|wed|thu|fri|sat|sun)(\.\.(mon|tue|wed|thu|fri|sat|sun))?)* )?([01]?[0-9]|2[0-3]):[0-5][0-9]$"
        )
    )]
    pub schedule: String,
    /// How long it lasts, a week at the most.
    #[x_kube(validation = ("duration(self) >= duration('1m') && duration(self) <= duration('168h')", "duration is between 1m and 168h"))]
    pub duration: Span,
    /// The zone of the times, as `Europe/Rome`; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_+/\-]+$"))]
    pub time_zone: Option<String>,
}

/// How the maintenance of a node goes.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceStatus {
    /// What the spec asks for.
    pub mode: MaintenanceMode,
    /// Machines that are still to be moved, away or back.
    pub waiting: u32,
    /// Machines that were moved away.
    pub away: u32,
    /// Machines that can't be moved.
    pub blocked: u32,
    /// Guests that run on the node and that no resource owns: they are left alone.
    pub others: u32,
    /// Each of Drover's machines, those that can't be moved first; 200 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub machines: Vec<MaintainedMachine>,
}

/// How it goes with one machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintainedMachine {
    /// Namespace of its resource.
    pub namespace: String,
    /// Name of its resource.
    pub name: String,
    /// Its number.
    pub vmid: u32,
    /// How it goes.
    pub state: Maintained,
    /// The node that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// How it goes with a machine of a node under maintenance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub enum Maintained {
    /// It can't be moved.
    Blocked,
    /// It is still to be moved away.
    Waiting,
    /// It is being moved away.
    Moving,
    /// It is on another node.
    Away,
    /// It is still to be brought back, or on its way.
    Returning,
}
