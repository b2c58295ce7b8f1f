use std::collections::BTreeSet;

use super::*;
use crate::model::{Change, DiskSettings, NewDisk, NicSettings};

const MARK: &str = "<!-- drover/v1 cluster=c id=1 -->";

fn disk(slot: &str, settings: DiskSettings) -> Change {
    Change::AddDisk(NewDisk {
        slot: slot.to_owned(),
        storage: "default".to_owned(),
        size: 1 << 30,
        settings,
        ..NewDisk::default()
    })
}

fn written(changes: &[Change], making: &[Making], host: &Host) -> Result<String, Unfit> {
    let guest = NewDomain {
        name: "web1",
        uuid: "33cf2a23-9802-4505-9954-f6aae3116abb".parse().unwrap(),
        description: &format!("the shop's <front>\n{MARK}"),
        changes,
        making,
    };
    new(&guest, host, &all_sources())
}

/// One element a line, so that people can read it.
fn lines(xml: &str) -> String {
    xml.replace("><", ">\n<") + "\n"
}

fn shop() -> Vec<Change> {
    vec![
        Change::Sockets(2),
        Change::Cores(3),
        Change::CpuType("qemu64".to_owned()),
        Change::OnBoot(true),
        Change::BootDevices(vec!["virtio0".to_owned(), "ide2".to_owned(), "scsi0".to_owned()]),
        Change::MemoryMib(1536),
        Change::Agent(true),
        Change::Cdrom {
            slot: "ide2".to_owned(),
            volume: Some("default:debian.iso".parse().unwrap()),
        },
        Change::AddNic {
            slot: "net0".to_owned(),
            settings: NicSettings {
                model: Some("virtio".to_owned()),
                bridge: Some("br0".to_owned()),
                mac: Some("52:54:00:AA:BB:CC".to_owned()),
                mtu: Some(1400),
                rate_mbps: Some(100),
                firewall: Some(false),
                ..NicSettings::default()
            },
        },
        Change::AddNic {
            slot: "net1".to_owned(),
            settings: NicSettings {
                network: Some("default".to_owned()),
                ..NicSettings::default()
            },
        },
        Change::CpuLimit(1.5),
        Change::CpuUnits(200),
        Change::Tags(["web".to_owned(), "shop".to_owned()].into()),
        Change::Machine("q35".to_owned()),
        disk("scsi0", DiskSettings::default()),
        disk(
            "virtio0",
            DiskSettings {
                cache: Some("none"),
                discard: Some(true),
                iothread: Some(true),
                backup: Some(true),
                ..DiskSettings::default()
            },
        ),
        disk(
            "scsi1",
            DiskSettings {
                ssd: Some(true),
                ..DiskSettings::default()
            },
        ),
    ]
}

fn under_way() -> Vec<Making> {
    vec![Making {
        slot: "scsi0".to_owned(),
        name: "drover-1-scsi0.qcow2".to_owned(),
        pool: "default".to_owned(),
    }]
}

/// Both were defined with `virsh define --validate` on libvirt 9.0.0.
#[test]
fn a_new_domain_is_as_it_was_accepted_by_libvirt() {
    let full = written(&shop(), &under_way(), &host()).unwrap();
    assert_eq!(lines(&full), include_str!("../samples/new.xml"));
    let bare = written(&[], &[], &host()).unwrap();
    assert_eq!(lines(&bare), include_str!("../samples/new-bare.xml"));
}

#[test]
fn a_new_domain_reads_as_it_was_ordered() {
    let config = look(&written(&shop(), &under_way(), &host()).unwrap(), None);
    assert_eq!(config.name.as_deref(), Some("web1"));
    assert_eq!(config.description, format!("the shop's <front>\n{MARK}"));
    let hardware = config.next;
    assert_eq!(
        (hardware.sockets, hardware.cores, hardware.memory_mib),
        (2, 3, 1536)
    );
    assert_eq!(hardware.cpu_type.as_deref(), Some("qemu64"));
    assert_eq!(hardware.machine.as_deref(), Some("q35"));
    assert!(hardware.agent && (hardware.cpu_limit - 1.5).abs() < 1e-9);
    assert_eq!(hardware.cpu_units, 200);
    assert_eq!(
        hardware.tags,
        BTreeSet::from(["shop".to_owned(), "web".to_owned()])
    );
    assert_eq!(
        hardware.boot_devices,
        ["virtio0", "ide2"],
        "scsi0 is not there yet"
    );
    assert_eq!(hardware.disks.keys().collect::<Vec<_>>(), ["scsi1", "virtio0"]);
    let virtio = &hardware.disks["virtio0"];
    assert!(virtio.discard && virtio.iothread && virtio.cache == "none");
    assert!(hardware.disks["scsi1"].ssd);
    assert_eq!(
        hardware.cdroms["ide2"].as_ref().unwrap().to_string(),
        "default:debian.iso"
    );
    let nic = &hardware.nics["net0"];
    assert_eq!(nic.mac.as_deref(), Some("52:54:00:AA:BB:CC"));
    assert_eq!(
        (nic.mtu, nic.rate_kbps, nic.bridge.as_deref()),
        (Some(1400), 100_000, Some("br0"))
    );
    assert_eq!(hardware.nics["net1"].network.as_deref(), Some("default"));
    assert!(
        hardware.nics["net1"].mac.is_some(),
        "the definition and the running domain agree on it"
    );
}

#[test]
fn a_host_with_kvm_runs_domains_on_its_own_processor() {
    let kvm = Host {
        domain_type: DomainType::Kvm,
        ..host()
    };
    let xml = written(&[], &[], &kvm).unwrap();
    assert!(xml.starts_with("<domain type=\"kvm\">"));
    assert_eq!(look(&xml, None).next.cpu_type.as_deref(), Some("host"));
    let emulated = look(&written(&[], &[], &host()).unwrap(), None).next;
    assert_eq!(emulated.cpu_type.as_deref(), Some("max"));
}

#[test]
fn an_old_board_has_ide_and_no_ports() {
    let changes = [
        Change::Cdrom {
            slot: "ide2".to_owned(),
            volume: None,
        },
        Change::Machine("pc-i440fx-7.2".to_owned()),
    ];
    let xml = written(&changes, &[], &host()).unwrap();
    let hardware = look(&xml, None).next;
    assert_eq!(
        hardware.machine.as_deref(),
        Some("pc-i440fx-7.2"),
        "the version was asked for"
    );
    assert_eq!(hardware.cdroms, [("ide2".to_owned(), None)].into());
    assert!(xml.contains("<target dev=\"hdc\" bus=\"ide\"/>"));
    assert!(!xml.contains("pcie"));
}

#[test]
fn firmware_is_what_the_host_has() {
    let changes = |secure_boot| {
        [
            Change::Bios("ovmf"),
            Change::EfiDisk {
                storage: "default".to_owned(),
                secure_boot,
            },
            Change::Tpm {
                storage: "default".to_owned(),
            },
        ]
    };
    for secure_boot in [false, true] {
        let hardware = look(&written(&changes(secure_boot), &[], &host()).unwrap(), None).next;
        assert_eq!(hardware.bios.as_deref(), Some("ovmf"));
        assert_eq!(hardware.efi_disk.map(|(_, keys)| keys), Some(secure_boot));
        assert!(hardware.tpm.is_some());
    }
    let without_efi = Host { efi: false, ..host() };
    let without_keys = Host {
        secure_boot: false,
        ..host()
    };
    let without_tpm = Host { tpm: false, ..host() };
    for (host, secure_boot) in [(without_efi, false), (without_keys, true), (without_tpm, false)] {
        let refused = written(&changes(secure_boot), &[], &host);
        assert!(matches!(refused, Err(Unfit::Host(_))), "{refused:?}");
    }
}

#[test]
fn a_disk_whose_volume_nobody_made_is_not_left_out() {
    let change = [disk("virtio7", DiskSettings::default())];
    assert_eq!(
        written(&change, &[], &host()),
        Err(Unfit::NoVolume("virtio7".to_owned()))
    );
}

#[test]
fn text_that_xml_can_not_hold_is_refused() {
    let change = [Change::Description("bell \u{7}".to_owned())];
    assert!(matches!(written(&change, &[], &host()), Err(Unfit::Write(_))));
}
