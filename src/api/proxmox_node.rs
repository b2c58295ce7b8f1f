//! `ProxmoxNode`: a node of Proxmox VE that Drover manages, and how to reach it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::size::Size;
use super::span::Span;

/// How to reach a node of Proxmox VE, and what may be done there.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "drover.dev",
    version = "v1alpha1",
    kind = "ProxmoxNode",
    plural = "proxmoxnodes",
    shortname = "pxn",
    category = "drover",
    status = "ProxmoxNodeStatus",
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
    /// A name for people; shown nowhere else than here.
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

/// Whether machines that no resource speaks of are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Discovery {
    /// They are not.
    #[default]
    Off,
    /// Each as a resource that looks on.
    Observe,
}

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

/// What the namespaces that may use a node can reach there.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenancy {
    /// `Restricted` (when absent): what is listed here. `Trusted`: everything, for a node with one owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TenancyMode>,
    /// Storages for disks and ISO images, besides those of `defaults`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 100)))]
    pub storages: Vec<String>,
    /// Bridges, besides the one of `defaults`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 15)))]
    pub bridges: Vec<String>,
    /// VLANs that may be named; none when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub vlans: Vec<VlanRange>,
    /// Machines that may be copied, besides a namespace's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub templates: Vec<TemplateRef>,
    /// Whether machines that exist may be adopted, and observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<bool>,
    /// Pools that machines may be put into; none when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)))]
    pub pools: Vec<String>,
    /// Options that `spec.extraConfig` of a machine may set, and `hostDevices` for the devices of the host; none when
    /// absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 64)))]
    pub extra_config_keys: Vec<String>,
    /// Whether disks may be copied from volumes that exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_volumes: Option<bool>,
}

/// How far the namespaces that may use a node are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TenancyMode {
    /// They reach what is listed.
    #[default]
    Restricted,
    /// They reach everything.
    Trusted,
}

/// A range of VLANs, both ends included.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.from <= self.to", "from must not be above to"))]
pub struct VlanRange {
    /// The lowest.
    #[schemars(range(min = 1, max = 4094))]
    pub from: u16,
    /// The highest.
    #[schemars(range(min = 1, max = 4094))]
    pub to: u16,
}

/// Machines that may be copied: one of the three says which.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.vmid), has(self.tag), has(self.pool)].filter(x, x).size() == 1", "give exactly one of vmid, tag and pool"))]
pub struct TemplateRef {
    /// The one with this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 999_999_999))]
    pub vmid: Option<u32>,
    /// Those with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub tag: Option<String>,
    /// Those in this pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub pool: Option<String>,
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

/// Names another object of a kind that the field tells.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Names a Secret.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its namespace, one of those from which Drover takes credentials (`--credentials-namespaces`).
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

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
    #[x_kube(validation = ("duration(self) >= duration('100ms')", "tasks must be 100ms at least"))]
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

/// Which namespaces may use a host.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("(self.from == 'Selector') == has(self.selector)", "selector belongs to from: Selector, and only to it"))]
pub struct AllowedNamespaces {
    /// `None`, `All`, or `Selector`.
    pub from: NamespacesFrom,
    /// The labels of the namespaces, for `from: Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// The ways to say which namespaces may use a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum NamespacesFrom {
    /// No namespace.
    None,
    /// Every namespace.
    All,
    /// Those that the selector matches.
    Selector,
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
    /// The storage of ISO images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub iso_storage: Option<String>,
    /// The storage of the last backup of a machine that is deleted with `deletionPolicy: BackupAndDelete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub backup_storage: Option<String>,
}

/// What Drover knows of the node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxmoxNodeStatus {
    /// `Ready`, `Reachable`, `Authenticated`, `Quorate`, and `Reconciling` and `Stalled` while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last value of the annotation `drover.dev/reconcile-at` that was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Version of Proxmox VE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the node in Proxmox VE, pinned once seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// Its cluster; a node on its own is a cluster of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterInfo>,
    /// What the node has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What the guests that run on it were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<Allocated>,
    /// How many guests it has, Drover's and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<GuestCounts>,
    /// Privileges that the credentials lack, with their paths (`VM.Migrate on /vms`); `drover doctor` names the commands that
    /// grant them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub missing_privileges: Vec<String>,
    /// Its storages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub storages: Vec<StorageInfo>,
    /// The highest number that a guest of this cluster is known to have had. Numbers are given from above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_vmid: Option<u32>,
    /// How the maintenance goes, while there is one or machines are still to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceStatus>,
    /// The machines whose end began lately, for `spec.destroyLimit`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["uid".into()]))]
    pub destroys: Vec<DestroyBegun>,
    /// The last time at which more machines were to be destroyed than `spec.destroyLimit` allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions_held: Option<DeletionsHeld>,
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

/// A machine whose end began.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestroyBegun {
    /// UID of its resource.
    pub uid: String,
    /// When.
    pub time: Time,
}

/// A time at which too many machines were to be destroyed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionsHeld {
    /// Since when.
    pub since: Time,
    /// When a person let those go that had been deleted until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Time>,
}

/// The cluster of a node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// Its name; absent for a node on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 fingerprint of its root certificate: tells it from another one at the same address.
    pub id: String,
    /// Names of its nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub members: Vec<String>,
}

/// What a node has.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// CPUs.
    pub cpus: u32,
    /// Memory.
    pub memory: Size,
    /// Size of the root disk.
    pub root_disk: Size,
}

/// What running guests were given.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allocated {
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory.
    pub memory: Size,
}

/// Numbers of guests.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuestCounts {
    /// QEMU machines, templates included.
    pub virtual_machines: u32,
    /// LXC containers.
    pub containers: u32,
}

/// A storage of a node.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageInfo {
    /// Its name.
    pub name: String,
    /// Its plugin (`dir`, `lvmthin`, …).
    #[serde(rename = "type")]
    pub type_: String,
    /// What it may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub content: Vec<String>,
    /// Whether all nodes see the same volumes.
    pub shared: bool,
    /// Whether the node can use it now.
    pub active: bool,
    /// Its size.
    pub capacity: Size,
}

impl Default for Size {
    fn default() -> Self {
        Self("0".to_owned())
    }
}
