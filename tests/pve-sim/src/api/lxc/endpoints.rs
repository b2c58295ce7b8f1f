//! The calls of containers: what they take, and who may.

use super::super::{Allow, Endpoint, Run};
use super::{clone, config, console, create, destroy, disks, list, migrate, power, snapshot, template};
use crate::release::Release;
use crate::verify::{
    CONFIG_ID, CT_CONFIG, DELETE_AND_REVERT, DNS_NAME, Kind, NODE, POOL, Param, SIZE, STORAGE, STORAGE_PAIRS,
    TEXT, at_least, may, need,
};

const AUDIT: Allow = Allow::Any("/vms/{vmid}", &["VM.Audit"]);
const ALLOCATE: Allow = Allow::Any("/vms/{vmid}", &["VM.Allocate"]);
const POWER: Allow = Allow::Any("/vms/{vmid}", &["VM.PowerMgmt"]);
const SNAPSHOT: Allow = Allow::Any("/vms/{vmid}", &["VM.Snapshot"]);
const MIGRATE: Allow = Allow::Any("/vms/{vmid}", &["VM.Migrate"]);
const CONSOLE: Allow = Allow::Any("/vms/{vmid}", &["VM.Console"]);
const DISK: Allow = Allow::Any("/vms/{vmid}", &["VM.Config.Disk"]);

const DIGEST: Param = may("digest", Kind::Text(40));
const SKIP_LOCK: Param = may("skiplock", Kind::Boolean);
const LIMIT: Param = may("bwlimit", Kind::Number(0.0, f64::MAX));

/// Where the volumes of a container go.
const VOLUME: Kind = Kind::Slots(&[("rootfs", 0), ("mp", 256), ("unused", 256)]);

pub(in crate::api) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/nodes/{node}/lxc", Allow::Everyone, &[], Run::Show(list::list)),
    Endpoint::post(
        "/nodes/{node}/lxc",
        Allow::Everyone,
        &[
            CT_CONFIG,
            &[
                need("vmid", Kind::Vmid),
                need("ostemplate", Kind::Text(255)),
                LIMIT,
                may("force", Kind::Boolean),
                may("ha-managed", Kind::Boolean).from(Release::V9_2),
                may("ignore-unpack-errors", Kind::Boolean),
                may("password", Kind::Length(5, usize::MAX)),
                may("pool", POOL),
                may("restore", Kind::Boolean),
                may("ssh-public-keys", TEXT),
                may("start", Kind::Boolean),
                may("storage", STORAGE),
                may("unique", Kind::Boolean).requires("restore"),
            ],
        ],
        Run::Now(create::create),
    ),
    Endpoint::delete(
        "/nodes/{node}/lxc/{vmid}",
        ALLOCATE,
        &[&[
            may("destroy-unreferenced-disks", Kind::Boolean),
            may("force", Kind::Boolean),
            may("purge", Kind::Boolean),
        ]],
        Run::Later(|call| Box::pin(destroy::destroy(call))),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/config",
        AUDIT,
        &[&[may("current", Kind::Boolean), may("snapshot", CONFIG_ID)]],
        Run::Now(config::show),
    ),
    Endpoint::put(
        "/nodes/{node}/lxc/{vmid}/config",
        Allow::Any(
            "/vms/{vmid}",
            &[
                "VM.Config.Disk",
                "VM.Config.CPU",
                "VM.Config.Memory",
                "VM.Config.Network",
                "VM.Config.Options",
            ],
        ),
        &[CT_CONFIG, DELETE_AND_REVERT, &[DIGEST]],
        Run::Later(|call| Box::pin(config::put(call))),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/pending",
        AUDIT,
        &[],
        Run::Now(config::pending),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/status/current",
        AUDIT,
        &[],
        Run::Now(list::current),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/status/start",
        POWER,
        &[&[may("debug", Kind::Boolean), SKIP_LOCK]],
        Run::Later(|call| Box::pin(power::start(call))),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/status/stop",
        POWER,
        &[&[
            may("overrule-shutdown", Kind::Boolean).from(Release::V8_4),
            SKIP_LOCK,
        ]],
        Run::Later(|call| Box::pin(power::stop(call))),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/status/shutdown",
        POWER,
        &[&[may("forceStop", Kind::Boolean), may("timeout", at_least(0))]],
        Run::Now(power::shutdown),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/status/reboot",
        POWER,
        &[&[may("timeout", at_least(0))]],
        Run::Now(power::reboot),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/status/suspend",
        POWER,
        &[],
        Run::Now(power::suspend),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/status/resume",
        POWER,
        &[],
        Run::Now(power::resume),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/snapshot",
        AUDIT,
        &[],
        Run::Now(snapshot::list),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/snapshot",
        SNAPSHOT,
        &[&[may("description", TEXT), need("snapname", CONFIG_ID)]],
        Run::Now(snapshot::create),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}",
        Allow::Everyone,
        &[],
        Run::Show(snapshot::index),
    ),
    Endpoint::delete(
        "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}",
        SNAPSHOT,
        &[&[may("force", Kind::Boolean)]],
        Run::Now(snapshot::delete),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback",
        Allow::Any("/vms/{vmid}", &["VM.Snapshot", "VM.Snapshot.Rollback"]),
        &[&[may("start", Kind::Boolean)]],
        Run::Now(snapshot::rollback),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config",
        Allow::Any(
            "/vms/{vmid}",
            &["VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit"],
        ),
        &[],
        Run::Now(snapshot::config),
    ),
    Endpoint::put(
        "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config",
        SNAPSHOT,
        &[&[may("description", TEXT)]],
        Run::Later(|call| Box::pin(snapshot::describe(call))),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/feature",
        AUDIT,
        &[&[
            need("feature", Kind::Enum(&["snapshot", "clone", "copy"])),
            may("snapname", CONFIG_ID),
        ]],
        Run::Now(snapshot::feature),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/template",
        ALLOCATE,
        &[],
        Run::Later(|call| Box::pin(template::template(call))),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/clone",
        Allow::Each(&[
            Allow::Any("/vms/{vmid}", &["VM.Clone"]),
            Allow::OneOf(&[
                Allow::Any("/vms/{newid}", &["VM.Allocate"]),
                Allow::IfGiven("pool", &Allow::Any("/pool/{pool}", &["VM.Allocate"])),
            ]),
        ]),
        &[&[
            LIMIT,
            may("description", TEXT),
            may("full", Kind::Boolean),
            may("hostname", DNS_NAME),
            need("newid", Kind::Vmid),
            may("pool", POOL),
            may("snapname", CONFIG_ID),
            may("storage", STORAGE),
            may("target", NODE),
        ]],
        Run::Later(|call| Box::pin(clone::clone(call))),
    ),
    Endpoint::put(
        "/nodes/{node}/lxc/{vmid}/resize",
        DISK,
        &[&[
            DIGEST,
            need("disk", Kind::Slots(&[("rootfs", 0), ("mp", 256)])),
            need("size", SIZE),
        ]],
        Run::Now(disks::resize),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/move_volume",
        DISK,
        &[&[
            LIMIT,
            may("delete", Kind::Boolean),
            DIGEST,
            may("storage", STORAGE),
            may("target-digest", Kind::Text(40)),
            may("target-vmid", Kind::Vmid),
            may("target-volume", VOLUME),
            need("volume", VOLUME),
        ]],
        Run::Later(|call| Box::pin(disks::move_volume(call))),
    ),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/interfaces",
        AUDIT,
        &[],
        Run::Now(list::interfaces),
    )
    .from(Release::V8_4),
    Endpoint::get(
        "/nodes/{node}/lxc/{vmid}/migrate",
        MIGRATE,
        &[&[may("target", NODE)]],
        Run::Now(migrate::precondition),
    )
    .from(Release::V9_2),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/migrate",
        MIGRATE,
        &[&[
            LIMIT,
            may("online", Kind::Boolean),
            may("restart", Kind::Boolean),
            need("target", NODE),
            may("target-storage", STORAGE_PAIRS),
            may("timeout", Kind::Integer(i64::MIN, i64::MAX)),
        ]],
        Run::Now(migrate::migrate),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/termproxy",
        CONSOLE,
        &[],
        Run::Now(console::terminal),
    ),
    Endpoint::post(
        "/nodes/{node}/lxc/{vmid}/vncproxy",
        CONSOLE,
        &[&[
            may("height", Kind::Integer(16, 2160)),
            may("websocket", Kind::Boolean),
            may("width", Kind::Integer(16, 4096)),
        ]],
        Run::Now(console::vnc),
    ),
];
