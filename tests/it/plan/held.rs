//! What stands in the way of a machine: the plan says what the condition then says, word for word.

use kube::api::{Patch, PatchParams};
use pve_sim::SeedGuest;
use serde_json::json;

use super::{SMALL, annotated, held, machine, planned};
use crate::support::World;

const ADOPT: &str = "{drover.dev/adopt: 'true'}";

#[tokio::test]
async fn what_is_missing_or_taken_is_told_as_the_condition_tells_it() {
    let world = World::builder("plan-held")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db")))
        .start()
        .await;
    world
        .apply_vm(
            "owner",
            "{powerState: Stopped, vmid: 160, memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}]}",
        )
        .await;
    world.wait_ready("owner").await;
    let on = |storage: &str| SMALL.replacen("scsi0,", &format!("scsi0, storage: {storage},"), 1);
    let with = |more: &str| format!("{SMALL}\n{more}");
    for (annotations, spec, reason) in [
        ("{}", with("name: db"), "NameTaken"),
        ("{}", on("nowhere"), "StorageNotFound"),
        ("{}", with("cdrom: {iso: 'nowhere:iso/a.iso'}"), "StorageNotFound"),
        ("{}", with("cdrom: {iso: 'local:iso/a.iso'}"), "IsoNotFound"),
        ("{}", "source: {clone: {vmid: 777}}".to_owned(), "SourceNotFound"),
        (
            "{}",
            "source: {clone: {name: nothing}}".to_owned(),
            "SourceNotFound",
        ),
        (
            "{}",
            "source: {clone: {ref: {name: nothing}}}".to_owned(),
            "SourceNotFound",
        ),
        (
            "{}",
            "source: {clone: {ref: {name: web}}}".to_owned(),
            "SourceNotFound",
        ),
        (
            "{}",
            "source: {clone: {vmid: 150, full: false}}".to_owned(),
            "InvalidSpec",
        ),
        (
            "{}",
            "source: {clone: {vmid: 9000}}\ndisks: [{name: scsi0, size: 1Mi}]".to_owned(),
            "DiskWouldShrink",
        ),
        (
            "{}",
            "source: {backup: {archive: 'local:backup/vzdump-qemu-150-2026_01_01-00_00_00.vma.zst'}}"
                .to_owned(),
            "ArchiveNotFound",
        ),
        ("{}", with("classRef: {name: nothing}"), "ClassNotFound"),
        (
            "{}",
            with("cloudInit: {passwordRef: {name: nothing}}"),
            "SecretNotUsable",
        ),
        ("{}", with("vmid: 150"), "VmidTaken"),
        (ADOPT, "vmid: 160".to_owned(), "NothingToAdopt"),
        (ADOPT, "vmid: 777".to_owned(), "NothingToAdopt"),
        (ADOPT, "vmid: 9000".to_owned(), "IsTemplate"),
        (
            "{}",
            with("hostRef: {kind: ProxmoxNode, name: nothing}"),
            "HostNotFound",
        ),
    ] {
        held(&world, "web", annotations, &spec, reason).await;
    }
    // With the volume of a former machine under it a number is not given.
    world
        .as_person(
            "/nodes/pve1/storage/local-lvm/content",
            "vmid=170&filename=vm-170-disk-0&size=1G",
        )
        .await;
    held(&world, "web", "{}", &with("vmid: 170"), "VmidHasVolumes").await;
}

#[tokio::test]
async fn what_the_hosts_owner_does_not_allow_is_told_as_the_condition_tells_it() {
    let world = World::builder("plan-tenant")
        .seed(|s| s.with_guest(SeedGuest::new(150, "db")))
        .host(json!({"tenancy": null, "allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"may": "yes"}}}}))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    held(&world, "web", "{}", SMALL, "NamespaceNotAllowed").await;
    let labels = json!({"metadata": {"labels": {"may": "yes"}}});
    let namespaces = kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(world.client.clone());
    namespaces
        .patch(&world.name, &PatchParams::default(), &Patch::Merge(labels))
        .await
        .unwrap();
    let other = SMALL.replacen("scsi0,", "scsi0, storage: other,", 1);
    for (annotations, spec) in [
        ("{}", other.as_str()),
        ("{}", "source: {clone: {vmid: 9000}}"),
        (ADOPT, "vmid: 150"),
    ] {
        held(&world, "web", annotations, spec, "NotAllowedByTenancy").await;
    }
    let told = planned(&world, &machine(&world, "web", SMALL)).await;
    assert_eq!(told.code, Some(2), "{told:?}");
    // A cordoned host takes none, but for one that is there.
    world
        .patch_host(
            &world.name,
            json!({"spec": {"tenancy": {"mode": "Trusted"}, "maintenance": {"mode": "Cordon"}}}),
        )
        .await;
    world.wait_host("Maintenance", "True", "Cordoned").await;
    held(&world, "web", "{}", SMALL, "Cordoned").await;
    let there = planned(&world, &annotated(&world, "db", ADOPT, "vmid: 150")).await;
    assert_eq!(there.code, Some(2), "{there:?}");
}
