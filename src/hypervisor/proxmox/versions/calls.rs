//! Calls and parameters that only some releases know. The source is the API's own description of its parameters
//! in 7.4, 8.4 and 9.2, where nothing else is said.

use super::release::{Release, Span};

/// A call: method and path, with `{…}` for what varies.
type Call = (&'static str, &'static str);

struct Row {
    calls: &'static [Call],
    /// The parameters; none if it is about the calls as a whole.
    parameters: &'static [&'static str],
    known: Span,
}

const BACKUP: &[Call] = &[
    ("POST", "/cluster/backup"),
    ("PUT", "/cluster/backup/{id}"),
    ("POST", "/nodes/{node}/vzdump"),
];
const CREATE: &[Call] = &[("POST", "/nodes/{node}/qemu"), ("POST", "/nodes/{node}/lxc")];
const QEMU_CONFIG: &[Call] = &[
    ("POST", "/nodes/{node}/qemu"),
    ("POST", "/nodes/{node}/qemu/{vmid}/config"),
    ("PUT", "/nodes/{node}/qemu/{vmid}/config"),
];
const LXC_CONFIG: &[Call] = &[
    ("POST", "/nodes/{node}/lxc"),
    ("PUT", "/nodes/{node}/lxc/{vmid}/config"),
];
const STOP: &[Call] = &[
    ("POST", "/nodes/{node}/qemu/{vmid}/status/stop"),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/stop"),
];
const STORAGE: &[Call] = &[("POST", "/storage"), ("PUT", "/storage/{storage}")];
const BULK: &[Call] = &[
    ("POST", "/nodes/{node}/migrateall"),
    ("POST", "/nodes/{node}/startall"),
    ("POST", "/nodes/{node}/stopall"),
    ("POST", "/nodes/{node}/suspendall"),
];

const fn whole(calls: &'static [Call], known: Span) -> Row {
    Row {
        calls,
        parameters: &[],
        known,
    }
}

const fn row(calls: &'static [Call], parameters: &'static [&'static str], known: Span) -> Row {
    Row {
        calls,
        parameters,
        known,
    }
}

const TABLE: &[Row] = &[
    // Guests.
    row(STOP, &["overrule-shutdown"], Span::from(8, 4)),
    row(
        QEMU_CONFIG,
        &["amd-sev", "ciupgrade", "virtiofs[n]"],
        Span::from(8, 4),
    ),
    row(QEMU_CONFIG, &["allow-ksm"], Span::from(9, 2)),
    // Release notes of 9.1: TDX, OCI images as containers, HA at creation.
    row(QEMU_CONFIG, &["intel-tdx"], Span::from(9, 1)),
    row(LXC_CONFIG, &["entrypoint", "env"], Span::from(9, 1)),
    row(CREATE, &["ha-managed"], Span::from(9, 1)),
    row(LXC_CONFIG, &["dev[n]"], Span::from(8, 4)),
    row(
        &[
            ("POST", "/nodes/{node}/qemu"),
            ("POST", "/nodes/{node}/qemu/{vmid}/config"),
        ],
        &["import-working-storage"],
        Span::from(8, 4),
    ),
    row(
        &[("POST", "/nodes/{node}/qemu/{vmid}/migrate")],
        &["with-conntrack-state"],
        Span::from(9, 0),
    ),
    row(
        &[("POST", "/nodes/{node}/qemu/{vmid}/status/start")],
        &["with-conntrack-state"],
        Span::from(9, 0),
    ),
    row(
        &[("POST", "/nodes/{node}/qemu/{vmid}/status/start")],
        &["nets-host-mtu"],
        Span::from(9, 2),
    ),
    whole(
        &[("GET", "/nodes/{node}/lxc/{vmid}/interfaces")],
        Span::from(8, 4),
    ),
    whole(&[("GET", "/nodes/{node}/lxc/{vmid}/migrate")], Span::from(9, 2)),
    row(
        &[("GET", "/nodes/{node}/qemu/{vmid}/agent/file-read")],
        &["count", "decode", "offset"],
        Span::from(9, 2),
    ),
    row(BULK, &["max-workers"], Span::from(9, 2)),
    whole(&[("POST", "/nodes/{node}/suspendall")], Span::from(8, 4)),
    whole(
        &[("POST", "/nodes/{node}/qemu/{vmid}/dbus-vmstate")],
        Span::from(9, 0),
    ),
    // Backups. Fleecing came with 8.2 (release notes).
    row(BACKUP, &["fleecing"], Span::from(8, 2)),
    row(
        BACKUP,
        &["notification-mode", "pbs-change-detection-mode"],
        Span::from(8, 4),
    ),
    row(
        BACKUP,
        &["notification-policy", "notification-target"],
        Span::from(8, 4).and_before(9, 0),
    ),
    row(BACKUP, &["maxfiles"], Span::before(9, 2)),
    row(&[("POST", "/nodes/{node}/vzdump")], &["job-id"], Span::from(8, 4)),
    // Storages. GlusterFS, and the number of backups as an option, went with 9.0.
    row(STORAGE, &["maxfiles", "server2", "transport"], Span::before(9, 0)),
    row(&[("POST", "/storage")], &["volume"], Span::before(9, 0)),
    row(
        STORAGE,
        &["create-base-path", "create-subdirs", "skip-cert-verification"],
        Span::from(8, 4),
    ),
    row(STORAGE, &["snapshot-as-volume-chain"], Span::from(9, 0)),
    row(
        STORAGE,
        &["saferemove-stepsize", "zfs-base-path"],
        Span::from(9, 2),
    ),
    row(
        &[("POST", "/nodes/{node}/storage/{storage}/download-url")],
        &["compression"],
        Span::from(8, 4),
    ),
    row(
        &[("GET", "/nodes/{node}/storage/{storage}/file-restore/download")],
        &["tar"],
        Span::from(8, 4),
    ),
    whole(
        &[("GET", "/nodes/{node}/storage/{storage}/import-metadata")],
        Span::from(8, 4),
    ),
    whole(
        &[("GET", "/nodes/{node}/storage/{storage}/identity")],
        Span::from(9, 2),
    ),
    whole(
        &[
            ("POST", "/nodes/{node}/storage/{storage}/oci-registry-pull"),
            ("GET", "/nodes/{node}/query-oci-repo-tags"),
        ],
        Span::from(9, 1),
    ),
    // The cluster.
    row(
        &[
            ("POST", "/cluster/ha/resources"),
            ("PUT", "/cluster/ha/resources/{sid}"),
        ],
        &["failback"],
        Span::from(9, 0),
    ),
    row(
        &[
            ("POST", "/cluster/ha/resources"),
            ("PUT", "/cluster/ha/resources/{sid}"),
        ],
        &["auto-rebalance"],
        Span::from(9, 2),
    ),
    row(
        &[("DELETE", "/cluster/ha/resources/{sid}")],
        &["purge"],
        Span::from(9, 2),
    ),
    // Rules took the place of groups with 9.0; groups that are left over answer 500 there.
    whole(
        &[
            ("GET", "/cluster/ha/rules"),
            ("POST", "/cluster/ha/rules"),
            ("GET", "/cluster/ha/rules/{rule}"),
            ("PUT", "/cluster/ha/rules/{rule}"),
            ("DELETE", "/cluster/ha/rules/{rule}"),
        ],
        Span::from(9, 0),
    ),
    whole(
        &[
            ("POST", "/cluster/ha/status/arm-ha"),
            ("POST", "/cluster/ha/status/disarm-ha"),
        ],
        Span::from(9, 2),
    ),
    row(
        &[("PUT", "/cluster/options")],
        &["consent-text"],
        Span::from(8, 4),
    ),
    row(
        &[("PUT", "/cluster/options")],
        &["location", "replication"],
        Span::from(9, 2),
    ),
    row(
        &[("PUT", "/nodes/{node}/config")],
        &["ballooning-target"],
        Span::from(8, 4),
    ),
    row(
        &[("PUT", "/nodes/{node}/config")],
        &["location"],
        Span::from(9, 2),
    ),
    // Access and pools.
    row(
        &[("PUT", "/access/users/{userid}/token/{tokenid}")],
        &["delete", "regenerate"],
        Span::from(9, 2),
    ),
    row(
        &[("PUT", "/access/password")],
        &["confirmation-password"],
        Span::from(8, 4),
    ),
    whole(&[("POST", "/access/vncticket")], Span::from(9, 2)),
    whole(&[("PUT", "/pools"), ("DELETE", "/pools")], Span::from(8, 4)),
    row(&[("GET", "/pools")], &["poolid", "type"], Span::from(8, 4)),
    row(&[("PUT", "/pools/{poolid}")], &["allow-move"], Span::from(8, 4)),
];

/// Whether a path is the one of the template, whatever it calls, or puts in for, what varies.
fn fits(template: &str, path: &str) -> bool {
    let (mut segments, mut of_path) = (template.split('/'), path.split('/'));
    loop {
        match (segments.next(), of_path.next()) {
            (None, None) => return true,
            (Some(segment), Some(other)) if segment == other || segment.starts_with('{') => {}
            _ => return false,
        }
    }
}

impl Row {
    fn is_about(&self, method: &str, path: &str) -> bool {
        let mut calls = self.calls.iter();
        calls.any(|(its_method, its_path)| *its_method == method && fits(its_path, path))
    }
}

impl Release {
    /// Whether a host of this release knows the call at all (else it answers 501). The path may be a template or
    /// filled in: `/nodes/{node}/qemu/{vmid}/config`, `/nodes/pve/qemu/100/config`.
    #[must_use]
    pub fn knows_call(self, method: &str, path: &str) -> bool {
        let about = |row: &&Row| row.parameters.is_empty() && row.is_about(method, path);
        let mut rows = TABLE.iter().filter(about);
        rows.all(|row| row.known.contains(self))
    }

    /// Whether a host of this release knows a parameter of a call (else it answers 400). A number at its end may
    /// be written as such or as `[n]`.
    #[must_use]
    pub fn knows_parameter(self, method: &str, path: &str, parameter: &str) -> bool {
        let about = |row: &&Row| row.is_about(method, path) && row.names(parameter);
        let mut rows = TABLE.iter().filter(about);
        self.knows_call(method, path) && rows.all(|row| row.known.contains(self))
    }
}

impl Row {
    fn names(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|name| is_option(name, parameter))
    }
}

/// Whether `option` is the one that a table names: `virtiofs[n]` names `virtiofs0` and itself.
pub(super) fn is_option(name: &str, option: &str) -> bool {
    let numbered = |stem: &str| {
        let number = option.strip_prefix(stem);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    name == option || name.strip_suffix("[n]").is_some_and(numbered)
}
