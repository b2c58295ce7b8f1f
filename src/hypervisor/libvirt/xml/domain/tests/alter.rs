use super::*;
use crate::model::{Change, CloudInitChange, DiskSettings, NewDisk, NicSettings};

fn altered(xml: &str, change: Change) -> Result<Altered, Unfit> {
    super::super::alter(xml, &[change], &host(), &all_sources())
}

/// The domain after a change, and what is done to the running one.
fn after(xml: &str, change: Change) -> (GuestConfig, Live) {
    let altered = altered(xml, change).unwrap();
    assert_eq!(altered.rename, None);
    let [live] = &altered.live[..] else {
        panic!("one change, one act")
    };
    (look(&altered.xml, None), live.clone())
}

fn disk(slot: &str) -> Change {
    Change::AddDisk(NewDisk {
        slot: slot.to_owned(),
        storage: "default".to_owned(),
        size: 1 << 30,
        ..NewDisk::default()
    })
}

fn nic(slot: &str, settings: NicSettings) -> Change {
    Change::Nic {
        slot: slot.to_owned(),
        settings,
    }
}

#[test]
fn what_a_change_does_not_name_stays() {
    for xml in [SHOP, OLD] {
        let same = super::super::alter(xml, &[Change::OnBoot(true)], &host(), &all_sources()).unwrap();
        assert_eq!(tree(&same.xml), tree(xml));
        let change = Change::MemoryMib(256);
        let altered = altered(xml, change).unwrap();
        let mut expected = tree(xml);
        for name in ["memory", "currentMemory"] {
            expected.edit(name, |memory| {
                memory.set("unit", "MiB");
                memory.set_text("256");
            });
        }
        assert_eq!(tree(&altered.xml), expected);
        assert_eq!(altered.live, [Live::MemoryMib(256)]);
    }
    let old = altered(OLD, Change::Agent(true)).unwrap().xml;
    assert!(old.contains("<qemu:commandline>") && old.contains("<qemu:arg value=\"-newarg\"/>"));
}

#[test]
fn a_disk_is_plugged_in_at_a_place_that_is_free() {
    for (xml, slot, target, address) in [
        (SHOP, "scsi1", ("sdc", "scsi"), Some(("0", "1"))),
        (SHOP, "virtio0", ("vda", "virtio"), None),
        (SHOP, "virtio2", ("vdc", "virtio"), None),
        (SHOP, "sata0", ("sdc", "sata"), Some(("0", "0"))),
        (SHOP, "ide1", ("sdc", "sata"), Some(("0", "0"))),
        (OLD, "ide1", ("hdb", "ide"), Some(("0", "1"))),
        (OLD, "scsi0", ("sda", "scsi"), Some(("0", "0"))),
    ] {
        let (config, live) = after(xml, disk(slot));
        let made = &config.next.disks[slot];
        let path = if slot == "virtio2" {
            "file:/dev/vg/new".to_owned()
        } else {
            format!("default:new-{slot}")
        };
        assert_eq!(made.volume.to_string(), path);
        let Live::Attach(devices) = live else {
            panic!("{live:?}")
        };
        let device = Element::read(devices.last().unwrap(), "disk").unwrap();
        assert_eq!(
            device.attribute_of("alias", "name"),
            Some(format!("ua-{slot}").as_str())
        );
        let of = |child: &str, name: &str| device.attribute_of(child, name);
        assert_eq!(
            (of("target", "dev"), of("target", "bus")),
            (Some(target.0), Some(target.1)),
            "{slot}"
        );
        assert_eq!(of("address", "bus").zip(of("address", "unit")), address, "{slot}");
        assert_eq!(
            device.attribute("type"),
            Some(if slot == "virtio2" { "block" } else { "file" })
        );
        let controller = (xml, slot) == (OLD, "scsi0");
        assert_eq!(devices.len(), 1 + usize::from(controller), "{devices:?}");
        assert!(!controller || devices[0].contains("virtio-scsi"));
    }
}

#[test]
fn a_disk_is_not_put_over_another_or_in_no_place() {
    for (slot, why) in [
        ("scsi0", Unfit::Exists("scsi0".to_owned())),
        ("ide2", Unfit::Exists("ide2".to_owned())),
        ("virtio9", Unfit::NoVolume("virtio9".to_owned())),
        ("net0", Unfit::Exists("net0".to_owned())),
        ("floppy0", Unfit::NoSlot("floppy0".to_owned())),
    ] {
        assert_eq!(altered(SHOP, disk(slot)), Err(why), "{slot}");
    }
}

#[test]
fn options_of_a_disk_are_set_and_taken_off() {
    let change = |slot: &str, settings| Change::Disk {
        slot: slot.to_owned(),
        settings,
    };
    let all = DiskSettings {
        cache: Some("writeback"),
        discard: Some(true),
        iothread: Some(true),
        ..DiskSettings::default()
    };
    let (config, live) = after(OLD, change("virtio1", all.clone()));
    assert_eq!(live, Live::Nothing);
    let set = &config.next.disks["virtio1"];
    assert!(set.discard && set.iothread && set.cache == "writeback");
    let none = DiskSettings {
        discard: Some(false),
        ssd: Some(false),
        ..DiskSettings::default()
    };
    let (config, _) = after(SHOP, change("scsi0", none));
    assert!(!config.next.disks["scsi0"].discard && !config.next.disks["scsi0"].ssd);
    let native = altered(
        OLD,
        change(
            "ide0",
            DiskSettings {
                cache: Some("unsafe"),
                ..DiskSettings::default()
            },
        ),
    );
    assert!(
        !native.unwrap().xml.contains("io=\"native\""),
        "it is for disks without cache alone"
    );
    assert!(matches!(
        altered(SHOP, change("scsi0", all)),
        Err(Unfit::Unsupported(_))
    ));
    let missing = altered(SHOP, change("ide2", DiskSettings::default()));
    assert_eq!(missing, Err(Unfit::NoDevice("ide2".to_owned())));
    let unsaved = DiskSettings {
        backup: Some(false),
        ..DiskSettings::default()
    };
    assert!(altered(SHOP, change("scsi0", unsaved)).is_err());
}

#[test]
fn media_come_and_go() {
    let cdrom = |slot: &str, volume: Option<&str>| Change::Cdrom {
        slot: slot.to_owned(),
        volume: volume.map(|volume| volume.parse().unwrap()),
    };
    let (config, live) = after(SHOP, cdrom("ide2", Some("default:debian.iso")));
    assert_eq!(
        config.next.cdroms["ide2"].as_ref().unwrap().to_string(),
        "default:debian.iso"
    );
    assert!(
        matches!(live, Live::Update(device) if device.contains("debian.iso") && device.contains("ua-ide2"))
    );
    let (config, live) = after(SHOP, cdrom("ide2", None));
    assert_eq!(config.next.cdroms["ide2"], None);
    assert!(matches!(live, Live::Update(device) if !device.contains("<source")));
    let (config, live) = after(SHOP, cdrom("sata1", None));
    assert_eq!((config.next.cdroms.len(), live), (2, Live::Nothing));
    assert_eq!(
        altered(SHOP, cdrom("scsi0", None)),
        Err(Unfit::NoCdrom("scsi0".to_owned())),
        "a disk is not replaced by a medium"
    );
    let unknown = altered(SHOP, cdrom("ide2", Some("default:gone.iso")));
    assert_eq!(unknown, Err(Unfit::NoVolume("ide2".to_owned())));
}

#[test]
fn a_device_is_unplugged_and_all_else_stays() {
    for slot in ["scsi0", "virtio1", "net0", "net1"] {
        let (config, live) = after(SHOP, Change::Unplug(slot.to_owned()));
        let mut expected = look(SHOP, None).next;
        expected.disks.remove(slot);
        expected.nics.remove(slot);
        expected.boot_devices.retain(|device| device != slot);
        // Where it bears no name, an interface is called by its place.
        if slot == "net0" {
            let other = expected.nics.remove("net1").unwrap();
            expected.nics.insert("net0".to_owned(), other);
        }
        assert_eq!(config.next, expected, "{slot}");
        assert!(
            matches!(live, Live::Detach { alias, .. } if alias.is_some() == (slot == "scsi0" || slot == "net0"))
        );
    }
    let gone = altered(SHOP, Change::Unplug("scsi7".to_owned()));
    assert_eq!(gone, Err(Unfit::NoDevice("scsi7".to_owned())));
}

#[test]
fn interfaces_are_plugged_in_and_over() {
    let add = Change::AddNic {
        slot: "net5".to_owned(),
        settings: NicSettings {
            bridge: Some("br1".to_owned()),
            vlan: Some(7),
            ..NicSettings::default()
        },
    };
    let (config, live) = after(SHOP, add.clone());
    let made = &config.next.nics["net5"];
    assert_eq!(
        (made.bridge.as_deref(), made.vlan, made.model.as_str()),
        (Some("br1"), 7, "virtio")
    );
    let mac = made.mac.clone().unwrap();
    assert!(mac.starts_with("52:54:"));
    assert!(matches!(live, Live::Attach(devices) if devices[0].contains(&mac.to_lowercase())));
    assert_eq!(
        after(SHOP, add).0.next.nics["net5"].mac.as_ref(),
        Some(&mac),
        "a second try gives it again"
    );
    let over = |network: Option<&str>, bridge: Option<&str>| NicSettings {
        network: network.map(str::to_owned),
        bridge: bridge.map(str::to_owned),
        ..NicSettings::default()
    };
    let (config, live) = after(OLD, nic("net0", over(None, Some("ovsbr1"))));
    assert_eq!(config.next.nics["net0"].bridge.as_deref(), Some("ovsbr1"));
    assert!(matches!(live, Live::Update(device) if device.contains("openvswitch")));
    let (config, live) = after(OLD, nic("net0", over(Some("n2"), None)));
    assert_eq!(config.next.nics["net0"].network.as_deref(), Some("n2"));
    assert_eq!(config.next.nics["net0"].bridge, None);
    assert!(matches!(live, Live::Update(device) if !device.contains("openvswitch")));
}

#[test]
fn settings_of_an_interface_are_set_and_taken_off() {
    let all = NicSettings {
        model: Some("virtio".to_owned()),
        mac: Some("52:54:00:DD:EE:FF".to_owned()),
        vlan: Some(0),
        mtu: Some(9000),
        rate_mbps: Some(8),
        ..NicSettings::default()
    };
    let (config, live) = after(OLD, nic("net0", all));
    assert_eq!(
        live,
        Live::Nothing,
        "a running guest's driver has asked its card already"
    );
    let set = &config.next.nics["net0"];
    assert_eq!(set.mac.as_deref(), Some("52:54:00:DD:EE:FF"));
    assert_eq!(
        (set.model.as_str(), set.vlan, set.mtu, set.rate_kbps),
        ("virtio", 0, Some(9000), 8000)
    );
    let unlimited = NicSettings {
        rate_mbps: Some(0),
        ..NicSettings::default()
    };
    assert_eq!(
        after(SHOP, nic("net0", unlimited)).0.next.nics["net0"].rate_kbps,
        0
    );
    for settings in [
        NicSettings {
            firewall: Some(true),
            ..NicSettings::default()
        },
        NicSettings {
            mtu: Some(1),
            ..NicSettings::default()
        },
    ] {
        assert!(matches!(
            altered(SHOP, nic("net0", settings)),
            Err(Unfit::Unsupported(_))
        ));
    }
    let missing = altered(SHOP, nic("net9", NicSettings::default()));
    assert_eq!(missing, Err(Unfit::NoDevice("net9".to_owned())));
}

#[test]
fn processors_are_counted_after_all_changes() {
    let changes = [
        Change::Sockets(2),
        Change::Name("web2".to_owned()),
        Change::Cores(4),
    ];
    let altered = super::super::alter(SHOP, &changes, &host(), &all_sources()).unwrap();
    assert_eq!(altered.live, [Live::Vcpus(8), Live::Nothing, Live::Vcpus(8)]);
    assert_eq!(altered.rename.as_deref(), Some("web2"));
    let hardware = look(&altered.xml, None).next;
    assert_eq!((hardware.sockets, hardware.cores), (2, 4));
    let threads =
        "<domain><vcpu>8</vcpu><cpu><topology sockets='1' dies='1' cores='4' threads='2'/></cpu></domain>";
    for (cores, topology) in [(6, ("3", Some("2"))), (3, ("3", Some("1")))] {
        let xml = super::super::alter(threads, &[Change::Cores(cores)], &host(), &all_sources())
            .unwrap()
            .xml;
        let domain = tree(&xml);
        let own = domain.at(&["cpu", "topology"]).unwrap();
        assert_eq!(
            (own.attribute("cores").unwrap(), own.attribute("threads")),
            topology
        );
    }
    let numa = "<domain><vcpu>4</vcpu><cpu><numa><cell cpus='0-3' memory='1'/></numa></cpu></domain>";
    for change in [Change::Cores(2), Change::MemoryMib(64)] {
        assert!(matches!(
            super::super::alter(numa, &[change], &host(), &all_sources()),
            Err(Unfit::Unsupported(_))
        ));
    }
}

#[test]
fn single_settings_read_back() {
    let order = vec!["net1".to_owned(), "virtio1".to_owned()];
    assert_eq!(
        after(SHOP, Change::BootDevices(order.clone()))
            .0
            .next
            .boot_devices,
        order
    );
    assert_eq!(
        after(OLD, Change::BootDevices(order.clone())).0.next.boot_devices,
        order
    );
    let unknown = altered(SHOP, Change::BootDevices(vec!["scsi9".to_owned()]));
    assert_eq!(unknown, Err(Unfit::NoDevice("scsi9".to_owned())));
    for model in ["max", "host-model", "EPYC"] {
        let (config, _) = after(OLD, Change::CpuType(model.to_owned()));
        assert_eq!(config.next.cpu_type.as_deref(), Some(model));
    }
    let kept = altered(OLD, Change::CpuType("max".to_owned())).unwrap().xml;
    assert!(kept.contains("<feature policy=\"require\" name=\"aes\"/>"));
    assert!(matches!(
        altered(OLD, Change::CpuType("host".to_owned())),
        Err(Unfit::Host(_))
    ));
    let limited = after(OLD, Change::CpuLimit(0.5)).0.next;
    assert!((limited.cpu_limit - 0.5).abs() < 1e-9 && limited.cpu_units == 512);
    assert!(after(OLD, Change::CpuLimit(0.0)).0.next.cpu_limit.abs() < 1e-9);
    assert_eq!(
        after(OLD, Change::CpuLimit(0.3)).0.next.cpu_limit.to_bits(),
        0.3_f64.to_bits()
    );
    for finer in [0.000_001, 0.333_333_3, 0.009, f64::NAN, f64::INFINITY] {
        assert!(
            matches!(altered(OLD, Change::CpuLimit(finer)), Err(Unfit::Unsupported(_))),
            "{finer}"
        );
    }
    assert_eq!(after(OLD, Change::CpuUnits(0)).0.next.cpu_units, 0);
    let (config, live) = after(OLD, Change::Agent(true));
    assert!(config.next.agent && matches!(live, Live::Attach(_)));
    let (config, live) = after(SHOP, Change::Agent(false));
    assert!(!config.next.agent && matches!(live, Live::Detach { .. }));
    let uuid = look(SHOP, None).uuid.unwrap();
    assert_eq!(after(SHOP, Change::Uuid(uuid)).0.uuid, Some(uuid));
    assert!(altered(SHOP, Change::Uuid(uuid::Uuid::nil())).is_err());
}

#[test]
fn a_board_is_exchanged_within_its_sort() {
    let to = |machine: &str| Change::Machine(machine.to_owned());
    assert_eq!(
        after(SHOP, to("pc-q35-6.2")).0.next.machine.as_deref(),
        Some("pc-q35-6.2")
    );
    let pinned = altered(SHOP, to("pc-q35-7.2")).unwrap().xml;
    assert_eq!(look(&pinned, None).next.machine.as_deref(), Some("pc-q35-7.2"));
    assert_eq!(
        look(&altered(&pinned, to("q35")).unwrap().xml, None)
            .next
            .machine
            .as_deref(),
        Some("q35")
    );
    let other = Unfit::Board {
        have: "q35".to_owned(),
        want: "pc".to_owned(),
    };
    assert_eq!(altered(SHOP, to("pc")), Err(other));
}

#[test]
fn what_libvirt_has_not_is_named() {
    let text = |text: &str| text.to_owned();
    for (change, named) in [
        (Change::StartupOrder(1), "boot.order"),
        (Change::StartupDelay(1), "boot.delay"),
        (Change::Protection(true), "protection"),
        (Change::MemoryMinimumMib(1), "memory.minimum"),
        (Change::Bios("other"), "firmware.bios"),
        (
            Change::AddDevice {
                slot: text("hostpci0"),
                mapping: text("gpu"),
            },
            "hostDevices",
        ),
        (
            Change::Option {
                key: text("args"),
                value: None,
            },
            "extraConfig",
        ),
        (Change::CloudInit(CloudInitChange::User(text("u"))), "cloud-init"),
        (
            Change::CloudInit(CloudInitChange::Drive {
                slot: text("ide2"),
                storage: text("s"),
            }),
            "cloud-init",
        ),
    ] {
        let refused = altered(SHOP, change).unwrap_err();
        assert!(
            matches!(&refused, Unfit::Unsupported(what) if what.contains(named)),
            "{refused}"
        );
    }
    for change in [
        Change::Protection(false),
        Change::Bios("seabios"),
        Change::DeleteUnused(text("unused0")),
    ] {
        assert_eq!(tree(&altered(SHOP, change).unwrap().xml), tree(SHOP));
    }
}
