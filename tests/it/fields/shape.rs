//! CPUs, start with the host, devices to boot from, protection.

use serde_json::{Value, json};

use super::{check, field, swept};
use crate::support::condition;

fn small() -> Value {
    json!({
        "memory": {"size": "64Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
        "networks": [{"name": "net0"}],
        "cpu": {}, "boot": {},
    })
}

#[tokio::test]
async fn processor_and_boot_are_made_changed_and_kept() {
    let world = swept("shape-fields").await;
    let fields = [
        field(
            "cpu.sockets",
            "/cpu/sockets",
            "sockets",
            [json!(2), json!(1)],
            ["2", "1"],
            "4",
        ),
        field(
            "cpu.type",
            "/cpu/type",
            "cpu",
            [json!("host"), json!("x86-64-v2-AES")],
            ["host", "x86-64-v2-AES"],
            "kvm64,flags=+aes",
        ),
        field(
            "boot.onBoot",
            "/boot/onBoot",
            "onboot",
            [json!(true), json!(false)],
            ["1", "0"],
            "1",
        ),
        field(
            "boot.devices",
            "/boot/devices",
            "boot",
            [json!(["net0", "scsi0"]), json!(["scsi0"])],
            ["order=net0;scsi0", "order=scsi0"],
            "order=net0",
        ),
        field(
            "boot.order",
            "/boot/order",
            "startup",
            [json!(3), json!(0)],
            ["3", "0"],
            "7,up=20",
        ),
        field(
            "protection",
            "/protection",
            "protection",
            [json!(false), json!(true)],
            ["", "1"],
            "0",
        ),
    ];
    check(&world, small(), &fields).await;

    // What is protected by its own declaration stays until that says otherwise.
    let position = world.sim.position();
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Stalled", "True", "Protected").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("spec.protection"), "{message}");
    assert!(world.sim.mutations().since(position).is_empty());
    world
        .patch_vm("web", json!({"spec": {"protection": false}}))
        .await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn pause_after_the_start_is_made_changed_and_kept() {
    let world = swept("delay-field").await;
    let delay = field(
        "boot.delay",
        "/boot/delay",
        "startup",
        [json!("30s"), json!("1m")],
        ["up=30", "up=60"],
        "2,up=5",
    );
    check(&world, small(), &[delay]).await;
}
