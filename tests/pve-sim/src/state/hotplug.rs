//! How a change of configuration takes effect: at once, or with the next start (qemu-server,
//! `vmconfig_hotplug_pending` and `vmconfig_apply_pending` in `PVE::QemuServer`).

use std::collections::BTreeMap;

use super::config::{Config, is_disk, is_net};
use super::guest::Guest;
use super::property::{drive_property, drive_volume};
use super::world::World;
use crate::seed::Shutdown;
use crate::verify::{NET, drive_properties, is_cloud_init};

/// Options that Proxmox applies to a running guest at once (`fast_plug_option`; those of cloud-init are too).
const FAST: &[&str] = &[
    "description",
    "hookscript",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "onboot",
    "protection",
    "shares",
    "startup",
    "tags",
    "vmstatestorage",
];

/// What may change of a disk without taking it out: limits, and what only backups and replication look at.
const LIVE_OF_DISKS: &[&str] = &[
    "backup",
    "bps",
    "bps_max_length",
    "bps_rd",
    "bps_rd_max_length",
    "bps_wr",
    "bps_wr_max_length",
    "iops",
    "iops_max",
    "iops_max_length",
    "iops_rd",
    "iops_rd_max",
    "iops_rd_max_length",
    "iops_wr",
    "iops_wr_max",
    "iops_wr_max_length",
    "mbps",
    "mbps_max",
    "mbps_rd",
    "mbps_rd_max",
    "mbps_wr",
    "mbps_wr_max",
    "replicate",
    "shared",
    "size",
];

/// When a change takes effect.
enum Effect {
    Now,
    AtStart,
    /// It was tried, and this is what came of it.
    Failed(String),
}

fn now_if(plugged: bool) -> Effect {
    if plugged { Effect::Now } else { Effect::AtStart }
}

/// Changes with their final values; volumes exist.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Set (`Some`) and removed (`None`).
    pub(crate) options: BTreeMap<String, Option<String>>,
    /// Whether removed drives are freed instead of kept as unused.
    pub(crate) force: bool,
}

impl Guest {
    fn has_feature(&self, feature: &str) -> bool {
        let features = match self.option("hotplug") {
            None | Some("1") => "network,disk,usb",
            Some(features) => features,
        };
        features.split([',', ';', ' ']).any(|f| f == feature)
    }

    /// A device leaves only when the guest's system lets it go.
    fn unplug(&self, device: &str) -> Effect {
        let boots = self.boot_order().any(|d| d == device) && is_disk(device);
        if boots {
            Effect::Failed(format!("can't unplug bootdisk '{device}'\n"))
        } else if self.shutdown == Shutdown::Ignores && !device.starts_with("scsi") {
            Effect::Failed(format!(
                "error on hot-unplugging device '{device}' - still busy in guest?\n"
            ))
        } else {
            Effect::Now
        }
    }

    fn effect_of_removal(&self, key: &str) -> Effect {
        if FAST.contains(&key) || is_cloud_init(key) || key.starts_with("unused") {
            return Effect::Now;
        }
        match key {
            "hotplug" => now_if(!["cpu", "memory"].iter().any(|f| self.has_feature(f))),
            "tablet" => now_if(self.has_feature("usb")),
            "vcpus" => now_if(self.has_feature("cpu")),
            "memory" => now_if(self.has_feature("memory")),
            "balloon" => now_if(self.option("balloon") != Some("0")),
            "cpuunits" | "cpulimit" => Effect::Now,
            _ if key.starts_with("usb") => now_if(self.has_feature("usb")),
            _ if is_net(key) && self.has_feature("network") => self.unplug(key),
            _ if is_disk(key) && self.has_feature("disk") && can_be_plugged(key) => self.unplug(key),
            _ => Effect::AtStart,
        }
    }

    fn effect_of(&self, key: &str, to: &str) -> Effect {
        if FAST.contains(&key) || is_cloud_init(key) {
            return Effect::Now;
        }
        let touches = |feature: &str| to.contains(feature) || self.has_feature(feature);
        match key {
            "hotplug" => now_if(!touches("memory") && !touches("cpu")),
            "tablet" => now_if(self.has_feature("usb")),
            "vcpus" => now_if(self.has_feature("cpu")),
            "memory" => now_if(self.has_feature("memory")),
            "balloon" => now_if((self.option("balloon") == Some("0")) == (to == "0")),
            "cpuunits" | "cpulimit" => Effect::Now,
            "agent" => now_if(self.option("agent").is_some_and(|old| same_device(old, to))),
            _ if key.starts_with("usb") => now_if(self.has_feature("usb")),
            _ if is_net(key) => self.effect_of_card(key, to),
            _ if is_disk(key) => self.effect_of_drive(key, to),
            _ => Effect::AtStart,
        }
    }

    /// The bridge of a card can be changed under it; another model or address is another card.
    fn effect_of_card(&self, key: &str, to: &str) -> Effect {
        let parse = |card: &str| NET.parse(card).unwrap_or_default();
        let card = parse(to);
        let same = self.option(key).map(|old| {
            let old = parse(old);
            ["model", "macaddr", "queues", "mtu"]
                .iter()
                .all(|part| old.get(*part) == card.get(*part))
        });
        match same {
            Some(true) => Effect::Now,
            _ if !self.has_feature("network") => Effect::AtStart,
            Some(false) => self.unplug(key),
            None => Effect::Now,
        }
    }

    fn effect_of_drive(&self, key: &str, to: &str) -> Effect {
        if matches!(key, "efidisk0" | "tpmstate0") {
            return Effect::AtStart;
        }
        let hotplug = self.has_feature("disk");
        let Some(old) = self.option(key) else {
            return now_if(hotplug && can_be_plugged(key));
        };
        let media = |value: &str| drive_property(value, "media").unwrap_or("disk").to_owned();
        if media(old) != media(to) {
            return Effect::Failed("unable to change media type\n".to_owned());
        }
        if media(old) == "cdrom" {
            return Effect::Now;
        }
        if drive_volume(old) != drive_volume(to) {
            let unplugged = if hotplug {
                self.unplug(key)
            } else {
                Effect::AtStart
            };
            return match unplugged {
                Effect::Now => now_if(can_be_plugged(key)),
                other => other,
            };
        }
        let Some(properties) = drive_properties(key) else {
            return Effect::AtStart;
        };
        let fixed = |value: &str| {
            let mut parts = properties.parse(value).unwrap_or_default();
            parts.retain(|part, _| !LIVE_OF_DISKS.contains(&part.as_str()));
            parts
        };
        now_if(fixed(old) == fixed(to))
    }
}

/// IDE and SATA can't be plugged while the guest runs.
fn can_be_plugged(drive: &str) -> bool {
    drive.starts_with("scsi") || drive.starts_with("virtio")
}

/// Whether two values of `agent` differ only in what Proxmox does with it.
fn same_device(old: &str, new: &str) -> bool {
    let of = |value: &str| {
        let enabled = super::property::bool_of(value, "enabled");
        (enabled, drive_property(value, "type").map(str::to_owned))
    };
    of(old) == of(new)
}

/// Changes a guest. Gives back what could not be plugged, by option, in Proxmox's words; it stays pending.
pub(crate) fn change(world: &mut World, vmid: u32, changes: Changes) -> BTreeMap<String, String> {
    let Changes { options, force } = changes;
    let mut failed = BTreeMap::new();
    let Some(guest) = world.guests.get_mut(&vmid) else {
        return failed;
    };
    let mut now = BTreeMap::new();
    for (key, to) in options {
        let effect = match &to {
            _ if !guest.is_running() => Effect::Now,
            _ if guest.option(&key) == to.as_deref() => {
                guest.pending.remove(&key);
                continue;
            }
            Some(value) => guest.effect_of(&key, value),
            None => guest.effect_of_removal(&key),
        };
        guest.forced.remove(&key);
        if let Effect::Now = effect {
            guest.pending.remove(&key);
            now.insert(key, to);
            continue;
        }
        if to.is_none() && force {
            guest.forced.insert(key.clone());
        }
        if let Effect::Failed(error) = effect {
            failed.insert(key.clone(), format!("hotplug problem - {error}"));
        }
        guest.pending.insert(key, to);
    }
    apply(world, vmid, now, |_| force);
    failed
}

/// Applies what waits for the next start.
pub(crate) fn apply_pending(world: &mut World, vmid: u32) {
    let Some(guest) = world.guests.get_mut(&vmid) else {
        return;
    };
    let pending = std::mem::take(&mut guest.pending);
    let forced = std::mem::take(&mut guest.forced);
    apply(world, vmid, pending, |key| forced.contains(key));
}

fn apply(
    world: &mut World,
    vmid: u32,
    changes: BTreeMap<String, Option<String>>,
    is_forced: impl Fn(&str) -> bool,
) {
    for (key, to) in changes {
        let Some(guest) = world.guests.get_mut(&vmid) else {
            return;
        };
        let old = match &to {
            Some(value) => guest.config.insert(key.clone(), value.clone()),
            None => guest.config.remove(&key),
        };
        if let Some(to) = &to {
            forget_unused(guest, drive_volume(to));
        }
        let (Some(old), true) = (old, is_disk(&key) || key.starts_with("unused")) else {
            continue;
        };
        let volid = drive_volume(&old).to_owned();
        if to.as_deref().map(drive_volume) != Some(volid.as_str()) {
            let frees = key.starts_with("unused") || volid.contains("cloudinit") || is_forced(&key);
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

impl Guest {
    /// Whether a volume is named anywhere but in one option: by another drive, or by a snapshot.
    pub(crate) fn uses_elsewhere(&self, key: &str, volid: &str) -> bool {
        let names = |value: &String| drive_volume(value) == volid;
        let other = self.config.iter().any(|(k, value)| k != key && names(value));
        other || self.snapshots.values().flat_map(Config::values).any(names)
    }
}
