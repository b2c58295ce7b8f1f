//! `/nodes/{node}/qemu`: the virtual machines.

mod agent;
mod clone;
mod config;
mod copy_disk;
mod create;
mod destroy;
mod drives;
mod list;
mod migrate;
mod move_disk;
mod power;
mod reassign;
mod resize;
mod restore;
mod template;

use super::{Allow, Call, Endpoint, Run};
use crate::verify::{CONFIG, CONFIG_ID, DELETE_AND_REVERT, Kind, STORAGE, TEXT, at_least, may, need};
use crate::wire::ApiError;

pub(crate) use clone::ENDPOINTS as CLONE_ENDPOINTS;
pub(crate) use destroy::ENDPOINTS as DESTROY_ENDPOINTS;
pub(crate) use migrate::ENDPOINTS as MIGRATE_ENDPOINTS;
pub(crate) use move_disk::ENDPOINTS as MOVE_ENDPOINTS;
pub(crate) use power::ENDPOINTS as POWER_ENDPOINTS;
use power::check_skip_lock;
pub(crate) use resize::ENDPOINTS as RESIZE_ENDPOINTS;
pub(crate) use template::ENDPOINTS as TEMPLATE_ENDPOINTS;

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

/// Without quorum `/etc/pve` is read-only, which is found when the file is written.
fn check_writable(world: &crate::state::World, node: &str, vmid: u32) -> Result<(), String> {
    if world.quorate {
        Ok(())
    } else {
        Err(format!(
            "unable to open file '/etc/pve/nodes/{node}/qemu-server/{vmid}.conf.tmp.2002' - Permission denied"
        ))
    }
}
