//! The types against the API's own description of the options: the same keys, enumerations and bounds.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::hypervisor::proxmox::devices::spellings::{Spelling, table};
use crate::hypervisor::proxmox::devices::*;
use crate::hypervisor::proxmox::property::{Format, Properties};
use crate::hypervisor::proxmox::tests::described::schemas;

/// Every key that the API describes is one of the types', with the same default key, and no type has others.
#[test]
fn the_devices_know_the_keys_that_the_api_describes() {
    fn known<T: Format>() -> (&'static str, BTreeSet<String>) {
        let names = T::KEYS.iter().flat_map(|key| key.names);
        (T::DEFAULT_KEY, names.map(|name| (*name).to_owned()).collect())
    }

    let Some(schemas) = schemas() else { return };
    let mut compared = 0;
    for (path, option, (default_key, known)) in [
        ("qemu", "agent", known::<Agent>()),
        ("qemu", "audio0", known::<Audio>()),
        ("qemu", "efidisk0", known::<EfiDisk>()),
        ("qemu", "ivshmem", known::<SharedMemory>()),
        ("qemu", "machine", known::<Machine>()),
        ("qemu", "memory", known::<Memory>()),
        ("qemu", "net[n]", known::<Nic>()),
        ("qemu", "numa[n]", known::<Numa>()),
        ("qemu", "rng0", known::<Rng>()),
        ("qemu", "spice_enhancements", known::<SpiceEnhancements>()),
        ("qemu", "tpmstate0", known::<TpmState>()),
        ("qemu", "unused[n]", known::<Unused>()),
        ("qemu", "usb[n]", known::<Usb>()),
        ("qemu", "vga", known::<Vga>()),
        ("qemu", "virtiofs[n]", known::<SharedFolder>()),
        ("lxc", "dev[n]", known::<container::Device>()),
        ("lxc", "features", known::<container::Features>()),
        ("lxc", "mp[n]", known::<container::MountPoint>()),
        ("lxc", "net[n]", known::<container::ContainerNic>()),
        ("lxc", "rootfs", known::<container::RootFs>()),
    ] {
        let path = format!("/nodes/{{node}}/{path}/{{vmid}}/config");
        let mut described = BTreeSet::new();
        for (_, schema) in &schemas {
            let Some(format) = schema[&path]["PUT"]["parameters"][option]["format"].as_object() else {
                continue;
            };
            for (key, rules) in format {
                described.insert(key.clone());
                if rules["default_key"] == 1 {
                    assert_eq!(key, default_key, "{option}");
                }
            }
        }
        assert_eq!(described, known, "{option}");
        compared += described.len();
    }
    println!("keys of devices compared: {compared}");
}

/// What must be said beside any key.
fn required(kind: GuestKind, option: &str) -> &'static str {
    match (kind, option) {
        (GuestKind::Lxc, "net[n]") => "name=eth0",
        (_, "net[n]") => "model=virtio",
        (_, "mp[n]") => "volume=local:1,mp=/a",
        (_, "rootfs") => "volume=local:1",
        (_, "ide[n]" | "sata[n]" | "scsi[n]" | "virtio[n]" | "efidisk0" | "tpmstate0") => "file=local:1",
        (_, "unused[n]") => "file=local:vm-100-disk-0",
        (_, "agent") => "enabled=1",
        (_, "audio0") => "device=AC97",
        (_, "ivshmem") => "size=1",
        (_, "numa[n]") => "cpus=0",
        (_, "rng0") => "source=/dev/urandom",
        (_, "virtiofs[n]") => "dirid=shared",
        _ => "",
    }
}

/// Values that the rules allow, and values that they don't.
fn examples(rules: &Json) -> (Vec<String>, Vec<String>) {
    if let Some(allowed) = rules["enum"].as_array() {
        let allowed = allowed.iter().filter_map(Json::as_str).map(str::to_owned);
        return (allowed.collect(), vec!["of-no-release".to_owned()]);
    }
    let bound = |name: &str| match &rules[name] {
        Json::String(text) => text.parse::<u64>().ok(),
        number => number.as_u64(),
    };
    match rules["type"].as_str() {
        Some("boolean") => (vec!["0".into(), "1".into()], vec!["2".into(), "maybe".into()]),
        Some("integer" | "number") => {
            let (least, most) = (bound("minimum"), bound("maximum"));
            let right = [least.or(Some(1)), most.or(Some(1_000_000_000))];
            let too_little = least.filter(|least| *least > 0).map(|least| least - 1);
            let wrong = [too_little, most.map(|most| most + 1)];
            let text = |numbers: [Option<u64>; 2]| numbers.iter().flatten().map(u64::to_string).collect();
            let mut wrong: Vec<String> = text(wrong);
            wrong.push("many".into());
            (text(right), wrong)
        }
        _ => (Vec::new(), Vec::new()),
    }
}

#[test]
fn enumerations_and_bounds_are_those_that_the_api_describes() {
    let Some(schemas) = schemas() else { return };
    let (mut tried, mut wrong) = (0, Vec::new());
    let options: Vec<(GuestKind, &str, Spelling)> = [GuestKind::Qemu, GuestKind::Lxc]
        .into_iter()
        .flat_map(|kind| {
            table(kind)
                .iter()
                .map(move |(option, spelling)| (kind, *option, *spelling))
        })
        .collect();
    for (kind, option, spelling) in options {
        let path = match kind {
            GuestKind::Qemu => "/nodes/{node}/qemu/{vmid}/config",
            GuestKind::Lxc => "/nodes/{node}/lxc/{vmid}/config",
        };
        for (release, schema) in &schemas {
            let format = schema[path]["PUT"]["parameters"]
                .get(option)
                .map(|o| &o["format"]);
            for (key, rules) in format.and_then(Json::as_object).into_iter().flatten() {
                let (right, not_right) = examples(rules);
                let right = right.into_iter().map(|value| (value, true));
                for (value, fits) in right.chain(not_right.into_iter().map(|value| (value, false))) {
                    let mut text = Properties::parse(required(kind, option), "");
                    text.set(key, value).unwrap();
                    tried += 1;
                    if spelling(&text.to_string()).is_ok() != fits {
                        wrong.push(format!("{release} {kind:?} {option}: {text} should fit: {fits}"));
                    }
                }
            }
        }
    }
    println!("values tried: {tried}");
    assert!(tried > 1000);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
