//! States that a machine could be stuck in for good: each says exactly why, and ends with what is mended, without a
//! restart.

use std::time::Duration;

use drover::api::ProxmoxNode;
use kube::ResourceExt;
use kube::api::DeleteParams;
use pve_sim::{Release, Seed, Timing};
use serde_json::json;

use super::{BLANK, CLONE, STOPPED, assert_one_guest_each, tasks};
use crate::support::{World, condition};

#[tokio::test]
async fn template_on_the_local_storage_of_another_node_is_named_and_either_correction_suffices() {
    // The template is on pve1, with its disk on that node's own storage.
    let world = World::builder("template-elsewhere")
        .seed(|seed| Seed { nodes: 2, ..seed })
        .host(json!({"nodeName": "pve2"}))
        .start()
        .await;
    let first = format!("{}-1", world.name);
    let spec = json!({"nodeName": "pve1", "poll": {"tasks": "200ms", "resources": "500ms"}, "allowedNamespaces": {"from": "All"},
        "tenancy": {"mode": "Trusted"}, "defaults": {"storage": "local-lvm", "bridge": "vmbr0"}});
    world.declare(&first, spec).await;
    for name in ["web", "other"] {
        world.apply_vm(name, CLONE).await;
    }
    for name in ["web", "other"] {
        let vm = world.wait_vm(name, "Stalled", "True", "SourceNotFound").await;
        let message = &condition(&vm, "Ready").unwrap().message;
        for part in ["9000", "node pve1", "local storage local-lvm", "shared storage"] {
            assert!(message.contains(part), "{part} in: {message}");
        }
        world.passes(name, 2).await;
        assert!(world.vm(name).await.finalizers().is_empty(), "nothing was begun");
    }
    assert!(world.sim.mutations().is_empty());

    // The host of the template's node is named, as the message says.
    let host = json!({"spec": {"hostRef": {"name": first}}});
    world.patch_vm("other", host).await;
    world.wait_ready("other").await;
    assert_eq!(world.guest("other").await.node, "pve1");
    world.wait_vm("web", "Stalled", "True", "SourceNotFound").await;
    // Or the template comes to the node.
    world.sim.move_guest(9000, "pve2").unwrap();
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.node, "pve2");
    assert_eq!(tasks(&world, "qmclone"), 2);
    assert_one_guest_each(&world, &["web".to_owned(), "other".to_owned()]).await;
}

#[tokio::test]
async fn machine_whose_host_was_torn_away_waits_and_goes_when_the_host_is_declared_again() {
    let world = World::new("host-torn-away").await;
    for name in ["web", "stays"] {
        world.apply_vm(name, STOPPED).await;
    }
    for name in ["web", "stays"] {
        world.wait_ready(name).await;
    }
    let vmid = world.vmid("web").await;
    let position = world.sim.position();
    // Somebody takes the host's finalizer off by force.
    let hosts = world.hosts();
    hosts.delete(&world.name, &DeleteParams::default()).await.unwrap();
    world.wait_host("Deleting", "True", "InUse").await;
    world
        .patch_host(&world.name, json!({"metadata": {"finalizers": null}}))
        .await;
    world
        .wait_until("the host's resource to go", async || {
            let host: Option<ProxmoxNode> = hosts.get_opt(&world.name).await.unwrap();
            host.is_none().then_some(())
        })
        .await;
    world.delete_vm("web").await;
    for (name, type_) in [("web", "Deleting"), ("stays", "Ready")] {
        let vm = world.wait_vm(name, type_, "*", "HostNotFound").await;
        let message = &condition(&vm, type_).unwrap().message;
        assert!(
            message.contains(&world.name) && message.contains("spec.hostRef"),
            "{message}"
        );
        world.passes(name, 2).await;
        assert!(!world.vm(name).await.finalizers().is_empty(), "{name}");
    }
    assert!(world.sim.guest(vmid).is_some() && world.sim.mutations().since(position).is_empty());

    let spec = json!({"poll": {"tasks": "200ms", "resources": "500ms"}, "allowedNamespaces": {"from": "All"},
        "tenancy": {"mode": "Trusted"}, "defaults": {"storage": "local-lvm", "bridge": "vmbr0"}});
    world.declare(&world.name.clone(), spec).await;
    world.wait_vm_gone("web").await;
    world.wait_ready("stays").await;
    assert_eq!(world.sim.guest(vmid), None);
    assert_eq!(
        world.sim.mutations().since(position).len(),
        1,
        "one was destroyed"
    );
    assert_one_guest_each(&world, &["stays".to_owned()]).await;
}

#[tokio::test]
async fn tickets_that_expire_before_their_time_hold_up_nothing() {
    // Every three seconds, scaled; Drover takes them to last for two hours.
    let world = World::builder("tickets-expire")
        .seed(|seed| {
            seed.with_root_password("pass").with_timing(Timing {
                ticket_lifetime: Duration::from_mins(1),
                ..Timing::scaled(20.0)
            })
        })
        .start()
        .await;
    world
        .write_credentials(&[("username", "root@pam"), ("password", "pass")])
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    let logins = || world.sim.requests().matching("POST", "/access/ticket").len();
    let expired = async |times: usize| {
        let before = logins();
        world
            .wait_until("tickets to expire", async || {
                (logins() >= before + times).then_some(())
            })
            .await;
    };
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    expired(2).await;
    world
        .patch_vm("web", json!({"spec": {"description": "after two tickets"}}))
        .await;
    world.wait_ready("web").await;
    expired(1).await;
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
    for kind in ["qmcreate", "qmstart", "qmstop", "qmdestroy"] {
        assert_eq!(tasks(&world, kind), 1, "{kind}");
    }
    // It never fell out with the host over that.
    let host = world.wait_host("Ready", "True", "Usable").await;
    let events = world.events(&host.name_any()).await;
    let warned = events.iter().any(|(_, reason, _)| reason == "CredentialsRefused");
    assert!(!warned, "{events:?}");
}

#[tokio::test]
async fn parameter_that_only_nine_refuses_is_told_in_its_words_and_taking_it_out_suffices() {
    // A device's path with a comma; only root himself may name devices.
    let by_root = async |test: &str, release: Release| {
        let world = World::builder(test)
            .seed(|seed| seed.with_release(release).with_root_password("pass"))
            .start()
            .await;
        world
            .write_credentials(&[("username", "root@pam"), ("password", "pass")])
            .await;
        world.wait_host("Ready", "True", "Usable").await;
        world
    };
    let spec = STOPPED.replacen('{', "{extraConfig: {serial1: '/dev/ttyS0,nowait'}, ", 1);
    let before = by_root("refused-by-none", Release::V8_4).await;
    before.apply_vm("web", &spec).await;
    before.wait_ready("web").await;
    assert_eq!(before.guest("web").await.config["serial1"], "/dev/ttyS0,nowait");

    let world = by_root("refused-by-nine", Release::V9_2).await;
    world.apply_vm("web", &spec).await;
    let vm = world.wait_vm("web", "Ready", "*", "RefusedByHost").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("serial1"), "{message}");
    assert!(world.sim.guests().iter().all(|guest| guest.template));
    world
        .patch_vm("web", json!({"spec": {"extraConfig": null}}))
        .await;
    world.wait_ready("web").await;
    assert_one_guest_each(&world, &["web".to_owned()]).await;
    assert_eq!(tasks(&world, "qmcreate"), 1);
    // Put in again, it is refused of the machine that is there, which stays as it is.
    world
        .patch_vm(
            "web",
            json!({"spec": {"extraConfig": {"serial1": "/dev/ttyS0,nowait"}}}),
        )
        .await;
    let vm = world.wait_vm("web", "Ready", "*", "RefusedByHost").await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("serial1"));
    world
        .patch_vm("web", json!({"spec": {"extraConfig": {"serial1": "socket"}}}))
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.config["serial1"], "socket");
}
