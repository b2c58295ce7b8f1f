//! Network interfaces.

use serde_json::{Value, json};

use super::{Field, check, field, swept};

fn nic(
    name: &'static str,
    pointer: &'static str,
    values: [Value; 2],
    spelt: [&'static str; 2],
    drifted: &'static str,
) -> Field {
    field(name, pointer, "net0", values, spelt, drifted)
}

#[tokio::test]
async fn every_field_of_an_interface_is_made_changed_and_kept() {
    let world = swept("nic-fields").await;
    let spec = json!({
        "memory": {"size": "64Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
        "networks": [{"name": "net0"}, {"name": "net3", "bridge": "vmbr1", "model": "e1000"}],
    });
    let fields = [
        nic(
            "networks[net0].bridge",
            "/networks/0/bridge",
            [json!("vmbr0"), json!("vmbr1")],
            ["bridge=vmbr0", "bridge=vmbr1"],
            "bridge=vmbr0",
        ),
        nic(
            "networks[net0].mac",
            "/networks/0/mac",
            [json!("bc:24:11:00:00:01"), json!("BC:24:11:00:00:02")],
            ["=BC:24:11:00:00:01", "=BC:24:11:00:00:02"],
            "=BC:24:11:00:00:03",
        ),
        nic(
            "networks[net0].vlan",
            "/networks/0/vlan",
            [json!(5), json!(4094)],
            ["tag=5", "tag=4094"],
            "tag=6",
        ),
        nic(
            "networks[net0].mtu",
            "/networks/0/mtu",
            [json!(1), json!(1400)],
            ["mtu=1", "mtu=1400"],
            "mtu=9000",
        ),
        nic(
            "networks[net0].firewall",
            "/networks/0/firewall",
            [json!(false), json!(true)],
            ["firewall=0", "firewall=1"],
            "firewall=0",
        ),
        nic(
            "networks[net0].rateMbps",
            "/networks/0/rateMbps",
            [json!(100), json!(1)],
            ["rate=12.5", "rate=0.125"],
            "rate=0.126",
        ),
        Field {
            key: "net3",
            ..nic(
                "networks[net3].model",
                "/networks/1/model",
                [json!("e1000"), json!("virtio")],
                ["e1000=", "virtio="],
                "rtl8139=",
            )
        },
    ];
    check(&world, spec, &fields).await;

    // What the spec takes off is taken off, and what it no longer speaks of stays.
    let before = world.guest("web").await;
    let patch = json!({"spec": {"networks": [{"name": "net0", "bridge": "vmbr1", "vlan": 0, "rateMbps": 0}, {"name": "net3", "bridge": "vmbr1"}]}});
    world.patch_vm("web", patch).await;
    let guest = world
        .wait_guest(before.vmid, "to lose its VLAN", |guest| {
            !guest.config["net0"].contains("tag=")
        })
        .await;
    world.wait_ready("web").await;
    let net0 = &guest.config["net0"];
    assert!(
        !net0.contains("rate=") && net0.contains("mtu=1400") && net0.contains("firewall=1"),
        "{net0}"
    );
    assert_eq!(guest.config["net3"], before.config["net3"]);
}
