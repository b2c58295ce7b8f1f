//! What a class says, a machine gets, unless its own spec says otherwise.

use pve_sim::{Seed, SeedStorage};

use crate::support::World;

#[tokio::test]
async fn every_field_of_a_class_reaches_a_machine_and_what_the_machine_names_itself_comes_first() {
    let world = World::builder("class-fields")
        .seed(|seed| Seed {
            storages: Some(vec![
                SeedStorage::new("local", "dir", &["iso"]),
                SeedStorage::new("local-lvm", "lvmthin", &["images"]),
                SeedStorage::new("other", "lvmthin", &["images"]),
            ]),
            ..seed
        })
        .start()
        .await;
    world
        .apply(
            "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachineClass
metadata: {name: $HOST}
spec:
  cpu: {cores: 3, sockets: 2, type: x86-64-v2-AES, limit: 1.5, units: 200}
  memory: {size: 256Mi, minimum: 128Mi}
  disk: {size: 5Gi, storage: other}
  network: {bridge: vmbr1}
  boot: {onBoot: true, order: 4, delay: 30s, devices: [net0, scsi0]}
",
        )
        .await;
    let class = format!("classRef: {{name: {}}}", world.name);
    world.apply_vm("plain", &format!("{{{class}}}")).await;
    let own = "cpu: {cores: 1, sockets: 1, type: host, limit: 1, units: 300}, memory: {size: 512Mi, minimum: 64Mi}, \
               disks: [{name: scsi0, size: 1Gi, storage: local-lvm}], networks: [{name: net0, bridge: vmbr0}], \
               boot: {onBoot: false, order: 5, delay: 10s, devices: [scsi0]}";
    world.apply_vm("own", &format!("{{{class}, {own}}}")).await;
    for (name, options, disk, bridge) in [
        (
            "plain",
            [
                ("cores", "3"),
                ("sockets", "2"),
                ("cpu", "x86-64-v2-AES"),
                ("cpulimit", "1.5"),
                ("cpuunits", "200"),
                ("memory", "256"),
                ("balloon", "128"),
                ("onboot", "1"),
                ("startup", "4,up=30"),
                ("boot", "order=net0;scsi0"),
            ],
            ("other:", "size=5G"),
            "bridge=vmbr1",
        ),
        (
            "own",
            [
                ("cores", "1"),
                ("sockets", "1"),
                ("cpu", "host"),
                ("cpulimit", "1"),
                ("cpuunits", "300"),
                ("memory", "512"),
                ("balloon", "64"),
                ("onboot", "0"),
                ("startup", "5,up=10"),
                ("boot", "order=scsi0"),
            ],
            ("local-lvm:", "size=1G"),
            "bridge=vmbr0",
        ),
    ] {
        world.wait_ready(name).await;
        let config = world.guest(name).await.config;
        for (option, value) in options {
            // What is off by default is not written down.
            let set = config.get(option).map_or("0", String::as_str);
            assert_eq!(set, value, "{name}: {option}");
        }
        let (storage, size) = disk;
        assert!(
            config["scsi0"].starts_with(storage) && config["scsi0"].contains(size),
            "{config:?}"
        );
        assert!(config["net0"].contains(bridge), "{config:?}");
    }
}
