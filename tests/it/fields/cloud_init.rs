//! What cloud-init is told.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use serde_json::{Value, json};

use super::{check, field, swept};
use crate::support::{World, condition};

fn small() -> Value {
    json!({
        "memory": {"size": "64Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi", "storage": "local-lvm"}],
        "networks": [{"name": "net0", "bridge": "vmbr0"}],
    })
}

#[tokio::test]
async fn gateways_are_made_changed_and_kept() {
    let world = swept("cloud-init-gateways").await;
    let mut spec = small();
    spec["cloudInit"] = json!({
        "networks": [{"name": "net0", "ipv4": "192.0.2.7/24", "ipv6": "2001:db8::7/64"}]
    });
    let fields = [
        field(
            "cloudInit.networks[net0]",
            "/cloudInit/networks/0/gateway4",
            "ipconfig0",
            [json!("192.0.2.1"), json!("192.0.2.2")],
            ["gw=192.0.2.1", "gw=192.0.2.2"],
            "gw=192.0.2.3",
        ),
        field(
            "cloudInit.networks[net0]",
            "/cloudInit/networks/0/gateway6",
            "ipconfig0",
            [json!("2001:db8::1"), json!("2001:db8::2")],
            ["gw6=2001:db8::1", "gw6=2001:db8::2"],
            "gw6=2001:db8::3",
        ),
    ];
    check(&world, spec, &fields).await;
}

#[tokio::test]
async fn every_field_of_cloud_init_is_made_changed_and_kept() {
    let world = swept("cloud-init").await;
    let mut spec = small();
    spec["cloudInit"] = json!({"networks": [{"name": "net0"}]});
    let keys = |name: &str| {
        json!([
            format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Vq3vXl2pQ8sNf1bTz {name}@x"),
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7+Vq3v/Xl2pQ8sNf1bTz= b@x"
        ])
    };
    let fields = [
        field(
            "cloudInit.user",
            "/cloudInit/user",
            "ciuser",
            [json!("ada"), json!("bob")],
            ["ada", "bob"],
            "eve",
        ),
        field(
            "cloudInit.sshAuthorizedKeys",
            "/cloudInit/sshAuthorizedKeys",
            "sshkeys",
            [keys("one"), keys("two")],
            ["one%40x", "two%40x"],
            "six%40x",
        ),
        field(
            "cloudInit.networks[net0]",
            "/cloudInit/networks/0/ipv4",
            "ipconfig0",
            [json!("192.0.2.7/24"), json!("dhcp")],
            ["ip=192.0.2.7/24", "ip=dhcp"],
            "ip=192.0.2.9/24",
        ),
        field(
            "cloudInit.networks[net0]",
            "/cloudInit/networks/0/ipv6",
            "ipconfig0",
            [json!("auto"), json!("2001:DB8:0::7/64")],
            ["ip6=auto", "ip6=2001:db8::7/64"],
            "ip6=2001:db8::8/64",
        ),
        field(
            "cloudInit.nameservers",
            "/cloudInit/nameservers",
            "nameserver",
            [json!(["192.0.2.1"]), json!(["192.0.2.1", "2001:db8::1"])],
            ["192.0.2.1", "192.0.2.1 2001:db8::1"],
            "192.0.2.3",
        ),
        field(
            "cloudInit.searchDomains",
            "/cloudInit/searchDomains",
            "searchdomain",
            [json!(["a.example"]), json!(["b.example", "example"])],
            ["a.example", "b.example example"],
            "c.example",
        ),
    ];
    check(&world, spec, &fields).await;
    let guest = world.guest("web").await;
    let drive = &guest.config["ide0"];
    assert!(
        drive.contains("cloudinit") && drive.contains("media=cdrom"),
        "{drive}"
    );
    assert!(!guest.config.contains_key("ide2"), "left to spec.cdrom");
}

/// Writes a Secret of the machines' namespace, with one key.
pub(crate) async fn write_secret(world: &World, name: &str, key: &str, text: &str) {
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some([(key.to_owned(), ByteString(text.as_bytes().to_vec()))].into()),
        ..Secret::default()
    };
    let api: Api<Secret> = Api::namespaced(world.client.clone(), &world.name);
    let apply = PatchParams::apply("test").force();
    api.patch(name, &apply, &Patch::Apply(&secret)).await.unwrap();
}

#[tokio::test]
async fn a_password_comes_from_a_secret_and_is_sent_once_a_version() {
    let world = swept("cloud-password").await;
    let mut spec = small();
    spec["cloudInit"] = json!({"passwordRef": {"name": "login"}});
    world.apply_vm("web", &spec.to_string()).await;
    let vm = world.wait_vm("web", "Ready", "False", "SecretNotUsable").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("there is no Secret 'login'"), "{message}");
    assert!(
        world.sim.mutations().is_empty(),
        "nothing is made without its password"
    );

    write_secret(&world, "login", "password", "first-words\n").await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let sent = |position| {
        let requests = world.sim.mutations().since(position);
        requests
            .iter()
            .filter(|r| r.params.iter().any(|(key, _)| key == "cipassword"))
            .count()
    };
    let start = 0;
    assert_eq!(sent(start), 1, "made with it");
    world.passes("web", 3).await;
    assert_eq!(sent(start), 1, "and not given it again");

    let position = world.sim.position();
    let noted = world.vm("web").await.status.unwrap().cloud_init.unwrap();
    let before = noted.password_version;
    write_secret(&world, "login", "password", "second-words").await;
    world
        .wait_until("the new password to be sent", async || {
            (sent(position) == 1).then_some(())
        })
        .await;
    world
        .wait_until("its version to be noted", async || {
            let noted = world.vm("web").await.status?.cloud_init?.password_version;
            (noted != before).then_some(())
        })
        .await;
    world.passes("web", 3).await;
    assert_eq!(sent(position), 1);

    // Without the Secret all the rest is kept as declared.
    let api: Api<Secret> = Api::namespaced(world.client.clone(), &world.name);
    api.delete("login", &DeleteParams::default()).await.unwrap();
    world.sim.change_config(vmid, &[("memory", Some("128"))]).unwrap();
    world
        .wait_guest(vmid, "to have its memory", |guest| guest.config["memory"] == "64")
        .await;
    world.wait_vm("web", "Ready", "False", "SecretNotUsable").await;
    let status = world.vm("web").await.status.unwrap();
    let shown = serde_json::to_string(&status).unwrap();
    assert!(!shown.contains("-words"), "{shown}");
}
