//! Cloud-init: what its drive holds, what it will hold, and writing it anew.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::cloudinit_files::{Host, meta_data, network, user_data};
use super::{check_lock, check_writable};
use crate::state::{Config, Guest, drive_volume, is_disk, typed};
use crate::verify::{Kind, is_cloud_init, need};
use crate::wire::{ApiResult, Reply};

const AUDIT: Allow = Allow::Any("/vms/{vmid}", &["VM.Audit"]);

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/cloudinit",
        AUDIT,
        &[],
        Run::Now(pending),
    ),
    Endpoint::put(
        "/nodes/{node}/qemu/{vmid}/cloudinit",
        Allow::Any("/vms/{vmid}", &["VM.Config.Cloudinit"]),
        &[],
        Run::Later(|call| Box::pin(regenerate(call))),
    ),
    Endpoint::get(
        "/nodes/{node}/qemu/{vmid}/cloudinit/dump",
        AUDIT,
        &[&[need("type", Kind::Enum(&["user", "network", "meta"]))]],
        Run::Now(dump),
    ),
];

/// What the list of pending changes is about (`$cloudinitoptions`); the addresses are not.
const LISTED: &[&str] = &[
    "cicustom",
    "cipassword",
    "citype",
    "ciupgrade",
    "ciuser",
    "nameserver",
    "searchdomain",
    "sshkeys",
];

/// The option of its drive for cloud-init.
fn drive(config: &Config) -> Option<&str> {
    let mut drives = config.iter().filter(|(key, _)| is_disk(key));
    let found = drives.find(|(_, value)| drive_volume(value).contains("cloudinit"));
    found.map(|(key, _)| key.as_str())
}

/// Whether it has a drive for cloud-init.
pub(super) fn has_drive(guest: &Guest) -> bool {
    drive(&guest.wanted_config()).is_some()
}

/// The options that the drive is written from.
pub(super) fn options(config: &Config) -> Config {
    let told = |key: &str| is_cloud_init(key) || key == "name" || crate::state::is_net(key);
    let mut options = config.clone();
    options.retain(|key, _| told(key));
    options
}

fn pending(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let now = &guest.config;
    let written = guest.cloudinit.as_ref().unwrap_or(now);
    let release = call.release();
    let rows = LISTED.iter().filter_map(|key| {
        let shown = |config: &Config| config.get(*key).map(|value| typed(release, key, value));
        let changed = now.get(*key) != written.get(*key);
        let row: Option<Value> = match (shown(written), shown(now)) {
            (None, Some(new)) => Some(json!({"key": key, "pending": new})),
            (Some(old), Some(new)) if changed => Some(json!({"key": key, "value": old, "pending": new})),
            (Some(old), Some(_)) => Some(json!({"key": key, "value": old})),
            (Some(_), None) => Some(json!({"key": key, "delete": 1})),
            (None, None) => None,
        };
        row
    });
    Ok(Reply::data(rows.collect::<Vec<_>>()))
}

/// A guest without such a drive is left as it is.
async fn regenerate(call: Call) -> ApiResult {
    let (node, vmid) = (call.node(), call.vmid());
    call.world().guest_on(node, vmid)?;
    let _lock = call.sim.lock_file(vmid, false).await?;
    let mut world = call.world();
    let guest = world.guest_on(node, vmid)?;
    check_lock(guest)?;
    check_writable(&world, node, vmid)?;
    let guest = world.guest_on_mut(node, vmid)?;
    if guest.is_running() && drive(&guest.config).is_some() {
        guest.cloudinit = Some(options(&guest.config));
    }
    drop(world);
    Ok(Reply::null())
}

fn dump(call: &Call) -> ApiResult {
    let world = call.world();
    let guest = world.guest_on(call.node(), call.vmid())?;
    let host = Host::of(&world, call.node());
    let kind = call.text("type").unwrap_or("");
    let custom = guest
        .option("cicustom")
        .and_then(|c| crate::state::drive_property(c, kind));
    if let Some(volid) = custom {
        let found = world.volume(call.node(), volid);
        found.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
        return Ok(Reply::data(""));
    }
    let text = match kind {
        "user" => user_data(guest, &host),
        "network" => network(guest, &host),
        _ => meta_data(guest, &host),
    };
    Ok(Reply::data(text))
}
