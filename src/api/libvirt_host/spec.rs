//! What is declared of a host with libvirt.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::api::host::{
    AllowedNamespaces, Budget, DestroyLimit, Discovery, HostStatus, Maintenance, MaintenanceWindow,
    SecretRef, Tenancy,
};
use crate::api::span::Span;

/// How to reach libvirt on a host, and what may be done there.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "LibvirtHost",
    plural = "libvirthosts",
    shortname = "lvh",
    category = "drover",
    status = "HostStatus",
    derive = "PartialEq",
    doc = "A host with libvirt. Virtual machines name it as their host.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether Drover can work with the host"
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
        description = "What the host calls itself"
    ),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".status.version",
        description = "Version of libvirt"
    ),
    printcolumn(
        name = "VMs",
        type_ = "integer",
        json_path = ".status.guests.virtualMachines",
        description = "Domains on the host, Drover's and others"
    ),
    printcolumn(
        name = "Name",
        type_ = "string",
        json_path = ".spec.displayName",
        description = "What people call it",
        priority = 1
    ),
    printcolumn(
        name = "URI",
        type_ = "string",
        json_path = ".spec.uri",
        description = "Where it is reached",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.maintenance) || self.maintenance.mode != 'Evacuate'", "maintenance.mode Evacuate is for nodes of a cluster: move the machines by their hostRef, and choose Cordon"),
    validation = ("!(self.uri.contains('+tls:') || self.uri.contains('+ssh:')) || has(self.credentialsRef)", "a remote host needs credentialsRef: the Secret with the client's certificate and key (tls) or the key and the known hosts (ssh)")
)]
pub struct LibvirtHostSpec {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub display_name: Option<String>,

    /// Where libvirt is reached: `qemu:///system`, `qemu:///session`, `qemu+unix:///system?socket=/run/libvirt/libvirt-sock`,
    /// `qemu+tls://host/system`, `qemu+ssh://user@host/system`, `lxc:///`, `test:///default`.
    #[schemars(
        length(min = 7, max = 512),
        regex(pattern = r"^(qemu|lxc|test)(\+(unix|tls|ssh|tcp))?://[^\s]*$")
    )]
    pub uri: String,

    /// The Secret with what the host asks for. For `qemu+tls`: `ca.crt`, `tls.crt` and `tls.key`. For `qemu+ssh`:
    /// `ssh-privatekey` and `known_hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretRef>,

    /// The storage pool for disks that name none; `default` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub storage_pool: Option<String>,

    /// The storage pool for media that Drover makes; `storagePool` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub iso_pool: Option<String>,

    /// The virtual network for interfaces that name neither network nor bridge; `default` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub network: Option<String>,

    /// How long a call may take; 30s when absent. Copies and migrations may take longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1s') && duration(self) <= duration('10m')", "timeout is between 1s and 10m"))]
    pub timeout: Option<Span>,

    /// How often the host is looked at, whatever the number of its guests. What changes there is told by the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<LibvirtPoll>,

    /// Whether the domains that no resource speaks of are shown, each by a `VirtualMachine` that looks on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,

    /// The namespace for those; Drover's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([a-z0-9\-]*[a-z0-9])?$")
    )]
    pub discovery_namespace: Option<String>,

    /// How much may be asked of the host at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,

    /// Which namespaces may use this host; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,

    /// How many of its machines may be destroyed within a time; 10 guests in 10m when absent. Beyond that all deletions wait
    /// for the annotation `drover.dev/release-deletions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy_limit: Option<DestroyLimit>,

    /// What the namespaces that may use this host can reach here. Absent: the pools and the network above, and nothing that
    /// exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<Tenancy>,

    /// Takes the host out of use for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,

    /// When machines with `rebootPolicy: InWindow` may be rebooted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<MaintenanceWindow>,
}

impl LibvirtHost {
    /// The pool where nobody names one.
    pub const DEFAULT_POOL: &str = "default";
    /// The network where nobody names one.
    pub const DEFAULT_NETWORK: &str = "default";
}

/// How often a host is looked at.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LibvirtPoll {
    /// Between two looks at all domains, by one call; 30s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('100ms')", "statistics must be 100ms at least"))]
    pub statistics: Option<Span>,
    /// In which each domain's configuration is read once; 1h when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('100ms')", "sweep must be 100ms at least"))]
    pub sweep: Option<Span>,
}
