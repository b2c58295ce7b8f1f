//! Containers: how their options are written, and whether a change takes effect at once or with the next start
//! (pve-container, `PVE::LXC::Config`).

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::config::{Config, is_net};
use super::guest::Guest;
use super::property::{drive_property, drive_volume, normalize_tags};
use super::world::World;
use crate::verify::{ct_option_is_number, ct_option_properties};

/// Options that a running container takes at once because nothing in it has to know (`LXC_FASTPLUG_OPTIONS`).
const FAST: &[&str] = &[
    "cores",
    "description",
    "hookscript",
    "hostname",
    "lock",
    "onboot",
    "protection",
    "startup",
    "tags",
];

/// Options that are changed in the running container's groups.
const LIMITS: &[&str] = &["cpulimit", "cpuunits", "memory", "swap"];

/// Whether an option is a file system: `rootfs`, `mp0`.
pub(crate) fn is_mount(key: &str) -> bool {
    key == "rootfs" || numbered(key, "mp")
}

fn numbered(key: &str, stem: &str) -> bool {
    key.strip_prefix(stem)
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn is_live(key: &str) -> bool {
    FAST.contains(&key)
        || LIMITS.contains(&key)
        || is_net(key)
        || numbered(key, "mp")
        || numbered(key, "dev")
        || numbered(key, "unused")
}

/// A value as it is stored: mount points and cards with their keys in order (what has no key, what is required, the rest
/// by name), cards with an address and a type, tags in order.
pub(crate) fn stored_option(key: &str, value: &str) -> String {
    if key == "tags" {
        return normalize_tags(value);
    }
    let Some(properties) = ct_option_properties(key).filter(|_| is_net(key) || is_mount(key)) else {
        return value.to_owned();
    };
    let Ok(mut parts) = properties.parse(value) else {
        return value.to_owned();
    };
    if is_net(key) {
        parts
            .entry("type".to_owned())
            .or_insert_with(|| "veth".to_owned());
        let address = parts
            .remove("hwaddr")
            .map_or_else(new_address, |a| a.to_uppercase());
        parts.insert("hwaddr".to_owned(), address);
    }
    let first = properties.default_key;
    let required = |name: &str| properties.keys().any(|k| k.is_named(name) && !k.is_optional());
    let mut keys: Vec<&String> = parts.keys().collect();
    keys.sort_by_key(|key| (first != Some(key.as_str()), !required(key), key.to_owned()));
    let written = keys.into_iter().filter_map(|key| {
        let value = parts.get(key)?;
        Some(if first == Some(key.as_str()) {
            value.clone()
        } else {
            format!("{key}={value}")
        })
    });
    written.collect::<Vec<_>>().join(",")
}

fn new_address() -> String {
    let random = Uuid::new_v4();
    let [a, b, c, ..] = random.as_bytes();
    format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}")
}

/// A card with a new address, as a clone's.
pub(crate) fn with_new_address(key: &str, value: &str) -> String {
    let kept: Vec<&str> = value.split(',').filter(|p| !p.starts_with("hwaddr=")).collect();
    stored_option(key, &kept.join(","))
}

/// A value as it goes out. A description is a comment in the file, of whole lines.
pub(crate) fn shown_option(key: &str, value: &str) -> Value {
    if key == "description" {
        return Value::from(format!("{}\n", value.trim_end_matches('\n')));
    }
    match value.parse::<i64>() {
        Ok(number) if ct_option_is_number(key) => Value::from(number),
        _ => Value::from(value),
    }
}

/// Sets (`Some`) and removes (`None`) options; values are as stored, volumes exist.
pub(crate) fn change_container(world: &mut World, vmid: u32, changes: BTreeMap<String, Option<String>>) {
    let Some(guest) = world.guests.get_mut(&vmid) else {
        return;
    };
    let mut now = BTreeMap::new();
    for (key, to) in changes {
        if !guest.is_running() || is_live(&key) {
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
pub(super) fn apply_pending(world: &mut World, vmid: u32) {
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
        if let Some(value) = &to {
            forget_unused(&mut guest.config, drive_volume(value));
        }
        let Some(old) = old.filter(|_| is_mount(&key) || key.starts_with("unused")) else {
            continue;
        };
        let volid = drive_volume(&old).to_owned();
        if to.as_deref().map(drive_volume) != Some(volid.as_str()) {
            let node = guest.node.clone();
            let owned = world.volume(&node, &volid).is_some_and(|v| v.vmid == Some(vmid));
            if owned && key.starts_with("unused") {
                world.free_volume(&node, &volid);
            } else if owned && let Some(guest) = world.guests.get_mut(&vmid) {
                keep_unused(guest, &volid);
            }
        }
    }
}

/// Names a volume `unused[n]`.
pub(crate) fn keep_unused(guest: &mut Guest, volid: &str) {
    let slot = (0..256)
        .map(|n| format!("unused{n}"))
        .find(|s| !guest.config.contains_key(s));
    if let Some(slot) = slot {
        guest.config.insert(slot, volid.to_owned());
    }
}

/// A volume that is mounted is not unused any more.
fn forget_unused(config: &mut Config, volid: &str) {
    config.retain(|key, value| {
        !(key.starts_with("unused") && drive_volume(value) == volid && volid.contains(':'))
    });
}

impl Guest {
    /// The address of a container's card as its options give it, or else one that a DHCP server would: with the prefix.
    pub(crate) fn card_address(&self, card: &str) -> Option<String> {
        match drive_property(card, "ip")? {
            "manual" => None,
            "dhcp" => {
                let (address, prefix) = self.address();
                Some(format!("{address}/{prefix}"))
            }
            fixed => Some(fixed.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_written_with_its_name_first_and_the_rest_in_order() {
        let card = stored_option("net0", "name=eth0,bridge=vmbr0,ip=192.0.2.50/24,gw=192.0.2.1");
        let (before, after) = card.split_once("BC:24:11:").unwrap();
        assert_eq!(before, "name=eth0,bridge=vmbr0,gw=192.0.2.1,hwaddr=");
        assert!(after.ends_with(",ip=192.0.2.50/24,type=veth"), "{card}");
        assert_eq!(stored_option("net0", &card), card);
    }

    #[test]
    fn a_description_is_of_whole_lines() {
        assert_eq!(shown_option("description", "x y"), Value::from("x y\n"));
        assert_eq!(shown_option("memory", "128"), Value::from(128));
        assert_eq!(shown_option("cpulimit", "1.5"), Value::from("1.5"));
    }
}
