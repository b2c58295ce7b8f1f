//! What a namespace may ask for on a host: what its owner listed.

use kube::ResourceExt;
use pve_sim::{Seed, SeedGuest, SeedPool, SeedStorage};
use serde_json::json;

use crate::{
    create::SMALL,
    support::{World, condition},
};

/// What is refused: the machine, its wish, the field that the message names, and the list of the host that would allow it.
const WISHES: [(&str, &str, &str, &str); 4] = [
    (
        "tagged",
        "networks: [{name: net0, bridge: vmbr0, vlan: 105}]",
        "spec.networks[net0].vlan",
        "spec.tenancy.vlans",
    ),
    ("pooled", "pool: team-a", "spec.pool", "spec.tenancy.pools"),
    (
        "extra",
        "extraConfig: {vga: std}",
        "spec.extraConfig",
        "spec.tenancy.extraConfigKeys",
    ),
    (
        "device",
        "hostDevices: [{mapping: gpu1}]",
        "spec.hostDevices",
        "spec.tenancy.extraConfigKeys",
    ),
];

async fn refused(world: &World, name: &str, parts: &[&str]) {
    let vm = world
        .wait_vm(name, "Stalled", "True", "NotAllowedByTenancy")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        parts.iter().all(|part| message.contains(part)),
        "{name}: {message}"
    );
}

#[tokio::test]
async fn vlans_pools_and_options_are_refused_with_the_field_named_and_allowed_when_listed() {
    let pool = SeedPool {
        id: "team-a".to_owned(),
        comment: None,
        guests: Vec::new(),
        storages: Vec::new(),
    };
    let world = World::builder("tenancy-lists")
        .seed(|seed| seed.with_pool(pool))
        .host(json!({"tenancy": {"mode": "Restricted"}}))
        .start()
        .await;
    for (name, wish, ..) in WISHES {
        world.apply_vm(name, &format!("{SMALL}\n{wish}")).await;
    }
    for (name, _, field, list) in WISHES {
        refused(&world, name, &[field, list]).await;
        let vm = world.vm(name).await;
        assert!(
            vm.finalizers().is_empty() && vm.status.unwrap().vmid.is_none(),
            "{name}"
        );
    }
    assert!(world.sim.mutations().is_empty());

    let listed = json!({"vlans": [{"from": 100, "to": 109}, {"from": 200, "to": 200}], "pools": ["team-a"],
        "extraConfigKeys": ["vga"]});
    world
        .patch_host(&world.name, json!({"spec": {"tenancy": listed}}))
        .await;
    for name in ["tagged", "pooled", "extra"] {
        world.wait_ready(name).await;
    }
    assert!(world.guest("tagged").await.config["net0"].contains("tag=105"));
    assert_eq!(world.guest("extra").await.config["vga"], "std");
    let made = world.sent("POST", "/nodes/*/qemu");
    let pools: Vec<_> = made.iter().filter_map(|request| request.param("pool")).collect();
    assert_eq!((made.len(), pools), (3, vec!["team-a"]));
    // The list is of what is named in it.
    refused(&world, "device", &["spec.hostDevices", "allowed: vga"]).await;

    // What is beyond the lists is refused of machines that are there too, and nothing is done to them.
    let position = world.sim.position();
    for (name, wish, parts) in [
        (
            "tagged",
            json!({"networks": [{"name": "net0", "bridge": "vmbr0", "vlan": 110}]}),
            ["VLAN 110", "100 to 109, 200 to 200"],
        ),
        (
            "pooled",
            json!({"pool": "team-b"}),
            ["spec.pool", "allowed: team-a"],
        ),
        (
            "extra",
            json!({"extraConfig": {"vga": "std", "rng0": "source=/dev/urandom"}}),
            ["'rng0'", "allowed: vga"],
        ),
    ] {
        world.patch_vm(name, json!({"spec": wish})).await;
        refused(&world, name, &parts).await;
    }
    assert!(world.sim.mutations().since(position).is_empty());
    let next = json!([{"name": "net0", "bridge": "vmbr0", "vlan": 200}]);
    world
        .patch_vm("tagged", json!({"spec": {"networks": next}}))
        .await;
    world.wait_ready("tagged").await;
    assert!(world.guest("tagged").await.config["net0"].contains("tag=200"));
}

#[tokio::test]
async fn storages_bridges_and_templates_by_tag_or_pool_are_reached_when_listed() {
    let template = |vmid: u32, name: &str| SeedGuest::new(vmid, name).set("template", "1");
    let pool = SeedPool {
        id: "golden".to_owned(),
        comment: None,
        guests: vec![9200],
        storages: Vec::new(),
    };
    let world = World::builder("tenancy-reach")
        .seed(|seed| {
            Seed {
                storages: Some(vec![
                    SeedStorage::new("local", "dir", &["iso"]),
                    SeedStorage::new("local-lvm", "lvmthin", &["images"]),
                    SeedStorage::new("other", "lvmthin", &["images"]),
                ]),
                ..seed
            }
            .with_guest(template(9100, "tagged-template").set("tags", "golden"))
            .with_guest(template(9200, "pooled-template"))
            .with_pool(pool)
        })
        .host(json!({"tenancy": null}))
        .start()
        .await;
    let wishes = [
        (
            "stored",
            "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi, storage: other}]}",
            "spec.tenancy.storages",
        ),
        (
            "bridged",
            "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}], networks: [{name: net0, bridge: vmbr1}]}",
            "spec.tenancy.bridges",
        ),
        (
            "by-tag",
            "{source: {clone: {vmid: 9100}}}",
            "spec.tenancy.templates",
        ),
        (
            "by-pool",
            "{source: {clone: {vmid: 9200}}}",
            "spec.tenancy.templates",
        ),
    ];
    for (name, spec, list) in wishes {
        world.apply_vm(name, spec).await;
        refused(&world, name, &[list]).await;
    }
    assert!(world.sim.mutations().is_empty());
    // Each list opens what it is about, and nothing else.
    let lists = [
        json!({"storages": ["other"]}),
        json!({"bridges": ["vmbr1"]}),
        json!({"templates": [{"tag": "golden"}]}),
        json!({"templates": [{"pool": "golden"}]}),
    ];
    for (number, list) in lists.into_iter().enumerate() {
        world
            .patch_host(&world.name, json!({"spec": {"tenancy": list}}))
            .await;
        world.wait_ready(wishes[number].0).await;
        for (name, _, list) in &wishes[number + 1..] {
            world.passes(name, 1).await;
            refused(&world, name, &[list]).await;
        }
    }
    assert!(world.guest("stored").await.config["scsi0"].starts_with("other:"));
    assert!(world.guest("bridged").await.config["net0"].contains("bridge=vmbr1"));
}

#[tokio::test]
async fn machine_that_took_the_number_of_the_namespaces_own_is_not_copied_as_that() {
    let world = World::builder("tenancy-recycled")
        .host(json!({"tenancy": {"mode": "Restricted"}}))
        .start()
        .await;
    world.apply_vm("own", SMALL).await;
    world.wait_ready("own").await;
    let vmid = world.vmid("own").await;
    for (name, source) in [
        ("by-name", "ref: {name: own}".to_owned()),
        ("by-number", format!("vmid: {vmid}")),
    ] {
        world
            .apply_vm(name, &format!("source: {{clone: {{{source}}}}}"))
            .await;
        world.wait_ready(name).await;
    }
    world.sim.recycle(vmid).unwrap();
    world.wait_vm("own", "Ready", "False", "GuestLost").await;
    world
        .apply_vm("stolen", &format!("source: {{clone: {{vmid: {vmid}}}}}"))
        .await;
    refused(&world, "stolen", &["spec.source.clone", &vmid.to_string()]).await;
    world
        .apply_vm("mistaken", "source: {clone: {ref: {name: own}}}")
        .await;
    refused(&world, "mistaken", &["spec.source.clone"]).await;
    // Whoever may copy everything is told, too.
    let trusted = json!({"spec": {"tenancy": {"mode": "Trusted"}}});
    world.patch_host(&world.name, trusted).await;
    let vm = world
        .wait_vm("mistaken", "Stalled", "True", "SourceNotFound")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains(&format!("gone from number {vmid}")), "{message}");
    let copied = world.sent("POST", &format!("/nodes/*/qemu/{vmid}/clone"));
    assert_eq!(copied.len(), 2, "before its number was another's");
}
