//! What is one option each, notes, tags, the pool, firmware and devices of the host.

use pve_sim::SeedPool;
use serde_json::{Value, json};

use super::{check, field, swept};
use crate::support::{World, condition};

fn small() -> Value {
    json!({
        "cpu": {"cores": 1},
        "memory": {"size": "128Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
        "firmware": {}, "extraConfig": {},
    })
}

#[tokio::test]
async fn what_is_one_option_each_is_made_changed_and_kept() {
    let world = swept("settings").await;
    let fields = [
        field(
            "cpu.limit",
            "/cpu/limit",
            "cpulimit",
            [json!(2), json!(1.5)],
            ["2", "1.5"],
            "3",
        ),
        field(
            "cpu.units",
            "/cpu/units",
            "cpuunits",
            [json!(50), json!(2048)],
            ["50", "2048"],
            "7",
        ),
        field(
            "memory.minimum",
            "/memory/minimum",
            "balloon",
            [json!("64Mi"), json!("32Mi")],
            ["64", "32"],
            "16",
        ),
        field(
            "tags",
            "/tags",
            "tags",
            [json!(["web"]), json!(["web", "alpha"])],
            ["drover;web", "alpha;drover;web"],
            "drover;other",
        ),
        field(
            "description",
            "/description",
            "description",
            [
                json!("The shop.\nAsk Ada."),
                json!("The shop, for *good*; 50 % ü"),
            ],
            [
                "The shop.\nAsk Ada.\n<!-- drover/v1 ",
                "for *good*; 50 % ü\n<!-- drover/v1 ",
            ],
            "for a while\n<!-- drover/v1 ",
        ),
        field(
            "firmware.machine",
            "/firmware/machine",
            "machine",
            [json!("q35"), json!("pc-q35-9.0")],
            ["q35", "pc-q35-9.0"],
            "pc",
        ),
        field(
            "extraConfig.vga",
            "/extraConfig/vga",
            "vga",
            [json!("virtio"), json!("qxl,memory=64")],
            ["virtio", "qxl"],
            "std",
        ),
    ];
    check(&world, small(), &fields).await;

    // The host's own settings come back where the spec says so, and Drover's own tag stays.
    let vmid = world.vmid("web").await;
    let patch = json!({"spec": {
        "cpu": {"units": 0, "limit": 0}, "tags": [], "extraConfig": {"vga": ""}, "description": "",
    }});
    world.patch_vm("web", patch).await;
    world
        .wait_guest(vmid, "to be plain", |guest| {
            let config = &guest.config;
            let none = |key: &str| !config.contains_key(key);
            none("cpuunits")
                && none("cpulimit")
                && none("vga")
                && config["tags"] == "drover"
                && config["description"].starts_with("<!-- drover/v1 ")
        })
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn what_has_a_field_of_its_own_is_no_extra() {
    let world = World::new("extra-config").await;
    let spec = "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}], extraConfig: {cores: '4'}}";
    world.apply_vm("web", spec).await;
    let vm = world.wait_vm("web", "Stalled", "True", "InvalidSpec").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("spec.cpu.cores"), "{message}");
    let spec = "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}], description: 'x drover/v1 y'}";
    let refused = world.try_apply_vm("other", spec).await.unwrap_err();
    assert!(refused.to_string().contains("mark"), "{refused}");
    assert!(world.sim.mutations().since(0).is_empty());
}

#[tokio::test]
async fn machine_is_made_in_its_pool_and_moved_with_it() {
    let pool = |id: &str| SeedPool {
        id: id.to_owned(),
        comment: None,
        guests: Vec::new(),
        storages: Vec::new(),
    };
    let pools = move |seed: pve_sim::Seed| seed.with_pool(pool("team-a")).with_pool(pool("team-b"));
    let world = World::builder("pool-field").seed(pools).start().await;
    let spec = "{pool: team-a, memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}]}";
    world.apply_vm("web", spec).await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/pve1/qemu").len(), 1);
    assert_eq!(world.sent("PUT", "/pools/**").len(), 0, "it was made there");
    world.patch_vm("web", json!({"spec": {"pool": "team-b"}})).await;
    world
        .wait_event("web", "Configured", "pool from team-a to team-b")
        .await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let puts = world.sent("PUT", "/pools/**");
    assert_eq!(puts.len(), 2, "out of one, into the other: {puts:?}");
    // Somebody moves it.
    let put = reqwest::Method::PUT;
    let leave = format!("vms={vmid}&delete=1");
    world.as_person_by(put.clone(), "/pools/team-b", &leave).await;
    let join = format!("vms={vmid}");
    world.as_person_by(put, "/pools/team-a", &join).await;
    world
        .wait_until("the pool to be put right", async || {
            (world.sent("PUT", "/pools/**").len() == 6).then_some(())
        })
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn uefi_with_secure_boot_and_a_tpm_is_made_and_stays() {
    let world = swept("firmware-fields").await;
    let spec = json!({
        "memory": {"size": "128Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
        "firmware": {"bios": "ovmf", "machine": "q35", "secureBoot": true},
    });
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    let option = |key: &str| made.config.get(key).cloned().unwrap_or_default();
    assert_eq!(option("bios"), "ovmf");
    assert!(
        option("efidisk0").contains("pre-enrolled-keys=1"),
        "{}",
        option("efidisk0")
    );
    assert!(
        option("efidisk0").starts_with("local-lvm:"),
        "{}",
        option("efidisk0")
    );

    world
        .patch_vm("web", json!({"spec": {"firmware": {"tpm": true}}}))
        .await;
    world
        .wait_guest(made.vmid, "to have a TPM", |guest| {
            guest
                .config
                .get("tpmstate0")
                .is_some_and(|state| state.contains("version=v2.0"))
        })
        .await;
    world.wait_ready("web").await;
    let refused = world
        .try_patch_vm("web", json!({"spec": {"firmware": {"tpm": false}}}))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("lost"), "{refused}");
    let refused = world
        .try_patch_vm("web", json!({"spec": {"firmware": {"bios": "seabios"}}}))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("bios can't be changed"), "{refused}");

    // Somebody changed it on the host: nothing is exchanged, and a person is told.
    world
        .sim
        .change_config(made.vmid, &[("bios", Some("seabios"))])
        .unwrap();
    let vm = world.wait_vm("web", "Stalled", "True", "FixedAtCreation").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("ovmf") && message.contains("seabios"),
        "{message}"
    );
    world
        .sim
        .change_config(made.vmid, &[("bios", Some("ovmf"))])
        .unwrap();
    world.wait_ready("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(
        world
            .sim
            .volumes("pve1")
            .iter()
            .all(|volume| !volume.contains("vm-1"))
    );
}

#[tokio::test]
async fn devices_of_the_host_are_added_and_taken_away() {
    let world = swept("device-fields").await;
    let spec = json!({
        "memory": {"size": "128Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
        "hostDevices": [{"mapping": "gpu1"}],
    });
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    assert_eq!(made.config["hostpci0"], "mapping=gpu1");
    // One that somebody added stays.
    world
        .sim
        .change_config(made.vmid, &[("hostpci3", Some("mapping=nic7"))])
        .unwrap();
    let spec = json!({"hostDevices": [{"mapping": "gpu2"}]});
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_guest(made.vmid, "to have the other device", |guest| {
            let has = |text: &str| guest.config.values().any(|value| value == text);
            has("mapping=gpu2") && !has("mapping=gpu1") && has("mapping=nic7")
        })
        .await;
    world.wait_ready("web").await;
}
