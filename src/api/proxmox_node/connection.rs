//! How a node is reached, and how often.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::span::Span;

/// How a certificate is checked.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("[has(self.caBundle), has(self.fingerprint), has(self.insecureSkipVerify) && self.insecureSkipVerify].filter(x, x).size() <= 1", "choose one of caBundle, fingerprint and insecureSkipVerify")
)]
pub struct Tls {
    /// Accepts any certificate. Only for tests: whoever is between Drover and the node can read the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// Certificates of the authorities to trust, in PEM (`/etc/pve/pve-root-ca.pem` of the node).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub ca_bundle: Option<String>,
    /// The SHA-256 fingerprint of the node's own certificate, as its Certificates page shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 95), regex(pattern = r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$"))]
    pub fingerprint: Option<String>,
}

/// How often a cluster is looked at, whatever the number of its guests.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Poll {
    /// Between two looks at the recent tasks; 3s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('30ms')", "tasks must be 30ms at least"))]
    pub tasks: Option<Span>,
    /// Between two looks at the list of guests; 10s when absent, which is how often Proxmox VE refreshes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('100ms')", "resources must be 100ms at least"))]
    pub resources: Option<Span>,
    /// In which each guest's configuration is read once; 1h when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('100ms')", "sweep must be 100ms at least"))]
    pub sweep: Option<Span>,
}
