//! Machines that exist, printed as declarations that adopt them as they are.

use std::fs;

use crate::support::{World, drover};

/// Options of a machine that people made, in all that a declaration can say.
const THEIRS: [(&str, &str); 20] = [
    ("name", "Shop.Example"),
    ("description", "The shop.\nAsk Ada."),
    // Words that kubectl takes for no texts where they stand without quotes.
    ("tags", "012;off;prod"),
    ("sockets", "2"),
    ("cores", "2"),
    ("cpu", "host,flags=+aes"),
    ("cpulimit", "1.5"),
    ("cpuunits", "50"),
    ("memory", "2048"),
    ("balloon", "1024"),
    ("onboot", "1"),
    ("startup", "order=3,up=30"),
    ("boot", "order=scsi0;net0"),
    ("machine", "q35"),
    ("bios", "ovmf"),
    (
        "net0",
        "e1000=BC:24:11:00:00:01,bridge=vmbr1,firewall=1,rate=12.5,tag=7",
    ),
    ("ide2", "local:iso/debian-12.iso,media=cdrom,size=1G"),
    ("hostpci2", "mapping=gpu1"),
    ("vga", "qxl"),
    ("unused0", "local-lvm:vm-101-disk-7"),
];

async fn world(test: &str) -> World {
    World::builder(test)
        .seed(|seed| seed.with_foreign_vms(3))
        .start()
        .await
}

#[tokio::test]
async fn exported_machines_are_adopted_as_they_are() {
    let world = world("export").await;
    let options: Vec<(&str, Option<&str>)> = THEIRS.iter().map(|(key, value)| (*key, Some(*value))).collect();
    world.sim.change_config(101, &options).unwrap();
    let efi = "local-lvm:vm-101-disk-1,efitype=4m,pre-enrolled-keys=1,size=4M";
    world.sim.change_config(101, &[("efidisk0", Some(efi))]).unwrap();
    let disk = world.sim.guest(101).unwrap().config["scsi0"].clone();
    let disk = format!("{disk},cache=writeback,discard=on,ssd=1,backup=0");
    world.sim.change_config(101, &[("scsi0", Some(&disk))]).unwrap();

    // Two machines have one name.
    world.sim.rename(102, "guest-100").unwrap();

    let printed = drover(&["export", "--host", &world.name, "--namespace", &world.name]).printed;
    assert!(world.sim.mutations().since(0).is_empty(), "it only looks");
    assert_eq!(printed.matches("kind: VirtualMachine").count(), 4, "{printed}");
    for part in [
        "name: shop-example",
        "name: Shop.Example",
        "drover.dev/adopt: \"true\"",
        "template: true",
    ] {
        assert!(printed.contains(part), "{part} in:\n{printed}");
    }
    assert!(
        !printed.contains("status:") && !printed.contains("powerState"),
        "{printed}"
    );

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("machines.yaml");
    fs::write(&file, &printed).unwrap();
    let before: Vec<_> = [100, 101, 102, 9000]
        .map(|vmid| world.sim.guest(vmid).unwrap())
        .into();
    world.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    for name in ["shop-example", "guest-100", "guest-100-102", "debian-12-template"] {
        world.wait_ready(name).await;
    }
    let sent = world.sim.mutations().since(0);
    assert_eq!(sent.len(), 4, "the notes of each, and nothing else: {sent:?}");
    for guest in before {
        let mut after = world.sim.guest(guest.vmid).unwrap();
        let notes = after.config.remove("description").unwrap();
        let mut config = guest.config.clone();
        let had = config.remove("description").unwrap_or_default();
        assert!(
            notes.starts_with(&had) && notes.contains("origin=adopted"),
            "{notes}"
        );
        assert_eq!(after.config, config);
        assert_eq!((after.running, after.starts), (guest.running, guest.starts));
    }
    // What is kept already is not printed again.
    let vmid = ["export", "--host", &world.name, "--vmid", "101"];
    assert_eq!(drover(&vmid).printed, "");
}

#[tokio::test]
async fn export_says_what_is_not_there_and_may_look_on_only() {
    let world = world("export-observe").await;
    let wrong = drover(&["export", "--host", "nosuch"]).said;
    assert!(wrong.contains("there is no ProxmoxNode 'nosuch'"), "{wrong}");
    let wrong = drover(&["export", "--host", &world.name, "--vmid", "777"]).said;
    assert!(wrong.contains("no host shows a virtual machine 777"), "{wrong}");
    let namespace = [
        "export",
        "--host",
        &world.name,
        "--vmid",
        "101",
        "-n",
        &world.name,
    ];
    let printed = drover(&[&namespace[..], &["--observe"]].concat()).printed;
    assert!(
        printed.contains("managementPolicy: Observe") && !printed.contains("adopt"),
        "{printed}"
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("machine.yaml");
    fs::write(&file, printed).unwrap();
    world.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    world.wait_vm("guest-101", "Ready", "True", "Observed").await;
    assert!(world.sim.mutations().since(0).is_empty());
}
