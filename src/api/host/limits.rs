//! What a host is asked for at most, and what its machines get where nothing is said.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::span::Span;

/// Whether machines that no resource speaks of are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Discovery {
    /// They are not.
    #[default]
    None,
    /// Each as a resource that looks on.
    Observe,
}

/// How much may be asked of a cluster at once.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Calls at once; 8 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub requests: Option<u32>,
    /// Changing tasks at once; 4 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub tasks: Option<u32>,
    /// Of these, on one storage; 2 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub tasks_per_storage: Option<u32>,
    /// Clones of one guest at once; 2 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub clones_per_source: Option<u32>,
}

/// How many machines may be destroyed within a time.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestroyLimit {
    /// How many; 10 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub guests: Option<u32>,
    /// Within which time; 10m when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) > duration('0s') && duration(self) <= duration('24h')", "window must be more than nothing and at most 24h"))]
    pub window: Option<Span>,
}

/// What a guest gets that does not say otherwise.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostDefaults {
    /// The storage of its disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub storage: Option<String>,
    /// The bridge of its network interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15))]
    pub bridge: Option<String>,
    /// The storage of ISO images, to which Drover brings media with user data (`spec.cloudInit.userDataRef` of machines).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub iso_storage: Option<String>,
    /// The storage of the last backup of a machine that is deleted with `deletionPolicy: BackupAndDelete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub backup_storage: Option<String>,
}
