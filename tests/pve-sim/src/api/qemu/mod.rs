//! `/nodes/{node}/qemu`: the virtual machines.

mod agent;
mod clone;
mod config;
mod create;
mod destroy;
mod drives;
mod list;
mod power;
mod reshape;

use super::{Allow, Call, Endpoint, Run};
use crate::verify::{
    CONFIG, CONFIG_ID, DELETE_AND_REVERT, DNS_NAME, Kind, NODE, SIZE, STORAGE, TEXT, at_least, may, need,
};
use crate::wire::ApiError;

pub(crate) use power::ENDPOINTS as POWER_ENDPOINTS;

const AUDIT: Allow = Allow::Any("/vms/{vmid}", &["VM.Audit"]);
const ALLOCATE: Allow = Allow::Any("/vms/{vmid}", &["VM.Allocate"]);
const CONFIGURE: Allow = Allow::Any(
    "/vms/{vmid}",
    &[
        "VM.Config.Disk",
        "VM.Config.CDROM",
        "VM.Config.CPU",
        "VM.Config.Memory",
        "VM.Config.Network",
        "VM.Config.HWType",
        "VM.Config.Options",
        "VM.Config.Cloudinit",
    ],
);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/qemu",
        Allow::Everyone,
        &[&[may("full", Kind::Boolean)]],
        Run::Show(list::list),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu",
        Allow::Everyone,
        &[
            CONFIG,
            &[
                need("vmid", Kind::Vmid),
                may("archive", Kind::Text(255)),
                may("bwlimit", at_least(0)),
                may("force", Kind::Boolean),
                may("ha-managed", Kind::Boolean),
                may("import-working-storage", STORAGE),
                may("live-restore", Kind::Boolean),
                may("pool", TEXT),
                may("start", Kind::Boolean),
                may("storage", STORAGE),
                may("unique", Kind::Boolean),
            ],
        ],
        Run::Now(create::create),
    ),
    Endpoint::delete(
        "/nodes/{node}/qemu/{vmid}",
        ALLOCATE,
        &[&[
            may("destroy-unreferenced-disks", Kind::Boolean),
            may("purge", Kind::Boolean),
            may("skiplock", Kind::Boolean),
        ]],
        Run::Now(destroy::destroy),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/config",
        AUDIT,
        &[&[may("current", Kind::Boolean), may("snapshot", CONFIG_ID)]],
        Run::Now(config::show),
    ),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/config",
        CONFIGURE,
        &[CONFIG, DELETE_AND_REVERT, CHANGE],
        Run::Later(|call| Box::pin(config::put(call))),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/config",
        CONFIGURE,
        &[
            CONFIG,
            DELETE_AND_REVERT,
            CHANGE,
            &[may("background_delay", Kind::Integer(1, 30))],
        ],
        Run::Now(config::post),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/pending",
        AUDIT,
        &[],
        Run::Now(config::pending),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/status/current",
        AUDIT,
        &[],
        Run::Now(list::current),
    ),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/resize",
        Allow::Any("/vms/{vmid}", &["VM.Config.Disk"]),
        &[&[
            may("digest", Kind::Text(40)),
            need(
                "disk",
                Kind::Pattern(r"(ide|sata|scsi|virtio|efidisk|tpmstate)\d+"),
            ),
            need("size", SIZE),
            may("skiplock", Kind::Boolean),
        ]],
        Run::Now(reshape::resize),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/template",
        ALLOCATE,
        &[&[may("disk", TEXT)]],
        Run::Now(reshape::template),
    ),
    Endpoint::post(
        "/nodes/{node}/qemu/{vmid}/clone",
        Allow::Any("/vms/{vmid}", &["VM.Clone"]),
        &[&[
            may("bwlimit", at_least(0)),
            may("description", TEXT),
            may("format", Kind::Enum(&["raw", "qcow2", "vmdk"])),
            may("full", Kind::Boolean),
            may("name", DNS_NAME),
            need("newid", Kind::Vmid),
            may("pool", TEXT),
            may("snapname", CONFIG_ID),
            may("storage", STORAGE),
            may("target", NODE),
        ]],
        Run::Now(clone::clone),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
        Allow::Any(
            "/vms/{vmid}",
            &["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"],
        ),
        &[],
        Run::Now(agent::interfaces),
    ),
];

/// What a change of configuration takes besides options and `delete`.
const CHANGE: &[crate::verify::Param] = &[
    may("digest", Kind::Text(40)),
    may("force", Kind::Boolean),
    may("skiplock", Kind::Boolean),
];

/// Calls that write need the cluster's quorum.
fn need_quorum(call: &Call) -> Result<(), ApiError> {
    if call.world().quorate {
        Ok(())
    } else {
        Err(ApiError::internal("cluster not ready - no quorum?"))
    }
}

/// The sentence of a guest that something else works on.
fn check_lock(guest: &crate::state::Guest) -> Result<(), String> {
    match guest.lock() {
        None => Ok(()),
        Some(lock) => Err(format!("VM is locked ({lock})")),
    }
}
