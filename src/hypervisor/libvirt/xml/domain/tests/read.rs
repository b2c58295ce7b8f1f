use super::*;
use crate::model::{Disk, Nic, VolumeId};

fn volume(text: &str) -> VolumeId {
    text.parse().unwrap()
}

#[test]
fn an_ordinary_domain_is_read() {
    let config = look(SHOP, None);
    assert_eq!(config.name.as_deref(), Some("web1"));
    let uuid = "33cf2a23-9802-4505-9954-f6aae3116abb";
    assert_eq!(config.uuid.unwrap().to_string(), uuid);
    assert_eq!(
        config.description,
        format!(
            "Kept by the web team.\nSecond line <ü>\n<!-- drover/v1 cluster=c kind=VirtualMachine namespace=n \
             name=web1 uid=u id={uuid} uuid={uuid} -->"
        )
    );
    assert_eq!(config.lock, None);
    assert!(!config.template && !config.protection && config.raw.is_empty());
    let hardware = &config.next;
    assert_eq!(
        (hardware.sockets, hardware.cores),
        (1, 3),
        "of 2 sockets of 2 cores 3 are online"
    );
    assert_eq!(hardware.memory_mib, 96);
    assert!(hardware.agent && hardware.on_boot);
    assert_eq!(hardware.cpu_type.as_deref(), Some("max"));
    assert_eq!(hardware.machine.as_deref(), Some("q35"));
    assert_eq!((hardware.bios.as_deref(), &hardware.efi_disk), (None, &None));
    assert_eq!(hardware.boot_devices, ["ide2", "scsi0"]);
    let scsi = Disk {
        discard: true,
        ssd: true,
        ..Disk::plain(volume("default:a.qcow2"), Some(64 << 20))
    };
    let virtio = Disk {
        cache: "writeback".to_owned(),
        ..Disk::plain(volume("file:/var/lib/libvirt/images/../other/b.raw"), None)
    };
    assert_eq!(
        hardware.disks,
        [("scsi0".to_owned(), scsi), ("virtio1".to_owned(), virtio)].into()
    );
    assert_eq!(
        hardware.cdroms,
        [("ide2".to_owned(), Some(volume("default:mt.iso")))].into()
    );
    let named = Nic {
        model: "e1000".to_owned(),
        mac: Some("52:54:00:AA:BB:CC".to_owned()),
        bridge: Some("virbrt0".to_owned()),
        mtu: Some(1400),
        rate_kbps: 10_000,
        ..Nic::default()
    };
    let other = Nic {
        model: "virtio".to_owned(),
        mac: Some("52:54:00:12:34:56".to_owned()),
        network: Some("n1".to_owned()),
        ..Nic::default()
    };
    assert_eq!(
        hardware.nics,
        [("net0".to_owned(), named), ("net1".to_owned(), other)].into(),
        "the second to stand there bears the name net0"
    );
    assert_eq!((&config.current, &config.pending), (&config.next, &vec![]));
}

#[test]
fn what_waits_for_the_next_start_shows() {
    let config = look(SHOP, Some(SHOP_RUNNING));
    assert_eq!(config.pending, ["cores", "net0", "sockets"]);
    assert_eq!((config.current.sockets, config.current.cores), (2, 1));
    assert_eq!((config.next.sockets, config.next.cores), (1, 3));
    assert_eq!(config.current.nics["net0"].rate_kbps, 0);
    assert_eq!(config.current.nics["net1"].network.as_deref(), Some("n1"));
    assert_eq!(
        config.current.nics["net1"].bridge, None,
        "the network's own is not the interface's"
    );
    assert_ne!(config.digest, look(SHOP, None).digest);
    assert_eq!(config.digest, look(SHOP, Some(SHOP_RUNNING)).digest);
    assert_eq!(config.digest.len(), 64);
}

#[test]
fn a_domain_made_by_hand_is_read() {
    let config = look(OLD, None);
    assert_eq!(config.description, "made by hand");
    let hardware = config.next;
    assert_eq!(
        (hardware.sockets, hardware.cores, hardware.memory_mib),
        (1, 4, 2048)
    );
    assert!(
        (hardware.cpu_limit - 2.0).abs() < 1e-9,
        "4 processors of half a CPU each"
    );
    assert_eq!(hardware.cpu_units, 512);
    assert_eq!(hardware.cpu_type.as_deref(), Some("Nehalem"));
    assert_eq!(hardware.machine.as_deref(), Some("pc"));
    let volumes: Vec<(&str, String)> = hardware
        .disks
        .iter()
        .map(|(slot, disk)| (slot.as_str(), disk.volume.to_string()))
        .collect();
    assert_eq!(
        volumes,
        [
            ("ide0", "file:/dev/vg0/old".to_owned()),
            ("virtio0", "rbd:pool/image".to_owned()),
            ("virtio1", "default:a.qcow2".to_owned()),
        ]
    );
    assert_eq!(hardware.disks["ide0"].size, Some(8 << 30));
    assert_eq!(hardware.disks["ide0"].cache, "none");
    assert_eq!(hardware.cdroms, [("ide2".to_owned(), None)].into());
    assert_eq!(
        hardware.boot_devices,
        ["ide2", "ide0", "virtio0", "virtio1", "net0", "net1"]
    );
    assert_eq!(hardware.nics["net0"].vlan, 42);
    assert_eq!(
        (&hardware.nics["net1"].bridge, &hardware.nics["net1"].network),
        (&None, &None)
    );
    assert_eq!(hardware.devices, [("hostpci0".to_owned(), None)].into());
    assert!(!hardware.agent);
}

#[test]
fn firmware_is_read_in_both_spellings() {
    let of = |os: &str, devices: &str| {
        let xml = format!("<domain><os>{os}</os><devices>{devices}</devices></domain>");
        let mut hardware = look(
            &xml.replace("<os><os", "<os").replace("</os></os>", "</os>"),
            None,
        )
        .next;
        let efi = hardware
            .efi_disk
            .take()
            .map(|(volume, keys)| (volume.to_string(), keys));
        (hardware.bios, efi, hardware.tpm.map(|tpm| tpm.to_string()))
    };
    let ovmf = Some("ovmf".to_owned());
    let feature = |name: &str, on: &str| format!("<feature name='{name}' enabled='{on}'/>");
    let efi = |features: String| format!("<os firmware='efi'><firmware>{features}</firmware></os>");
    for (os, keys) in [
        (efi(feature("secure-boot", "no")), false),
        (efi(feature("secure-boot", "yes")), true),
        (
            efi(feature("secure-boot", "yes") + &feature("enrolled-keys", "no")),
            false,
        ),
        (efi(String::new()), false),
    ] {
        let (bios, disk, _) = of(&os, "");
        assert_eq!(
            (bios, disk),
            (ovmf.clone(), Some(("file:nvram".to_owned(), keys))),
            "{os}"
        );
    }
    let by_hand = "<loader type='pflash' secure='yes'>/usr/share/OVMF/OVMF_CODE.fd</loader>\
        <nvram>/var/lib/libvirt/qemu/nvram/a_VARS.fd</nvram>";
    let tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>";
    assert_eq!(
        of(by_hand, tpm),
        (
            ovmf,
            Some(("file:/var/lib/libvirt/qemu/nvram/a_VARS.fd".to_owned(), true)),
            Some("file:tpm".to_owned())
        )
    );
    let through =
        "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>";
    assert_eq!(of("", through), (None, None, Some("file:/dev/tpm0".to_owned())));
}

#[test]
fn boards_are_called_by_their_sort() {
    for (machine, name) in [
        ("pc-q35-7.2", "q35"),
        ("q35", "q35"),
        ("pc-i440fx-7.2", "pc"),
        ("pc", "pc"),
        ("virt-8.2", "virt"),
        ("virt", "virt"),
        ("s390-ccw-virtio-7.2", "s390-ccw-virtio-7.2"),
    ] {
        let xml = format!("<domain><os><type machine='{machine}'>hvm</type></os></domain>");
        assert_eq!(look(&xml, None).next.machine.as_deref(), Some(name));
    }
}

#[test]
fn processors_come_in_several_shapes() {
    for (xml, shape) in [
        ("<vcpu>4</vcpu>", (1, 4)),
        ("<vcpu current='2'>4</vcpu>", (1, 2)),
        (
            "<vcpu>8</vcpu><cpu><topology sockets='2' cores='2' threads='2'/></cpu>",
            (2, 4),
        ),
        (
            "<vcpu current='4'>8</vcpu><cpu><topology sockets='2' cores='4' threads='1'/></cpu>",
            (2, 2),
        ),
        ("<vcpu>many</vcpu>", (1, 0)),
        (
            "<vcpu>4</vcpu><cpu><topology sockets='0' cores='4'/></cpu>",
            (1, 4),
        ),
        ("", (1, 1)),
    ] {
        let hardware = look(&format!("<domain>{xml}</domain>"), None).next;
        assert_eq!((hardware.sockets, hardware.cores), shape, "{xml}");
    }
}

#[test]
fn what_libvirt_spells_out_of_a_running_domain_does_not_wait() {
    let inactive = "<domain><cpu mode='host-model'/><os><type machine='pc-q35-7.2'/></os><devices>\
        <disk device='cdrom'><source file='/a.iso'/><target dev='sda' bus='sata'/></disk>\
        <interface type='network'><mac address='52:54:00:00:00:01'/><source network='n'/></interface>\
        </devices></domain>";
    let live = "<domain id='1'><cpu mode='custom'><model>EPYC</model></cpu><os><type machine='pc-q35-7.2'/></os><devices>\
        <disk device='cdrom'><target dev='sda' bus='sata'/></disk>\
        <interface type='network'><mac address='52:54:00:00:00:01'/><source network='n' bridge='b'/><mtu size='9000'/>\
        </interface></devices></domain>";
    let config = look(inactive, Some(live));
    assert_eq!(config.pending, Vec::<String>::new());
    assert_eq!(config.current.cpu_type.as_deref(), Some("host-model"));
    assert_eq!(
        config.current.cdroms["sata0"], None,
        "the guest put the medium out"
    );
    assert!(config.next.cdroms["sata0"].is_some());
}

#[test]
fn interfaces_without_names_keep_their_slots_while_one_waits_to_go() {
    let interface = |n: u8| {
        format!(
            "<interface type='bridge'><mac address='52:54:00:00:00:0{n}'/><source bridge='b{n}'/></interface>"
        )
    };
    let domain = |all: &[u8]| {
        let all: String = all.iter().map(|n| interface(*n)).collect();
        format!("<domain><devices>{all}</devices></domain>")
    };
    let config = look(&domain(&[2, 3]), Some(&domain(&[1, 2, 3])));
    assert_eq!(config.next.nics["net0"].bridge.as_deref(), Some("b2"));
    assert_eq!(config.current.nics["net0"].bridge.as_deref(), Some("b2"));
    assert_eq!(config.current.nics["net1"].bridge.as_deref(), Some("b3"));
    assert_eq!(config.current.nics["net2"].bridge.as_deref(), Some("b1"));
    assert_eq!(config.pending, ["net2"]);
}

#[test]
fn all_that_a_domain_refers_to_is_told() {
    let running: Vec<String> = sources(SHOP_RUNNING).unwrap().into_iter().collect();
    for path in [
        "/var/lib/libvirt/images/a.qcow2",
        "/var/lib/libvirt/images/base.qcow2",
        "/var/lib/libvirt/images/../other/b.raw",
        "/var/lib/libvirt/images/mt.iso",
    ] {
        assert!(running.iter().any(|own| own == path), "{path}");
    }
    let old = sources(OLD).unwrap();
    for path in ["/dev/vg0/old", "default:a.qcow2", "/var/lib/libvirt/images/f.img"] {
        assert!(old.contains(path), "{path}");
    }
    let kernel = "<domain><os><kernel>/k</kernel><nvram type='file'><source file='/v'/></nvram></os><devices>\
        <disk><mirror type='file' file='/old-copy'><source file='/copy'/></mirror></disk></devices></domain>";
    let told: Vec<String> = sources(kernel).unwrap().into_iter().collect();
    assert_eq!(told, ["/copy", "/k", "/old-copy", "/v"]);
}
