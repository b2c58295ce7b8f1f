//! What stands below a path: the answers by which a client can find its way down the tree. Proxmox writes each list by
//! hand, under one of the keys `subdir`, `name`, `id`, `type` and `method`, and names what isn't simulated here too.

use serde_json::{Value, json};

use super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::state::GuestKind;
use crate::wire::{ApiResult, Reply};

const AUDIT: Allow = Allow::Any("/", &["Sys.Audit"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    index("/", |call| list(call, "subdir", ROOT)),
    index("/access", |call| list(call, "subdir", ACCESS)),
    index("/cluster", |call| list(call, "name", CLUSTER)),
    index("/cluster/bulk-action", |call| list(call, "name", &["guest"])).from(Release::V9_2),
    index("/cluster/ceph", |call| {
        list(call, "name", &["metadata", "status", "flags"])
    }),
    index("/cluster/jobs", |call| {
        list(call, "subdir", &["schedule-analyze", "realm-sync@8"])
    }),
    index("/cluster/mapping", |call| {
        list(call, "name", &["dir", "pci", "usb"])
    })
    .from(Release::V8_4),
    index("/cluster/metrics", |call| {
        list(call, "name", &["server", "export@8"])
    }),
    index("/cluster/notifications", |call| {
        list(
            call,
            "name",
            &[
                "endpoints",
                "matcher-field-values",
                "matcher-fields",
                "matchers",
                "targets",
            ],
        )
    })
    .from(Release::V8_4),
    Endpoint::get(
        "/cluster/backup-info",
        Allow::Root,
        &[],
        Run::Show(|call| list(call, "subdir", &["not-backed-up"])),
    ),
    Endpoint::get(
        "/cluster/config",
        AUDIT,
        &[],
        Run::Show(|call| list(call, "name", &["nodes", "totem", "join", "qdevice", "apiversion"])),
    ),
    Endpoint::get(
        "/cluster/ha",
        AUDIT,
        &[],
        Run::Show(|call| list(call, "id", &["status", "resources", "groups", "rules@9"])),
    ),
    index("/cluster/ha/status", |call| {
        list(
            call,
            "name",
            &["current", "manager_status", "arm-ha@9", "disarm-ha@9"],
        )
    }),
    Endpoint::get(
        "/cluster/sdn",
        AUDIT_SDN_7,
        &[],
        Run::Show(|call| list(call, "id", SDN)),
    )
    .until(Release::V7_4),
    Endpoint::get(
        "/cluster/sdn",
        AUDIT_SDN,
        &[],
        Run::Show(|call| list(call, "id", SDN)),
    )
    .from(Release::V8_4),
    index("/nodes/{node}", |call| list(call, "name", NODE)),
    index("/nodes/{node}/apt", |call| {
        list(call, "id", &["changelog", "repositories", "update", "versions"])
    }),
    index("/nodes/{node}/capabilities", |call| list(call, "name", &["qemu"])),
    index("/nodes/{node}/capabilities/qemu", |call| {
        list(call, "name", &["cpu", "cpu-flags@9", "machines", "migration@9"])
    }),
    index("/nodes/{node}/certificates", |call| {
        list(call, "name", &["acme", "custom", "info"])
    }),
    index("/nodes/{node}/disks", |call| {
        list(
            call,
            "name",
            &[
                "list",
                "initgpt",
                "smart",
                "lvm",
                "lvmthin",
                "directory",
                "wipedisk",
                "zfs",
            ],
        )
    }),
    index("/nodes/{node}/hardware", |call| {
        list(call, "type", &["pci", "usb"])
    }),
    index("/nodes/{node}/scan", |call| {
        list(
            call,
            "method",
            &[
                "cifs",
                "glusterfs@<9",
                "iscsi",
                "lvm",
                "lvmthin",
                "nfs",
                "pbs",
                "zfs",
            ],
        )
    }),
    index("/nodes/{node}/sdn", |call| {
        list(call, "name", &["zones", "fabrics@9", "vnets@9"])
    }),
    Endpoint::get(
        "/nodes/{node}/services/{service}",
        Allow::Any("/nodes/{node}", &["Sys.Audit"]),
        &[],
        Run::Show(|call| list(call, "subdir", &["state", "start", "stop", "restart", "reload"])),
    ),
    Endpoint::get(
        "/nodes/{node}/storage/{storage}",
        Allow::Any(
            "/storage/{storage}",
            &["Datastore.Audit", "Datastore.AllocateSpace"],
        ),
        &[],
        Run::Show(|call| list(call, "subdir", STORAGE)),
    ),
    guest("/nodes/{node}/qemu/{vmid}", |call| {
        of_guest(call, GuestKind::Qemu, "subdir", QEMU)
    }),
    guest("/nodes/{node}/qemu/{vmid}/status", |call| {
        of_guest(call, GuestKind::Qemu, "subdir", QEMU_STATUS)
    }),
    index("/nodes/{node}/qemu/{vmid}/agent", |call| {
        list(call, "name", AGENT)
    }),
    guest("/nodes/{node}/lxc/{vmid}", |call| {
        of_guest(call, GuestKind::Lxc, "subdir", LXC)
    }),
    guest("/nodes/{node}/lxc/{vmid}/status", |call| {
        of_guest(call, GuestKind::Lxc, "subdir", LXC_STATUS)
    }),
];

const AUDIT_SDN: Allow = Allow::Any("/sdn", &["SDN.Audit"]);
const AUDIT_SDN_7: Allow = Allow::Any("/", &["SDN.Audit"]);

/// Names, those of later releases with `@8` or `@9`, those that went with `@<9`.
type Names = &'static [&'static str];

const ROOT: Names = &["version", "cluster", "nodes", "storage", "access", "pools"];

const ACCESS: Names = &[
    "users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password",
];

const CLUSTER: Names = &[
    "acme",
    "backup",
    "backup-info",
    "bulk-action@9",
    "ceph",
    "config",
    "firewall",
    "ha",
    "jobs",
    "log",
    "mapping@8",
    "metrics",
    "notifications@8",
    "nextid",
    "options",
    "qemu@9",
    "replication",
    "resources",
    "status",
    "tasks",
    "sdn",
];

const SDN: Names = &[
    "vnets",
    "zones",
    "controllers",
    "ipams",
    "dns",
    "fabrics@9",
    "prefix-lists@9",
    "route-maps@9",
];

const NODE: Names = &[
    "aplinfo",
    "apt",
    "capabilities",
    "ceph",
    "certificates",
    "config",
    "disks",
    "dns",
    "firewall",
    "hardware",
    "hosts",
    "journal",
    "lxc",
    "migrateall",
    "netstat",
    "network",
    "qemu",
    "query-oci-repo-tags@9",
    "query-url-metadata",
    "replication",
    "report",
    "rrd",
    "rrddata",
    "scan",
    "sdn",
    "services",
    "spiceshell",
    "startall",
    "status",
    "stopall",
    "storage",
    "subscription",
    "suspendall@8",
    "syslog",
    "tasks",
    "termproxy",
    "time",
    "version",
    "vncshell",
    "vzdump",
    "wakeonlan",
];

const STORAGE: Names = &[
    "content",
    "download-url",
    "file-restore",
    "import-metadata@8",
    "prunebackups",
    "rrd",
    "rrddata",
    "status",
    "upload",
];

const QEMU: Names = &[
    "config",
    "cloudinit",
    "pending",
    "status",
    "unlink",
    "vncproxy",
    "termproxy",
    "migrate",
    "resize",
    "move",
    "rrd",
    "rrddata",
    "monitor",
    "agent",
    "snapshot",
    "spiceproxy",
    "sendkey",
    "firewall",
    "mtunnel",
    "remote_migrate",
];

const QEMU_STATUS: Names = &[
    "current", "start", "stop", "reset", "shutdown", "suspend", "reboot",
];

const LXC: Names = &[
    "config",
    "pending",
    "status",
    "vncproxy",
    "termproxy",
    "vncwebsocket",
    "spiceproxy",
    "migrate",
    "clone",
    "rrd",
    "rrddata",
    "firewall",
    "snapshot",
    "resize",
    "interfaces",
];

const LXC_STATUS: Names = &["current", "start", "stop", "shutdown", "migrate"];

const AGENT: Names = &[
    "exec",
    "exec-status",
    "file-read",
    "file-write",
    "fsfreeze-freeze",
    "fsfreeze-status",
    "fsfreeze-thaw",
    "fstrim",
    "get-fsinfo",
    "get-host-name",
    "get-memory-block-info",
    "get-memory-blocks",
    "get-osinfo",
    "get-time",
    "get-timezone",
    "get-users",
    "get-vcpus",
    "info",
    "network-get-interfaces",
    "ping",
    "set-user-password",
    "shutdown",
    "suspend-disk",
    "suspend-hybrid",
    "suspend-ram",
];

const fn index(path: &'static str, show: fn(&Call) -> Reply) -> Endpoint {
    Endpoint::get(path, Allow::Everyone, &[], Run::Show(show))
}

const fn guest(path: &'static str, show: fn(&Call) -> ApiResult) -> Endpoint {
    Endpoint::get(path, Allow::Everyone, &[], Run::Now(show))
}

fn list(call: &Call, key: &str, names: Names) -> Reply {
    let release = call.release();
    let known = names.iter().filter_map(|name| match name.split_once('@') {
        None => Some(*name),
        Some((name, "8")) => (release >= Release::V8_4).then_some(name),
        Some((name, "9")) => (release >= Release::V9_2).then_some(name),
        Some((name, _)) => (release < Release::V9_2).then_some(name),
    });
    Reply::data(known.map(|name| json!({key: name})).collect::<Vec<Value>>())
}

/// The index of a guest reads its configuration.
fn of_guest(call: &Call, kind: GuestKind, key: &str, names: Names) -> ApiResult {
    call.world().found(kind, call.node(), call.vmid())?;
    Ok(list(call, key, names))
}
