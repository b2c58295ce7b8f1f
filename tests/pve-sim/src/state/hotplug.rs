//! How a change of configuration takes effect: at once, or with the next start.

use std::collections::BTreeMap;

use super::config::{is_disk, is_net};
use super::guest::Guest;
use super::property::drive_volume;
use super::world::World;

/// Options that Proxmox applies to a running guest at once (`fast_plug_option` in qemu-server, the options of
/// cloud-init, and the limits that cgroups can change).
const FAST: &[&str] = &[
    "balloon",
    "cicustom",
    "cipassword",
    "citype",
    "ciupgrade",
    "ciuser",
    "cpulimit",
    "cpuunits",
    "description",
    "hookscript",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "nameserver",
    "onboot",
    "protection",
    "searchdomain",
    "shares",
    "sshkeys",
    "startup",
    "tags",
    "vmstatestorage",
];

/// Whether a change of `key` of a running guest takes effect at once. `to` is `None` for a deletion.
fn is_live(guest: &Guest, key: &str, to: Option<&str>) -> bool {
    let old = guest.option(key);
    let cdrom = |value: Option<&str>| value.is_none_or(|v| v.contains("media=cdrom"));
    FAST.contains(&key)
        || is_net(key)
        || key.starts_with("unused")
        || key.starts_with("ipconfig")
        || (is_disk(key)
            && key.starts_with("ide")
            && old.is_some()
            && to.is_some()
            && cdrom(old)
            && cdrom(to))
        || (is_disk(key) && (key.starts_with("scsi") || key.starts_with("virtio")))
}

/// Sets (`Some`) and removes (`None`) options; values are final, volumes exist.
pub(crate) fn change(world: &mut World, vmid: u32, changes: BTreeMap<String, Option<String>>) {
    let Some(guest) = world.guests.get_mut(&vmid) else {
        return;
    };
    let mut now = BTreeMap::new();
    for (key, to) in changes {
        if !guest.is_running() || is_live(guest, &key, to.as_deref()) {
            guest.pending.remove(&key);
            now.insert(key, to);
        } else if guest.option(&key) == to.as_deref() {
            guest.pending.remove(&key);
        } else {
            guest.pending.insert(key, to);
        }
    }
    apply(world, vmid, now);
}

/// Applies what waits for the next start.
pub(crate) fn apply_pending(world: &mut World, vmid: u32) {
    let pending = world
        .guests
        .get_mut(&vmid)
        .map(|g| std::mem::take(&mut g.pending));
    apply(world, vmid, pending.unwrap_or_default());
}

fn apply(world: &mut World, vmid: u32, changes: BTreeMap<String, Option<String>>) {
    for (key, to) in changes {
        let Some(guest) = world.guests.get_mut(&vmid) else {
            return;
        };
        let old = match &to {
            Some(value) => guest.config.insert(key.clone(), value.clone()),
            None => guest.config.remove(&key),
        };
        if to.is_none() {
            guest.leave_boot_order(&key);
        }
        if let Some(to) = &to {
            forget_unused(guest, drive_volume(to));
        }
        let (Some(old), true) = (old, is_disk(&key) || key.starts_with("unused")) else {
            continue;
        };
        let volid = drive_volume(&old).to_owned();
        if to.as_deref().map(drive_volume) != Some(volid.as_str()) {
            let frees = key.starts_with("unused") || volid.contains("cloudinit");
            let node = guest.node.clone();
            release(world, vmid, &node, &volid, frees);
        }
    }
}

/// A volume that left its slot: freed if it was unused already, else kept as `unused[n]`.
fn release(world: &mut World, vmid: u32, node: &str, volid: &str, frees: bool) {
    let owned = world.volume(node, volid).is_some_and(|v| v.vmid == Some(vmid));
    if !owned {
        return;
    }
    if frees {
        world.free_volume(node, volid);
    } else if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.keep_unused(volid);
    }
}

/// A volume that is attached is not unused any more.
fn forget_unused(guest: &mut Guest, volid: &str) {
    guest.config.retain(|key, value| {
        !(key.starts_with("unused") && drive_volume(value) == volid && volid.contains(':'))
    });
}
