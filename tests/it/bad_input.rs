//! Declarations that can't be carried out: each is named with what to do, nothing is sent that changes anything,
//! and it heals by itself once it is mended.

use drover::api::ProxmoxNode;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use pve_sim::{Rights, SeedGuest};
use serde_json::{Value, json};

use crate::{
    create::SMALL,
    support::{Conditioned, World, condition},
};

const BLANK: &str = "{powerState: Running, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}]}";

fn message<K: Conditioned>(object: &K) -> String {
    condition(object, "Ready").unwrap().message.clone()
}

fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' in: {message}");
    }
}

/// The host is not usable for a reason; what it says; a machine waits with it.
async fn refused_host(world: &World, reason: &str, words: &[&str]) {
    world.apply_vm("web", BLANK).await;
    let host: ProxmoxNode = wait_reason(world, &world.hosts(), &world.name, reason).await;
    assert_says(&message(&host), words);
    wait_reason(world, &world.vms(), "web", reason).await;
    world.passes("web", 2).await;
    assert!(world.sim.mutations().is_empty());
    let vm = world.vm("web").await;
    assert!(vm.metadata.finalizers.is_none(), "nothing was begun");
    assert_eq!(vm.status.and_then(|s| s.vmid), None);
}

async fn wait_reason<K: Conditioned>(world: &World, api: &Api<K>, name: &str, reason: &str) -> K {
    world
        .wait_until(&format!("{reason} of {name}"), async || {
            let object = api.get_opt(name).await.unwrap()?;
            let not_ready = |status: &str| status != "True";
            let fits =
                condition(&object, "Ready").is_some_and(|c| not_ready(&c.status) && c.reason == reason);
            fits.then_some(object)
        })
        .await
}

async fn healed(world: &World) {
    world.wait_host("Ready", "True", "Usable").await;
    world.wait_ready("web").await;
    assert!(world.guest("web").await.running);
}

/// A machine can't be made for a reason; what it says.
async fn refused_machine(world: &World, spec: &str, reason: &str, words: &[&str]) {
    world.wait_host("Ready", "True", "Usable").await;
    let position = world.sim.position();
    world.apply_vm("web", spec).await;
    let vm = world.wait_vm("web", "Ready", "False", reason).await;
    assert!(condition(&vm, "Stalled").is_some_and(|c| c.status == "True"));
    assert_says(&message(&vm), words);
    world.passes("web", 2).await;
    assert!(world.sim.mutations().since(position).is_empty());
    let vm = world.vm("web").await;
    assert!(vm.metadata.finalizers.is_none(), "nothing was begun");
    assert_eq!(vm.status.and_then(|s| s.vmid), None);
}

async fn patch_secret(world: &World, patch: Value) {
    let api = Api::<Secret>::namespaced(world.client.clone(), "drover-system");
    api.patch(&world.name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn wrong_credentials_are_named_and_the_right_ones_taken_up() {
    let world = World::builder("wrong-secret").undeclared().start().await;
    world.write_secret("00000000-0000-4000-8000-000000000000").await;
    declare(&world, json!({})).await;
    refused_host(
        &world,
        "CredentialsRefused",
        &["tokenId", "tokenSecret", "Secret"],
    )
    .await;
    world.write_secret(world.sim.token_secret()).await;
    healed(&world).await;
}

#[tokio::test]
async fn missing_secret_is_named_and_taken_up_when_it_comes() {
    let world = World::builder("no-secret").undeclared().start().await;
    let name = world.name.clone();
    let named = json!({"namespace": "drover-system", "name": name});
    declare(&world, json!({"credentialsRef": named})).await;
    refused_host(
        &world,
        "CredentialsMissing",
        &[name.as_str(), "drover-system", "tokenId"],
    )
    .await;
    world.write_secret(world.sim.token_secret()).await;
    healed(&world).await;
}

#[tokio::test]
async fn secret_that_lacks_a_key_is_named_with_the_key() {
    let world = World::builder("lacks-key").undeclared().start().await;
    world.write_secret(world.sim.token_secret()).await;
    patch_secret(&world, json!({"data": {"tokenSecret": null}})).await;
    declare(&world, json!({})).await;
    refused_host(
        &world,
        "CredentialsInvalid",
        &["'tokenSecret'", "user@realm!name"],
    )
    .await;
    patch_secret(
        &world,
        json!({"stringData": {"tokenSecret": world.sim.token_secret()}}),
    )
    .await;
    healed(&world).await;
}

#[tokio::test]
async fn secret_in_a_namespace_that_is_not_listed_is_not_read() {
    let world = World::builder("secret-namespace").undeclared().start().await;
    world.write_secret(world.sim.token_secret()).await;
    declare(
        &world,
        json!({"credentialsRef": {"namespace": world.name, "name": world.name}}),
    )
    .await;
    refused_host(
        &world,
        "CredentialsNotAllowed",
        &["--credentials-namespaces", "drover-system"],
    )
    .await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"credentialsRef": {"namespace": "drover-system"}}}),
        )
        .await;
    healed(&world).await;
}

#[tokio::test]
async fn host_that_does_not_answer_is_named_with_its_address() {
    let world = World::builder("unreachable").undeclared().start().await;
    world.write_secret(world.sim.token_secret()).await;
    world.sim.stop_listener();
    declare(&world, json!({"host": "localhost"})).await;
    let port = world.sim.port().to_string();
    refused_host(
        &world,
        "HostUnreachable",
        &["localhost", port.as_str(), "spec.port"],
    )
    .await;
    world.host_up().await;
    healed(&world).await;
}

#[tokio::test]
async fn wrong_fingerprint_is_named_with_the_one_that_was_found() {
    let world = World::builder("fingerprint").undeclared().start().await;
    world.write_secret(world.sim.token_secret()).await;
    let wrong = ["AB"; 32].join(":");
    declare(&world, json!({"tls": {"fingerprint": wrong}})).await;
    let found = world.sim.fingerprint().to_owned();
    refused_host(
        &world,
        "CertificateNotTrusted",
        &[found.as_str(), "spec.tls.fingerprint"],
    )
    .await;
    world
        .patch_host(&world.name, json!({"spec": {"tls": {"fingerprint": found}}}))
        .await;
    healed(&world).await;
}

#[tokio::test]
async fn unknown_node_is_named_with_those_that_there_are() {
    let world = World::builder("unknown-node").undeclared().start().await;
    world.write_secret(world.sim.token_secret()).await;
    declare(&world, json!({"nodeName": "pve7"})).await;
    refused_host(&world, "NodeNotFound", &["pve7", "pve1", "spec.nodeName"]).await;
    // The name of a node can't be changed: the declaration is made anew.
    world
        .hosts()
        .delete(&world.name, &kube::api::DeleteParams::default())
        .await
        .unwrap();
    world
        .wait_until("the declaration to go", async || {
            world
                .hosts()
                .get_opt(&world.name)
                .await
                .unwrap()
                .is_none()
                .then_some(())
        })
        .await;
    declare(&world, json!({})).await;
    healed(&world).await;
}

/// As the harness declares it, with what is wrong.
async fn declare(world: &World, more: Value) {
    let mut spec = json!({
        "poll": {"tasks": "200ms", "resources": "500ms"},
        "timeout": "5s",
        "allowedNamespaces": {"from": "All"},
        "defaults": {"storage": "local-lvm", "bridge": "vmbr0"},
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    world.declare(&world.name, spec).await;
}

#[tokio::test]
async fn unknown_storage_is_named_with_those_that_there_are() {
    let world = World::new("storage").await;
    let spec = |storage: &str| BLANK.replace("size: 1Gi", &format!("size: 1Gi, storage: {storage}"));
    refused_machine(
        &world,
        &spec("fast"),
        "StorageNotFound",
        &["fast", "local-lvm", "pve1"],
    )
    .await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    // One that holds no disks is none either.
    refused_machine(&world, &spec("local"), "StorageNotFound", &["local-lvm"]).await;
    world
        .patch_vm(
            "web",
            json!({"spec": {"disks": [{"name": "scsi0", "size": "1Gi"}]}}),
        )
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn unknown_iso_is_named_with_those_that_there_are() {
    let world = World::new("iso").await;
    let spec = BLANK.replacen('{', "{cdrom: {iso: 'local:iso/none.iso'}, ", 1);
    refused_machine(
        &world,
        &spec,
        "IsoNotFound",
        &["local:iso/none.iso", "local:iso/debian-12.iso", "pve1"],
    )
    .await;
    world.sim.add_iso("pve1", "none.iso").unwrap();
    world.wait_ready("web").await;
}

#[tokio::test]
async fn unknown_template_is_named_and_taken_when_it_comes() {
    let world = World::new("template-missing").await;
    refused_machine(
        &world,
        "{powerState: Running, source: {clone: {vmid: 9001}}}",
        "SourceNotFound",
        &["9001", "VM.Audit"],
    )
    .await;
    world
        .sim
        .add_guest(SeedGuest::new(9001, "other-template").set("template", "1"))
        .unwrap();
    world.wait_ready("web").await;
}

#[tokio::test]
async fn template_name_that_several_bear_is_refused_with_their_numbers() {
    let world = World::builder("ambiguous")
        .seed(|seed| {
            seed.with_guest(SeedGuest::new(801, "golden"))
                .with_guest(SeedGuest::new(802, "golden"))
        })
        .start()
        .await;
    refused_machine(
        &world,
        "{powerState: Running, source: {clone: {name: golden}}}",
        "SourceAmbiguous",
        &["801", "802", "spec.source.clone.vmid"],
    )
    .await;
    world.sim.rename(802, "silver").unwrap();
    world.wait_ready("web").await;
}

#[tokio::test]
async fn number_of_somebody_else_is_refused_with_the_owner_named() {
    let world = World::builder("vmid-used")
        .seed(|seed| seed.with_guest(SeedGuest::new(150, "database")))
        .start()
        .await;
    let before = world.sim.guest(150);
    let spec = BLANK.replacen('{', "{vmid: 150, ", 1);
    refused_machine(&world, &spec, "VmidTaken", &["150", "database", "spec.vmid"]).await;
    assert_eq!(world.sim.guest(150), before);
    world.sim.destroy(150).unwrap();
    let vm = world.wait_ready("web").await;
    assert_eq!(vm.status.and_then(|s| s.vmid), Some(150));
}

#[tokio::test]
async fn number_with_volumes_left_over_is_refused_with_a_volume_named() {
    let mut world = World::builder("vmid-volumes")
        .seed(|seed| seed.with_guest(SeedGuest::new(150, "left")))
        .without_drover()
        .start()
        .await;
    // Its disk was detached and forgotten, so it stays when the guest goes.
    world.sim.change_config(150, &[("scsi0", None)]).unwrap();
    world.sim.destroy(150).unwrap();
    world.sim.refresh_resources();
    world.start_drover();
    let spec = BLANK.replacen('{', "{vmid: 150, ", 1);
    refused_machine(
        &world,
        &spec,
        "VmidHasVolumes",
        &["150", "local-lvm:vm-150-disk-0"],
    )
    .await;
    world
        .sim
        .remove_volume("pve1", "local-lvm:vm-150-disk-0")
        .unwrap();
    let vm = world.wait_ready("web").await;
    assert_eq!(vm.status.and_then(|s| s.vmid), Some(150));
}

#[tokio::test]
async fn disk_that_would_have_to_shrink_is_refused_with_the_least_size() {
    let world = World::new("shrink").await;
    refused_machine(
        &world,
        "{source: {clone: {vmid: 9000}}, disks: [{name: scsi0, size: 4Gi}]}",
        "DiskWouldShrink",
        &["scsi0", "8Gi", "4Gi"],
    )
    .await;
    world
        .patch_vm(
            "web",
            json!({"spec": {"disks": [{"name": "scsi0", "size": "8Gi"}]}}),
        )
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn disk_that_the_template_does_not_have_is_added_if_it_has_a_size_and_else_refused() {
    let world = World::new("disk-missing").await;
    refused_machine(
        &world,
        "{source: {clone: {vmid: 9000}}, disks: [{name: virtio0}]}",
        "DiskMissing",
        &["virtio0", "scsi0", "how large"],
    )
    .await;
    world
        .patch_vm(
            "web",
            json!({"spec": {"disks": [{"name": "scsi0", "size": "9Gi"}, {"name": "virtio0", "size": "1Gi"}]}}),
        )
        .await;
    world.wait_ready("web").await;
    let config = world.guest("web").await.config;
    assert!(
        config["scsi0"].contains("size=9G") && config["virtio0"].contains("size=1G"),
        "{config:?}"
    );
}

#[tokio::test]
async fn namespace_that_the_host_does_not_name_is_refused_until_it_does() {
    let world = World::builder("namespace")
        .host(json!({"allowedNamespaces": null}))
        .start()
        .await;
    let name = world.name.clone();
    refused_machine(
        &world,
        BLANK,
        "NamespaceNotAllowed",
        &[name.as_str(), "spec.allowedNamespaces"],
    )
    .await;
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    world
        .patch_host(
            &name,
            json!({"spec": {"allowedNamespaces": {"from": "Selector", "selector": selector}}}),
        )
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn missing_class_is_named_and_taken_when_it_comes() {
    let world = World::new("class").await;
    let class = format!("{}-class", world.name);
    refused_machine(
        &world,
        &format!("{{powerState: Running, classRef: {{name: {class}}}}}"),
        "ClassNotFound",
        &[class.as_str(), "spec.classRef"],
    )
    .await;
    world
        .apply(&format!(
            "{{apiVersion: drover.dev/v1alpha1, kind: VirtualMachineClass, metadata: {{name: {class}}},
              spec: {{memory: {{size: 1Gi}}, disk: {{size: 2Gi}}}}}}"
        ))
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.config["memory"], "1024");
}

#[tokio::test]
async fn host_that_does_not_exist_is_named() {
    let world = World::new("no-host").await;
    let late = format!("{}-late", world.name);
    let spec = BLANK.replacen(
        '{',
        &format!("{{hostRef: {{kind: ProxmoxNode, name: {late}}}, "),
        1,
    );
    refused_machine(&world, &spec, "HostNotFound", &[late.as_str(), "spec.hostRef"]).await;
    let more = json!({
        "allowedNamespaces": {"from": "All"},
        "defaults": {"storage": "local-lvm", "bridge": "vmbr0"},
    });
    world.declare(&late, more).await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn name_that_a_stranger_has_is_told_and_heals() {
    let world = World::builder("name-heals")
        .seed(|s| s.with_guest(SeedGuest::new(150, "web")))
        .start()
        .await;
    world.apply_vm("web", SMALL).await;
    let vm = world.wait_vm("web", "Stalled", "True", "NameTaken").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("spec.name"), "{message}");
    world.sim.rename(150, "old-web").unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.name.as_deref(), Some("web"));
}

#[tokio::test]
async fn missing_privilege_is_named_and_the_machine_is_made_once_it_is_granted() {
    let world = World::new("privilege").await;
    world.wait_host("Ready", "True", "Usable").await;
    let audit = ["VM.Audit", "Datastore.Audit", "Sys.Audit"];
    let token = world.sim.token_id();
    let rights = Some(vec![Rights::new("/", &audit)]);
    world.sim.set_rights(token, rights).unwrap();
    let before = world.sim.guests().len();
    world.apply_vm("web", BLANK).await;
    let vm = world.wait_vm("web", "Stalled", "True", "PermissionDenied").await;
    assert_says(&message(&vm), &["VM.Allocate"]);
    assert_eq!(world.sim.guests().len(), before);
    world.sim.set_rights(token, None).unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.sim.guests().len(), before + 1);
}
