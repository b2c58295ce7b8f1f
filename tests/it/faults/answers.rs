//! Answers that are lost or late, calls that are refused for a while, tasks that fail, warn or hang.

use std::time::Duration;

use pve_sim::{Fault, Matcher};
use serde_json::json;

use super::{BLANK, CLONE, STOPPED, assert_one_guest_each, tasks};
use crate::support::World;

fn lose_one(world: &World, method: &str, path: &str) {
    world
        .sim
        .fault(Fault::lost_answer(Matcher::new(method, path)).times(1));
}

fn assert_hit(world: &World) {
    for (_, fault, hit) in world.sim.faults() {
        assert_eq!(Some(hit), fault.times, "{fault:?}");
    }
}

#[tokio::test]
async fn create_whose_answer_is_lost_makes_one_guest() {
    let world = World::new("lost-create").await;
    lose_one(&world, "POST", "/nodes/*/qemu");
    lose_one(&world, "POST", "/nodes/*/qemu/*/status/start");
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    assert_hit(&world);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
    assert_eq!((tasks(&world, "qmcreate"), tasks(&world, "qmstart")), (1, 1));
}

#[tokio::test]
async fn clone_and_seal_whose_answers_are_lost_make_one_guest() {
    let world = World::new("lost-clone").await;
    lose_one(&world, "POST", "/nodes/*/qemu/9000/clone");
    lose_one(&world, "PUT", "/nodes/*/qemu/*/config");
    world.apply_vm("web", CLONE).await;
    world.wait_ready("web").await;
    assert_hit(&world);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
    assert_eq!((tasks(&world, "qmclone"), tasks(&world, "qmstart")), (1, 1));
    let guest = world.guest("web").await;
    let identity = world
        .vm("web")
        .await
        .status
        .and_then(|s| s.identity)
        .unwrap()
        .uuid;
    assert_eq!(guest.uuid, Some(identity.to_string()));
    assert_eq!(world.sent("PUT", "/nodes/*/qemu/*/config").len(), 1);
}

#[tokio::test]
async fn changes_whose_answers_are_lost_are_made_once() {
    let world = World::new("lost-changes").await;
    world.apply_vm("web", STOPPED).await;
    world.wait_ready("web").await;
    let position = world.sim.position();
    lose_one(&world, "PUT", "/nodes/*/qemu/*/config");
    lose_one(&world, "PUT", "/nodes/*/qemu/*/resize");
    world
        .patch_vm(
            "web",
            json!({"spec": {"memory": {"size": "1Gi"}, "disks": [{"name": "scsi0", "size": "3Gi"}]}}),
        )
        .await;
    world.wait_ready("web").await;
    assert_hit(&world);
    let guest = world.guest("web").await;
    assert_eq!(guest.config["memory"], "1024");
    assert!(
        guest.config["scsi0"].contains("size=3G"),
        "{}",
        guest.config["scsi0"]
    );
    assert_eq!(world.sim.mutations().since(position).len(), 2);
}

#[tokio::test]
async fn shutdown_stop_and_destroy_whose_answers_are_lost_are_done_once() {
    let world = World::new("lost-stop").await;
    for name in ["quiet", "gone"] {
        world.apply_vm(name, BLANK).await;
    }
    for name in ["quiet", "gone"] {
        world.wait_ready(name).await;
    }
    let vmid = world.vmid("gone").await;
    lose_one(&world, "POST", "/nodes/*/qemu/*/status/shutdown");
    lose_one(&world, "POST", "/nodes/*/qemu/*/status/stop");
    lose_one(&world, "DELETE", "/nodes/*/qemu/*");
    world
        .patch_vm("quiet", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    world.delete_vm("gone").await;
    world.wait_vm_gone("gone").await;
    world.wait_ready("quiet").await;
    assert_hit(&world);
    assert!(world.sim.guest(vmid).is_none());
    assert!(!world.guest("quiet").await.running);
    for kind in ["qmshutdown", "qmstop", "qmdestroy"] {
        assert_eq!(tasks(&world, kind), 1, "{kind}");
    }
}

#[tokio::test]
async fn rarer_changes_whose_answers_are_lost_are_made_once() {
    let world = World::builder("lost-rarer")
        .seed(|seed| seed.with_pool(serde_json::from_value(json!({"id": "team-a"})).unwrap()))
        .host(json!({"defaults": {"backupStorage": "local"}}))
        .start()
        .await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    for (state, reason, verb) in [
        ("Paused", "GuestPaused", "suspend"),
        ("Running", "Running", "resume"),
        ("Suspended", "Suspended", "suspend"),
        ("Running", "Running", "start"),
    ] {
        lose_one(&world, "POST", &format!("/nodes/*/qemu/*/status/{verb}"));
        let position = world.sim.position();
        world
            .patch_vm("web", json!({"spec": {"powerState": state}}))
            .await;
        world.wait_vm("web", "Ready", "True", reason).await;
        world
            .wait_guest(vmid, &format!("to be {state}"), |guest| {
                guest.running != (state == "Suspended")
            })
            .await;
        assert_hit(&world);
        assert_eq!(world.sim.mutations().since(position).len(), 1, "{state}");
    }

    lose_one(&world, "POST", "/nodes/*/qemu/*/move_disk");
    lose_one(&world, "PUT", "/pools/*");
    lose_one(&world, "PUT", "/pools");
    lose_one(&world, "POST", "/cluster/ha/resources");
    let disks = json!([{"name": "scsi0", "size": "1Gi", "storage": "local"}]);
    let spec = json!({"disks": disks, "pool": "team-a", "highAvailability": {"state": "started"}});
    world.patch_vm("web", json!({"spec": spec})).await;
    world
        .wait_guest(vmid, "to have its disk moved", |guest| {
            guest.config["scsi0"].starts_with("local:")
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(tasks(&world, "qmmove"), 1);
    assert_eq!(world.sent("POST", "/cluster/ha/resources").len(), 1);
    let pooled = world.sent("PUT", "/pools").len() + world.sent("PUT", "/pools/*").len();
    assert_eq!(pooled, 1);

    world
        .patch_vm(
            "web",
            json!({"spec": {"highAvailability": null, "deletionPolicy": "BackupAndDelete"}}),
        )
        .await;
    lose_one(&world, "POST", "/nodes/*/vzdump");
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    // Of an archive that nobody recorded it is not known whether it is whole: a second one is made, and the machine destroyed
    // once.
    assert_eq!((world.sim.guest(vmid), tasks(&world, "qmdestroy")), (None, 1));
    assert!((1..=2).contains(&tasks(&world, "vzdump")));
}

#[tokio::test]
async fn template_and_reboot_whose_answers_are_lost_are_made_once() {
    let world = World::new("lost-template").await;
    lose_one(&world, "POST", "/nodes/*/qemu/*/template");
    let template = "{template: true, memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi}]}";
    world.apply_vm("golden", template).await;
    world.wait_vm("golden", "Ready", "True", "Template").await;
    assert_eq!(tasks(&world, "qmtemplate"), 1);

    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    lose_one(&world, "POST", "/nodes/*/qemu/*/status/reboot");
    let vmid = world.vmid("web").await;
    world
        .patch_vm(
            "web",
            json!({"spec": {"rebootPolicy": "WhenRequired", "cpu": {"cores": 2}}}),
        )
        .await;
    world
        .wait_guest(vmid, "to run with two cores", |guest| {
            guest.running && guest.config.get("cores").is_some_and(|cores| cores == "2")
        })
        .await;
    world.wait_ready("web").await;
    assert_hit(&world);
    assert_eq!(tasks(&world, "qmreboot"), 1);
    assert_eq!(world.sim.guest(vmid).unwrap().starts, 2);
}

#[tokio::test]
async fn task_that_fails_is_said_and_tried_again() {
    let world = World::new("task-fails").await;
    world
        .sim
        .fault(Fault::task_error("qmclone", "clone failed: no space left").times(2));
    world.apply_vm("web", CLONE).await;
    world.wait_ready("web").await;
    world.wait_event("web", "TaskFailed", "").await;
    let events = world.events("web").await;
    let said = events.iter().any(|(type_, reason, note)| {
        type_ == "Warning" && reason == "TaskFailed" && note.contains("no space left")
    });
    assert!(said, "{events:?}");
    assert_one_guest_each(&world, &["web".to_owned()]).await;
    assert_eq!(tasks(&world, "qmclone"), 1);
}

#[tokio::test]
async fn warnings_are_success() {
    let world = World::new("warnings").await;
    for task in ["qmcreate", "qmstart"] {
        world.sim.fault(Fault::task_error(task, "WARNINGS: 1").times(1));
    }
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    assert_hit(&world);
    world.wait_event("web", "Created", "1 warnings").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/start").len(), 1);
}

#[tokio::test]
async fn task_that_hangs_does_not_hold_up_the_others() {
    let world = World::new("hangs").await;
    world.sim.fault(Fault::task_hang("qmclone").times(1));
    world.apply_vm("stuck", CLONE).await;
    world.wait_vm("stuck", "Reconciling", "True", "Cloning").await;
    for (name, spec) in [("blank", BLANK), ("clone", CLONE), ("other", STOPPED)] {
        world.apply_vm(name, spec).await;
    }
    for name in ["blank", "clone", "other"] {
        world.wait_ready(name).await;
    }
    world.wait_vm("stuck", "Ready", "False", "Cloning").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/9000/clone").len(), 2);
}

#[tokio::test]
async fn lock_that_times_out_is_tried_again() {
    let world = World::new("lock-timeout").await;
    let text = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";
    let cfs = "cfs-lock 'storage-local-lvm' error: got lock request timeout";
    for (method, path, text) in [
        ("POST", "/nodes/*/qemu", cfs),
        ("POST", "/nodes/*/qemu/*/status/start", text),
        ("POST", "/nodes/*/qemu/*/status/stop", text),
        ("DELETE", "/nodes/*/qemu/*", text),
    ] {
        world
            .sim
            .fault(Fault::status(Matcher::new(method, path), 500, text).times(2));
    }
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_hit(&world);
    assert!(world.sim.guest(vmid).is_none());
    for kind in ["qmcreate", "qmstart", "qmstop", "qmdestroy"] {
        assert_eq!(tasks(&world, kind), 1, "{kind}");
    }
}

#[tokio::test]
async fn host_that_takes_more_than_a_second_a_call_is_managed_all_the_same() {
    let world = World::new("slow").await;
    world.wait_host("Ready", "True", "*").await;
    world.sim.fault(Fault::delay(
        Matcher::new("*", "/nodes/**"),
        Duration::from_millis(1100),
    ));
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    assert!(world.sim.guest(vmid).unwrap().running);
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(world.sim.guest(vmid).is_none());
    for kind in ["qmcreate", "qmstart", "qmstop", "qmdestroy"] {
        assert_eq!(tasks(&world, kind), 1, "{kind}");
    }
}
