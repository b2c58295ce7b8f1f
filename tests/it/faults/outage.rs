//! Hosts that can't be asked, or answer less, or are others than before: what is unknown keeps the finalizer.

use drover::api::ProxmoxNode;
use kube::api::DeleteParams;
use pve_sim::{Seed, SeedGuest, Simulator};
use serde_json::json;

use super::{BLANK, STOPPED};
use crate::support::World;

/// A machine that is Ready, and its number.
async fn made(world: &World, spec: &str) -> u32 {
    world.apply_vm("web", spec).await;
    let vm = world.wait_ready("web").await;
    vm.status.and_then(|s| s.vmid).unwrap()
}

/// The resource still has its finalizer, and its guest still stands.
async fn assert_kept(world: &World, vmid: u32) {
    let vm = world.vm("web").await;
    assert!(vm.metadata.finalizers.is_some_and(|f| !f.is_empty()));
    assert!(world.sim.guest(vmid).is_some());
}

#[tokio::test]
async fn deletion_while_the_host_is_down_waits_for_it_even_after_a_restart() {
    let mut world = World::new("down").await;
    let vmid = made(&world, BLANK).await;
    world.sim.stop_listener();
    world.kill_drover();
    world.start_drover();
    world.delete_vm("web").await;
    let vm = world.wait_vm("web", "Deleting", "True", "HostUnreachable").await;
    let message = &crate::support::condition(&vm, "Deleting").unwrap().message;
    assert!(message.contains("nothing counts as gone"), "{message}");
    world.passes("web", 3).await;
    assert_kept(&world, vmid).await;

    world.host_up().await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn deletion_waits_for_a_secret_that_is_gone_and_says_so() {
    let mut world = World::new("secret-gone").await;
    let vmid = made(&world, STOPPED).await;
    world.delete_secret().await;
    world.wait_host("Ready", "False", "CredentialsMissing").await;
    let position = world.sim.position();
    world.delete_vm("web").await;
    world
        .wait_vm("web", "Deleting", "True", "CredentialsMissing")
        .await;
    world.kill_drover();
    world.start_drover();
    world.passes("web", 2).await;
    world
        .wait_vm("web", "Deleting", "True", "CredentialsMissing")
        .await;
    assert_kept(&world, vmid).await;
    assert!(world.sim.mutations().since(position).is_empty());

    world.write_secret(world.sim.token_secret()).await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn host_that_is_being_deleted_stays_until_its_guests_are_gone_and_takes_no_new_ones() {
    let world = World::new("host-deleted").await;
    let vmid = made(&world, STOPPED).await;
    world
        .hosts()
        .delete(&world.name, &DeleteParams::default())
        .await
        .unwrap();
    let host = world.wait_host("Deleting", "True", "InUse").await;
    let message = &crate::support::condition(&host, "Deleting").unwrap().message;
    assert!(message.contains(&format!("{}/web", world.name)), "{message}");
    let position = world.sim.position();
    world.apply_vm("late", STOPPED).await;
    world.wait_vm("late", "Ready", "False", "HostNotReady").await;
    assert!(world.sim.mutations().since(position).is_empty());

    world.sim.stop_listener();
    world.delete_vm("web").await;
    world.wait_vm("web", "Deleting", "True", "HostUnreachable").await;
    assert_kept(&world, vmid).await;
    world.host_up().await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
    world
        .wait_until("the host's resource to go", async || {
            let host: Option<ProxmoxNode> = world.hosts().get_opt(&world.name).await.unwrap();
            host.is_none().then_some(())
        })
        .await;
}

#[tokio::test]
async fn guests_that_the_token_no_longer_shows_are_not_gone() {
    let world = World::new("rights").await;
    let vmid = made(&world, STOPPED).await;
    world.apply_vm("wanted", STOPPED).await;
    world.wait_ready("wanted").await;
    let position = world.sim.position();
    let token = world.sim.token_id().to_owned();
    world.sim.set_rights(&token, Some(Vec::new())).unwrap();
    world.delete_vm("web").await;
    world
        .wait_vm("wanted", "Ready", "False", "PermissionDenied")
        .await;
    world.wait_vm("web", "Deleting", "True", "PermissionDenied").await;
    world.passes("web", 3).await;
    world.passes("wanted", 3).await;
    assert_kept(&world, vmid).await;
    world
        .wait_vm("wanted", "Ready", "False", "PermissionDenied")
        .await;
    assert!(world.sim.mutations().since(position).is_empty());

    world.sim.set_rights(&token, None).unwrap();
    world.wait_vm_gone("web").await;
    world.wait_ready("wanted").await;
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn deletion_waits_for_a_node_that_is_offline() {
    let world = World::builder("offline")
        .seed(|_| Seed::nodes(2).with_timing(pve_sim::Timing::scaled(20.0)))
        .host(json!({"nodeName": "pve2"}))
        .start()
        .await;
    let vmid = made(&world, STOPPED).await;
    assert_eq!(world.sim.guest(vmid).unwrap().node, "pve2");
    let position = world.sim.position();
    world.sim.set_node_online("pve2", false).unwrap();
    world.delete_vm("web").await;
    world.wait_vm("web", "Deleting", "True", "NodeOffline").await;
    world.passes("web", 3).await;
    assert_kept(&world, vmid).await;
    assert_eq!(world.sim.mutations().since(position).len(), 0);

    world.sim.set_node_online("pve2", true).unwrap();
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
}

#[tokio::test]
async fn nothing_is_gone_without_a_majority() {
    let world = World::builder("quorum")
        .seed(|_| Seed::nodes(3).with_timing(pve_sim::Timing::scaled(20.0)))
        .start()
        .await;
    let vmid = made(&world, STOPPED).await;
    world.apply_vm("wanted", STOPPED).await;
    world.wait_ready("wanted").await;
    let position = world.sim.position();
    world.sim.set_quorum(false);
    world.sim.destroy(vmid).unwrap();
    world.sim.destroy(world.vmid("wanted").await).unwrap();
    world.delete_vm("web").await;
    world.wait_vm("web", "Deleting", "True", "NotQuorate").await;
    world.wait_vm("wanted", "Ready", "Unknown", "NotQuorate").await;
    world.passes("web", 3).await;
    let vm = world.vm("web").await;
    assert!(vm.metadata.finalizers.is_some_and(|f| !f.is_empty()));
    assert!(world.sim.mutations().since(position).is_empty());

    world.sim.set_quorum(true);
    world.wait_vm_gone("web").await;
    world.wait_vm("wanted", "Ready", "False", "GuestLost").await;
}

#[tokio::test]
async fn nothing_is_sent_to_another_cluster_at_the_same_address() {
    let world = World::builder("other-cluster")
        .host(json!({"tls": {"fingerprint": null, "insecureSkipVerify": true}}))
        .start()
        .await;
    let vmid = made(&world, STOPPED).await;
    world.apply_vm("wanted", BLANK).await;
    world.wait_ready("wanted").await;
    let port = world.sim.port();
    world.sim.stop_listener();
    let seed = Seed {
        listen: ([127, 0, 0, 1], port).into(),
        token_secret: Some(world.sim.token_secret().to_owned()),
        ..Seed::default()
    };
    let other = world
        .wait_until("the port to be free", async || {
            let seed = seed.clone().with_guest(SeedGuest::new(vmid, "web"));
            Simulator::start(seed).await.ok()
        })
        .await;
    world.delete_vm("web").await;
    world.wait_host("Ready", "False", "ClusterChanged").await;
    world.wait_vm("web", "Deleting", "True", "ClusterChanged").await;
    world
        .wait_vm("wanted", "Ready", "Unknown", "ClusterChanged")
        .await;
    world.apply_vm("new", BLANK).await;
    world.wait_vm("new", "Ready", "Unknown", "ClusterChanged").await;
    world.passes("web", 3).await;
    assert_kept(&world, vmid).await;
    assert!(other.mutations().is_empty(), "{:?}", other.mutations());
    assert!(other.guest(vmid).is_some());

    other.shutdown().await;
    world.host_up().await;
    world.wait_vm_gone("web").await;
    world.wait_ready("wanted").await;
    world.wait_ready("new").await;
    assert!(world.sim.guest(vmid).is_none());
}
