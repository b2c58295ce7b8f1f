//! What is declared of a node.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{Poll, Tls};
use crate::api::host::{
    AllowedNamespaces, Budget, DestroyLimit, Discovery, HostDefaults, HostStatus, Maintenance,
    MaintenanceWindow, NameRef, SecretRef, Tenancy,
};
use crate::api::span::Span;

/// How to reach a node of Proxmox VE, and what may be done there.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "ProxmoxNode",
    plural = "proxmoxnodes",
    shortname = "pxn",
    category = "drover",
    status = "HostStatus",
    derive = "PartialEq",
    doc = "A node of Proxmox VE, on its own or a member of a cluster. Virtual machines name it as their host.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether Drover can work with the node"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready or not; kubectl describe says more"
    ),
    printcolumn(
        name = "Node",
        type_ = "string",
        json_path = ".status.nodeName",
        description = "Name of the node in Proxmox VE"
    ),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".status.version",
        description = "Version of Proxmox VE"
    ),
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = ".status.cluster.name",
        description = "Name of its cluster"
    ),
    printcolumn(
        name = "Maintenance",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Maintenance")].reason"#,
        description = "How its maintenance goes"
    ),
    printcolumn(
        name = "VMs",
        type_ = "integer",
        json_path = ".status.guests.virtualMachines",
        description = "Virtual machines on the node, Drover's and others"
    ),
    printcolumn(
        name = "Name",
        type_ = "string",
        json_path = ".spec.displayName",
        description = "What people call it",
        priority = 1
    ),
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".spec.host",
        description = "Where it is reached",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.host) != has(self.connectionRef)", "give either host (with credentialsRef) or connectionRef, not both"),
    validation = ("has(self.host) == has(self.credentialsRef)", "host and credentialsRef belong together: credentialsRef names the Secret with the API token"),
    validation = ("!has(self.connectionRef) || !has(self.discoverMembers) || !self.discoverMembers", "with connectionRef, discoverMembers belongs to the node that it names"),
    validation = ("!has(self.connectionRef) || has(self.nodeName)", "with connectionRef, nodeName must say which member of the cluster is meant"),
    validation = ("!has(self.connectionRef) || (!has(self.port) && !has(self.tls) && !has(self.timeout) && !has(self.poll) && !has(self.vmidRange) && !has(self.vmidReuse))", "with connectionRef, port, tls, timeout, poll, vmidRange and vmidReuse come from the node that it names")
)]
pub struct ProxmoxNodeSpec {
    /// A name for people, shown by `kubectl get proxmoxnodes -o wide`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub display_name: Option<String>,

    /// Takes address, credentials, TLS, time-out, polling and number range from another ProxmoxNode of the
    /// same cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_ref: Option<NameRef>,

    /// Name or address under which the node's API is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9.:\-\[\]]+$"))]
    pub host: Option<String>,

    /// Port of the API; 8006 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,

    /// The Secret with the credentials: the keys `tokenId` (`user@realm!name`) and `tokenSecret` of an API token,
    /// or else `username` (`user@realm`) and `password`. A changed Secret is taken up at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretRef>,

    /// How the node's certificate is checked; against the system's authorities when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,

    /// How long one call may take; 30s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,

    /// How often the cluster is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,

    /// The numbers from which new guests get theirs; 100 to 999999999 when absent. The datacenter's own
    /// bounds are honoured too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid_range: Option<VmidRange>,

    /// Whether numbers may be given a second time. `Never` (the default): when the range is used up, no
    /// guest is created. `AfterRange`: then free numbers are used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid_reuse: Option<VmidReuse>,

    /// Name of the node in Proxmox VE; absent: the one that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?$")
    )]
    #[x_kube(validation = ("self == oldSelf", "nodeName can't be changed: make another ProxmoxNode"))]
    pub node_name: Option<String>,

    /// Whether a ProxmoxNode with `connectionRef` to this one is made for each further member of its cluster that has none. It
    /// gets this one's labels, budget, namespaces, tenancy and defaults, and is nobody's charge but yours from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover_members: Option<bool>,

    /// Whether machines on this node that no resource speaks of are shown as resources with `managementPolicy: Observe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,

    /// The namespace of these; `drover-system` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([a-z0-9\-]*[a-z0-9])?$")
    )]
    pub discovery_namespace: Option<String>,

    /// How much may be asked of the cluster at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,

    /// Which namespaces may use this node; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,

    /// What a guest gets that does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<HostDefaults>,

    /// How many machines of its cluster may be destroyed through this node within a time; 10 guests in 10m when absent.
    /// Beyond that all deletions wait for the annotation `drover.dev/release-deletions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy_limit: Option<DestroyLimit>,

    /// What the namespaces that may use this node can reach here. Absent: the storages and the bridge of `defaults`, and
    /// nothing that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<Tenancy>,

    /// Takes the node out of use for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,

    /// When machines with `rebootPolicy: InWindow` may be rebooted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<MaintenanceWindow>,
}

/// A range of guest numbers, both ends included.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.min <= self.max", "min must not be above max"))]
pub struct VmidRange {
    /// The lowest number.
    #[schemars(range(min = 100, max = 999_999_999))]
    pub min: u32,
    /// The highest number.
    #[schemars(range(min = 100, max = 999_999_999))]
    pub max: u32,
}

/// Whether numbers may be given a second time. `Never` (the default): when the range is used up, no guest is
/// created. `AfterRange`: then free numbers are used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum VmidReuse {
    /// Each number once.
    #[default]
    Never,
    /// Again, once the range is used up.
    AfterRange,
}
