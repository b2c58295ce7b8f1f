//! A guest's configuration, from the rows of `/pending` into the model. The way back is in `changes`.
//!
//! `/pending` alone shows in one answer what runs now and what waits for the next start; `/config` shows a mix
//! of both. An option that can't be understood is left out or taken for its default, never an error: a person
//! may have spelt it, or a newer Proxmox VE.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::answers::{Scalar, is_true};
use super::devices::{
    Agent, Boot, Cpu, DEFAULT_MEMORY_MIB, Discard, Drive, Memory, Nic as NicDevice, Smbios, Startup,
};
use super::property::{Format as _, Number, Whole};
use super::{cloud_init, settings};
use crate::model::{Disk, GuestConfig, Hardware, Lock, Nic};

pub(super) type Options = BTreeMap<String, String>;

/// A row of `/pending`.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    key: String,
    #[serde(default)]
    value: Option<Scalar>,
    #[serde(default)]
    pending: Option<Scalar>,
    /// 1, or 2 where removal is forced.
    #[serde(default)]
    delete: Option<Scalar>,
}

/// Makes a configuration of the rows. The error is a sentence: without a digest no change could be guarded.
pub(super) fn read(rows: Vec<Row>) -> Result<GuestConfig, &'static str> {
    let mut current = Options::new();
    let mut next = Options::new();
    for row in rows {
        let removed = row.delete.is_some_and(|d| d.0 != "0");
        if let Some(Scalar(value)) = &row.value {
            current.insert(row.key.clone(), value.clone());
        }
        if let Some(Scalar(value)) = row.pending.or(row.value)
            && !removed
        {
            next.insert(row.key, value);
        }
    }
    let digest = current.remove("digest").filter(|d| !d.is_empty());
    next.remove("digest");
    let digest = digest.ok_or("it holds no digest")?;
    Ok(assembled(digest, &current, next))
}

/// Makes a configuration of the options that stand in a backup.
pub(super) fn archived(options: Options) -> GuestConfig {
    assembled(String::new(), &options.clone(), options)
}

fn assembled(digest: String, current: &Options, next: Options) -> GuestConfig {
    let keys: BTreeSet<&String> = current.keys().chain(next.keys()).collect();
    let pending = keys
        .into_iter()
        .filter(|k| current.get(*k) != next.get(*k))
        .cloned()
        .collect();
    let flag = |key: &str| current.get(key).is_some_and(|v| is_true(v));
    GuestConfig {
        digest,
        lock: current.get("lock").filter(|l| !l.is_empty()).cloned().map(Lock),
        template: flag("template"),
        protection: flag("protection"),
        name: next.get("name").cloned(),
        description: next.get("description").cloned().unwrap_or_default(),
        uuid: current.get("smbios1").and_then(|s| Smbios::lenient(s).uuid),
        current: hardware(current),
        next: hardware(&next),
        pending,
        raw: next,
    }
}

fn is_set(options: &Options, key: &str) -> bool {
    options.get(key).is_some_and(|v| v.trim() == "1")
}

fn startup(options: &Options) -> Startup {
    options
        .get("startup")
        .map(|v| Startup::lenient(v))
        .unwrap_or_default()
}

fn hardware(options: &Options) -> Hardware {
    let count = |key: &str| {
        options
            .get(key)
            .map_or(1, |v| v.trim().parse().unwrap_or_default())
    };
    let mut hardware = Hardware {
        sockets: count("sockets"),
        cores: count("cores"),
        memory_mib: options.get("memory").map_or(DEFAULT_MEMORY_MIB, |v| memory(v)),
        agent: options
            .get("agent")
            .is_some_and(|v| Agent::lenient(v).enabled == Some(true)),
        cloud_init: cloud_init::read(options),
        cpu_type: options
            .get("cpu")
            .and_then(|v| Cpu::lenient(v).cputype)
            .map(|model| model.to_string()),
        on_boot: is_set(options, "onboot"),
        startup_order: startup(options).order.and_then(|n| u32::try_from(n.get()).ok()),
        startup_delay: startup(options).up.and_then(|n| u32::try_from(n.get()).ok()),
        boot_devices: options
            .get("boot")
            .and_then(|v| Boot::lenient(v).order)
            .map(|order| order.devices().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        protection: is_set(options, "protection"),
        ..Hardware::default()
    };
    settings::read(options, &mut hardware);
    for (slot, value) in options {
        match bus(slot) {
            Some("net") => {
                hardware.nics.insert(slot.clone(), nic(value));
            }
            Some(_) => put_drive(&mut hardware, slot, &Drive::lenient(value)),
            None => {}
        }
    }
    hardware
}

/// Puts a drive where it belongs; nowhere if it is the medium of cloud-init, in whose place nothing may be put,
/// or no volume (a device of the host passed through).
fn put_drive(hardware: &mut Hardware, slot: &str, drive: &Drive) {
    let Some(medium) = drive.file.as_ref().filter(|medium| !medium.is_cloud_init()) else {
        return;
    };
    let volume = medium.volume().cloned();
    if drive.is_cdrom() {
        hardware.cdroms.insert(slot.to_owned(), volume);
    } else if let Some(volume) = volume {
        let size = drive.size.map(|size| size.bytes);
        let plain = Disk::plain(volume, size);
        let disk = Disk {
            cache: drive.cache.map_or(plain.cache, |cache| cache.to_string()),
            discard: drive.discard == Some(Discard::On),
            ssd: drive.ssd == Some(true),
            iothread: drive.iothread == Some(true),
            backup: drive.backup != Some(false),
            ..plain
        };
        hardware.disks.insert(slot.to_owned(), disk);
    }
}

/// In MiB; 0 if it can't be read.
fn memory(value: &str) -> u64 {
    Memory::lenient(value).current.map_or(0, Whole::get)
}

/// The sort of a device that the model shows, from its slot: `scsi` of `scsi0`.
fn bus(slot: &str) -> Option<&str> {
    let bus = slot.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = bus.len() < slot.len();
    (numbered && ["scsi", "virtio", "sata", "ide", "net"].contains(&bus)).then_some(bus)
}

/// Whether a slot is one of an interface.
pub(super) fn is_nic(slot: &str) -> bool {
    bus(slot) == Some("net")
}

/// Whether a slot is one of a disk or CD drive.
pub(super) fn is_drive(slot: &str) -> bool {
    bus(slot).is_some_and(|bus| bus != "net")
}

fn nic(value: &str) -> Nic {
    let device = NicDevice::lenient(value);
    let card = device.card;
    Nic {
        model: card.map(|card| card.model.to_string()).unwrap_or_default(),
        mac: card.and_then(|card| card.mac).map(|mac| mac.to_string()),
        bridge: device.bridge.map(|bridge| bridge.to_string()),
        network: None,
        vlan: small(device.tag.map(Whole::get)).unwrap_or_default(),
        mtu: small(device.mtu.map(Whole::get)),
        firewall: device.firewall == Some(true),
        rate_kbps: device.rate.map(kilobits).unwrap_or_default(),
    }
}

fn small(number: Option<u64>) -> Option<u16> {
    number.and_then(|number| u16::try_from(number).ok())
}

/// Megabytes a second, as Proxmox VE counts, in kilobits a second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is never below 0, and a cast of a float stays within bounds"
)]
fn kilobits(megabytes: Number) -> u64 {
    (megabytes.get() * 8000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(rows: &serde_json::Value) -> GuestConfig {
        let mut rows: Vec<Row> = serde_json::from_value(rows.clone()).unwrap();
        rows.push(serde_json::from_value(json!({"key": "digest", "value": "d1"})).unwrap());
        read(rows).unwrap()
    }

    fn of(options: &[(&str, &str)]) -> GuestConfig {
        config(
            &options
                .iter()
                .map(|(k, v)| json!({"key": k, "value": v}))
                .collect(),
        )
    }

    #[test]
    fn an_ordinary_guest_is_read() {
        let config = config(&json!([
            {"key": "name", "value": "web1"},
            {"key": "description", "value": "line\nline ü"},
            {"key": "cores", "value": 2},
            {"key": "memory", "value": "2048"},
            {"key": "agent", "value": "1,fstrim_cloned_disks=1"},
            {"key": "smbios1", "value": "uuid=33cf2a23-9802-4505-9954-f6aae3116abb,manufacturer=QUJD,base64=1"},
            {"key": "scsi0", "value": "local-lvm:vm-100-disk-0,iothread=1,size=32G"},
            {"key": "ide2", "value": "local:iso/debian-12.iso,media=cdrom,size=627M"},
            {"key": "net0", "value": "virtio=bc:24:11:aa:bb:cc,bridge=vmbr0,tag=5"},
            {"key": "protection", "value": 1},
            {"key": "lock", "value": "backup"},
            {"key": "unused0", "value": "local-lvm:vm-100-disk-9"},
            {"key": "scsihw", "value": "virtio-scsi-single"},
        ]));
        assert_eq!(config.name.as_deref(), Some("web1"));
        assert_eq!(config.description, "line\nline ü");
        assert_eq!(
            config.uuid.unwrap().to_string(),
            "33cf2a23-9802-4505-9954-f6aae3116abb"
        );
        assert_eq!(config.lock, Some(Lock("backup".into())));
        assert!(config.protection && !config.template);
        let hardware = &config.current;
        assert_eq!(
            (hardware.sockets, hardware.cores, hardware.memory_mib),
            (1, 2, 2048)
        );
        assert!(hardware.agent);
        assert_eq!(hardware.disks.keys().collect::<Vec<_>>(), ["scsi0"]);
        assert_eq!(hardware.disks["scsi0"].size, Some(32 << 30));
        assert_eq!(
            hardware.disks["scsi0"].volume.to_string(),
            "local-lvm:vm-100-disk-0"
        );
        assert_eq!(
            hardware.cdroms["ide2"].as_ref().unwrap().volume(),
            "iso/debian-12.iso"
        );
        assert_eq!(
            hardware.nics["net0"],
            Nic {
                model: "virtio".into(),
                mac: Some("BC:24:11:AA:BB:CC".into()),
                bridge: Some("vmbr0".into()),
                vlan: 5,
                ..Nic::default()
            }
        );
        assert_eq!(config.next, config.current);
        assert!(config.pending.is_empty());
        assert!(!config.raw.contains_key("digest"));
        assert_eq!(config.digest, "d1");
    }

    #[test]
    fn what_is_pending_shows_in_next_only() {
        let config = config(&json!([
            {"key": "memory", "value": "64", "pending": 128},
            {"key": "cores", "value": 1},
            {"key": "net0", "value": "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0", "delete": 1},
            {"key": "net1", "pending": "virtio=BC:24:11:AA:BB:CD,bridge=vmbr1"},
            {"key": "scsi1", "value": "local:100/vm-100-disk-1.raw,size=1G", "delete": 2},
        ]));
        assert_eq!((config.current.memory_mib, config.next.memory_mib), (64, 128));
        assert_eq!(config.current.nics.keys().collect::<Vec<_>>(), ["net0"]);
        assert_eq!(config.next.nics.keys().collect::<Vec<_>>(), ["net1"]);
        assert!(config.next.disks.is_empty());
        assert_eq!(config.pending, ["memory", "net0", "net1", "scsi1"]);
        assert_eq!(config.raw.get("memory").map(String::as_str), Some("128"));
        assert!(!config.raw.contains_key("net0"));
    }

    #[test]
    fn a_guest_in_the_making_shows_little() {
        let config = of(&[("lock", "create")]);
        assert!(config.lock.unwrap().is_transition());
        assert_eq!((config.uuid, config.name), (None, None));
        assert_eq!(config.current.memory_mib, 512);
    }

    #[test]
    fn a_configuration_without_digest_is_refused() {
        assert!(read(Vec::new()).is_err());
    }

    #[test]
    fn bad_values_do_not_fail_the_read() {
        let config = of(&[
            ("cores", "many"),
            ("memory", "current=x"),
            ("agent", ","),
            ("smbios1", "uuid=zz,,="),
            ("net0", ""),
            ("scsi0", "=,=,"),
            ("scsi1", "/dev/disk/by-path/pci-0000:00:1f.2,size=1G"),
            ("ide2", "none,media=cdrom"),
            ("ide3", "cdrom,media=cdrom"),
            ("sata0", "local:100/vm-100-disk-0.raw,size=huge"),
            ("protection", "maybe"),
        ]);
        assert_eq!((config.current.cores, config.current.memory_mib), (0, 0));
        assert_eq!(config.current.disks.keys().collect::<Vec<_>>(), ["sata0"]);
        assert_eq!(config.current.disks["sata0"].size, None);
        assert_eq!(config.current.cdroms["ide2"], None);
        assert_eq!(config.current.cdroms["ide3"], None);
        assert!(!config.current.agent && !config.protection);
    }

    #[test]
    fn memory_comes_in_three_spellings() {
        for value in [json!(2048), json!("2048"), json!("current=2048")] {
            let config = config(&json!([{"key": "memory", "value": value}]));
            assert_eq!(config.current.memory_mib, 2048);
        }
    }

    #[test]
    fn the_drive_of_cloud_init_is_no_cd_drive_to_us() {
        for file in [
            "local:100/vm-100-cloudinit.qcow2",
            "local-lvm:vm-100-cloudinit",
            "local:cloudinit",
        ] {
            let config = of(&[("ide2", &format!("{file},media=cdrom"))]);
            assert!(
                config.current.cdroms.is_empty() && config.current.disks.is_empty(),
                "{file}"
            );
        }
        let iso = of(&[("ide2", "local:iso/vm-1-cloudinit-tools.iso,media=cdrom")]);
        assert_eq!(iso.current.cdroms.len(), 1);
    }

    #[test]
    fn interfaces_come_in_three_spellings() {
        for value in [
            "virtio=bc:24:11:00:00:01,bridge=vmbr0",
            "model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0",
            "bridge=vmbr0,virtio=BC:24:11:00:00:01",
        ] {
            let nic = nic(value);
            assert_eq!(nic.model, "virtio", "{value}");
            assert_eq!(nic.mac.as_deref(), Some("BC:24:11:00:00:01"), "{value}");
            assert_eq!(nic.bridge.as_deref(), Some("vmbr0"), "{value}");
        }
        assert_eq!(nic("e1000,bridge=vmbr1").model, "e1000");
    }
}
