//! Others make machines on the same hosts at the same time, and statuses are lost.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use pve_sim::{Fault, Mark, Matcher, Rights, SeedGuest, Timing};
use serde_json::json;

use super::{BLANK, CLONE, STOPPED, assert_one_guest_each, killed_in_a_create, marked, sent_to, tasks};
use crate::support::{World, condition};

/// As after a restore of resources without their status.
async fn lose_status(world: &World, name: &str) {
    let nothing = Patch::Merge(json!({"status": null}));
    world
        .vms()
        .patch_status(name, &PatchParams::default(), &nothing)
        .await
        .unwrap();
}

#[tokio::test]
async fn number_that_is_taken_before_the_call_leads_to_another() {
    for (method, path, parameter, spec) in [
        ("POST", "/nodes/*/qemu", "vmid", BLANK),
        ("POST", "/nodes/*/qemu/9000/clone", "newid", CLONE),
    ] {
        let world = World::new("vmid-race").await;
        let hold = world.sim.hold(Matcher::new(method, path), Mark::BeforeAct);
        world.apply_vm("web", spec).await;
        hold.reached().await;
        let call = world.sent(method, path).0.remove(0);
        let taken: u32 = call.param(parameter).unwrap().parse().unwrap();
        world
            .sim
            .add_guest(SeedGuest::new(taken, "stranger").running())
            .unwrap();
        let stranger = world.sim.guest(taken);
        hold.release();
        let vm = world.wait_ready("web").await;
        assert!(vm.status.and_then(|s| s.vmid).unwrap() > taken);
        assert_eq!(world.sim.guest(taken), stranger);
        assert_eq!(sent_to(&world, taken, 0).len(), 1, "the refused call alone");
        assert_one_guest_each(&world, &["web".to_owned()]).await;
    }
}

/// What it takes to make a machine, and not to see one.
const VM_WITHOUT_AUDIT: [&str; 9] = [
    "VM.Allocate",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
];

/// A guest whose number no volume tells.
fn diskless(vmid: u32) -> SeedGuest {
    let mut guest = SeedGuest::new(vmid, format!("hidden-{vmid}"));
    guest.config.remove("scsi0");
    guest
}

#[tokio::test]
async fn number_of_a_guest_that_the_token_does_not_show_leads_to_another() {
    let world = World::builder("hidden")
        .seed(|seed| seed.with_guest(diskless(100)).with_guest(diskless(101)))
        .without_drover()
        .start()
        .await;
    let rights = [
        Rights::all("/"),
        Rights::new("/vms/100", &[]),
        Rights::new("/vms/101", &[]),
        Rights::new(
            "/storage/local-lvm",
            &["Datastore.AllocateSpace", "Datastore.Audit"],
        ),
    ];
    let mut world = world;
    let token = world.sim.token_id().to_owned();
    world.sim.set_rights(&token, Some(rights.to_vec())).unwrap();
    let hidden = [100, 101].map(|vmid| world.sim.guest(vmid));
    world
        .patch_host(
            &world.name.clone(),
            json!({"spec": {"vmidRange": {"min": 100, "max": 200}}}),
        )
        .await;
    world.start_drover();
    world.apply_vm("web", BLANK).await;
    let vm = world.wait_ready("web").await;
    assert!(vm.status.and_then(|s| s.vmid).unwrap() > 101);
    assert_eq!([100, 101].map(|vmid| world.sim.guest(vmid)), hidden);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
}

#[tokio::test]
async fn number_that_a_hidden_guest_takes_before_the_call_leads_to_another() {
    let mut world = World::builder("hidden-race").without_drover().start().await;
    let token = world.sim.token_id().to_owned();
    let rights = vec![Rights::all("/"), Rights::new("/vms/9001", &VM_WITHOUT_AUDIT)];
    world.sim.set_rights(&token, Some(rights)).unwrap();
    world.start_drover();
    let hold = world
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    world.apply_vm("web", BLANK).await;
    hold.reached().await;
    let call = world.sent("POST", "/nodes/*/qemu").0.remove(0);
    assert_eq!(call.param("vmid"), Some("9001"));
    world.sim.add_guest(diskless(9001)).unwrap();
    let stranger = world.sim.guest(9001);
    hold.release();
    let vm = world.wait_ready("web").await;
    assert_ne!(vm.status.and_then(|s| s.vmid), Some(9001));
    assert_eq!(world.sim.guest(9001), stranger);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
}

#[tokio::test]
async fn pinned_number_of_a_guest_that_the_token_does_not_show_is_refused_without_a_call() {
    let mut world = World::builder("hidden-pinned")
        .seed(|seed| seed.with_guest(diskless(150)))
        .without_drover()
        .start()
        .await;
    let rights = vec![Rights::all("/"), Rights::new("/vms/150", &[])];
    let token = world.sim.token_id().to_owned();
    world.sim.set_rights(&token, Some(rights)).unwrap();
    world.start_drover();
    world
        .apply_vm("web", &BLANK.replacen('{', "{vmid: 150, ", 1))
        .await;
    world.wait_vm("web", "Ready", "False", "VmidTaken").await;
    world.passes("web", 3).await;
    assert!(world.sim.mutations().is_empty());
}

#[tokio::test]
async fn machines_that_are_applied_together_get_numbers_of_their_own() {
    let world = World::builder("together")
        .host(json!({"budget": {"tasks": 16, "tasksPerStorage": 16, "clonesPerSource": 16}}))
        .start()
        .await;
    let names: Vec<String> = (0..8).map(|n| format!("vm-{n}")).collect();
    for (number, name) in names.iter().enumerate() {
        world
            .apply_vm(name, if number % 2 == 0 { BLANK } else { CLONE })
            .await;
    }
    for name in &names {
        world.wait_ready(name).await;
    }
    assert_one_guest_each(&world, &names).await;
    assert_eq!((tasks(&world, "qmcreate"), tasks(&world, "qmclone")), (4, 4));
    let refused = world.sim.mutations().filter(|r| r.status != Some(200));
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn guest_of_the_same_name_stops_the_creation_until_it_is_renamed() {
    let world = World::builder("name-taken")
        .seed(|seed| seed.with_guest(SeedGuest::new(300, "web")))
        .start()
        .await;
    world.apply_vm("web", BLANK).await;
    let vm = world.wait_vm("web", "Ready", "False", "NameTaken").await;
    let message = &crate::support::condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("300") && message.contains("spec.name"),
        "{message}"
    );
    world.passes("web", 3).await;
    assert!(world.sim.mutations().is_empty());

    world.sim.rename(300, "old-web").unwrap();
    let stranger = world.sim.guest(300);
    world.wait_ready("web").await;
    assert_eq!(world.sim.guest(300), stranger);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
}

#[tokio::test]
async fn machine_whose_status_was_lost_is_bound_to_the_same_guest() {
    for spec in [BLANK, CLONE] {
        let world = World::new("status-lost").await;
        world.apply_vm("web", spec).await;
        let before = world.wait_ready("web").await.status.unwrap();
        let position = world.sim.position();
        lose_status(&world, "web").await;
        let after = world.wait_ready("web").await.status.unwrap();
        assert_eq!((after.vmid, after.identity), (before.vmid, before.identity));
        assert_one_guest_each(&world, &["web".to_owned()]).await;
        assert!(world.sim.mutations().since(position).is_empty());
    }
}

#[tokio::test]
async fn status_that_is_lost_after_a_restart_is_found_again_too() {
    let mut world = World::new("status-lost-restart").await;
    world.apply_vm("web", STOPPED).await;
    let before = world.wait_ready("web").await.status.unwrap();
    world.kill_drover();
    world.start_drover();
    let position = world.sim.position();
    // The restarted one knows the guest from status and list, and has not read it.
    world.wait_host("Ready", "True", "*").await;
    world.apply_vm("witness", STOPPED).await;
    world.wait_ready("witness").await;
    let config = format!("/nodes/pve1/qemu/{}/pending", before.vmid.unwrap());
    let read = world.sim.requests().since(position).matching("GET", &config);
    assert!(read.is_empty(), "the case needs a guest that was not read");
    lose_status(&world, "web").await;
    let after = world.wait_ready("web").await.status.unwrap();
    assert_eq!((after.vmid, after.identity), (before.vmid, before.identity));
    assert_one_guest_each(&world, &["web".to_owned(), "witness".to_owned()]).await;
}

#[tokio::test]
async fn status_that_is_lost_before_the_list_shows_the_guest_does_not_double_it() {
    // The list is as old as Proxmox VE lets it get, and Drover is told so.
    let world = World::builder("status-lost-early")
        .seed(|seed| {
            seed.with_timing(Timing {
                resources_refresh: Duration::from_secs(80),
                ..Timing::scaled(20.0)
            })
        })
        .settings(|settings| settings.timing.list_lag = Duration::from_secs(5))
        .start()
        .await;
    world.wait_host("Ready", "True", "*").await;
    world.sim.refresh_resources();
    world.apply_vm("web", STOPPED).await;
    world
        .wait_until("the guest", async || {
            marked(&world).into_iter().find(|guest| guest.lock.is_none())
        })
        .await;
    lose_status(&world, "web").await;
    world.wait_ready("web").await;
    assert_one_guest_each(&world, &["web".to_owned()]).await;
    assert_eq!(tasks(&world, "qmcreate"), 1);
}

#[tokio::test]
async fn machine_that_is_deleted_after_its_status_was_lost_takes_its_guest_along() {
    let mut world = World::new("status-lost-deleted").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    world.kill_drover();
    lose_status(&world, "web").await;
    world.delete_vm("web").await;
    world.start_drover();
    world.wait_vm_gone("web").await;
    assert!(marked(&world).is_empty());
}

#[tokio::test]
async fn source_that_is_renamed_during_the_clone_does_not_orphan_it() {
    let mut world = World::builder("source-renamed")
        .seed(|seed| {
            seed.with_timing(Timing {
                clone_base: Duration::from_mins(1),
                ..Timing::scaled(20.0)
            })
        })
        .start()
        .await;
    world
        .apply_vm(
            "web",
            "{powerState: Running, source: {clone: {name: debian-12-template}}}",
        )
        .await;
    world
        .wait_until("the clone to run", async || {
            (tasks(&world, "qmclone") == 1).then_some(())
        })
        .await;
    world.kill_drover();
    world.sim.rename(9000, "debian-12").unwrap();
    world.start_drover();
    world.wait_ready("web").await;
    assert_one_guest_each(&world, &["web".to_owned()]).await;
    assert_eq!(tasks(&world, "qmclone"), 1);
}

#[tokio::test]
async fn delete_that_comes_during_the_create_leaves_nothing() {
    for (method, path, spec) in [
        ("POST", "/nodes/*/qemu", BLANK),
        ("POST", "/nodes/*/qemu/9000/clone", CLONE),
    ] {
        let world = World::new("delete-in-create").await;
        world
            .sim
            .fault(Fault::lost_answer(Matcher::new(method, path)).times(1));
        let hold = world.sim.hold(Matcher::new(method, path), Mark::BeforeAct);
        world.apply_vm("web", spec).await;
        hold.reached().await;
        world.delete_vm("web").await;
        hold.release();
        world.wait_vm_gone("web").await;
        assert!(marked(&world).is_empty());
        assert!(world.sim.guests().iter().all(|guest| guest.vmid == 9000));
    }
}

#[tokio::test]
async fn machine_that_is_bound_again_has_its_finalizer_again() {
    let mut world = World::new("finalizer-lost").await;
    world.apply_vm("web", BLANK).await;
    let before = world.wait_ready("web").await.status.unwrap();
    // With the status, as an older copy of the resource; and alone, as by hand.
    for status_too in [true, false] {
        world.kill_drover();
        if status_too {
            lose_status(&world, "web").await;
        }
        world
            .patch_vm(
                "web",
                json!({"metadata": {"finalizers": [], "annotations": null}}),
            )
            .await;
        world.start_drover();
        world
            .wait_until("the finalizer", async || {
                let vm = world.vm("web").await;
                let known = vm.status.as_ref()?.vmid == before.vmid;
                (known && !vm.finalizers().is_empty()).then_some(())
            })
            .await;
    }
    world.wait_ready("web").await;
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert!(marked(&world).is_empty());
}

#[tokio::test]
async fn machine_whose_status_and_rights_are_lost_is_not_doubled() {
    let mut world = World::new("status-and-rights-lost").await;
    world.apply_vm("web", BLANK).await;
    let before = world.wait_ready("web").await.status.unwrap();
    let vmid = before.vmid.unwrap();
    world.kill_drover();
    lose_status(&world, "web").await;
    let token = world.sim.token_id().to_owned();
    let rights = vec![Rights::all("/"), Rights::new(format!("/vms/{vmid}"), &[])];
    world.sim.set_rights(&token, Some(rights)).unwrap();
    world.start_drover();
    let vm = world.wait_vm("web", "Ready", "Unknown", "PresenceUnknown").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains(&format!("/vms/{vmid}")), "{message}");
    world.sim.set_rights(&token, None).unwrap();
    let after = world.wait_ready("web").await.status.unwrap();
    assert_eq!((after.vmid, after.identity), (before.vmid, before.identity));
    assert_eq!(tasks(&world, "qmcreate"), 1);
}

#[tokio::test]
async fn resource_stays_while_a_create_of_its_may_still_arrive() {
    let mut world = World::builder("late-create")
        .settings(|settings| settings.timing.create_settle = Duration::from_secs(6))
        .start()
        .await;
    // Reserved, and nothing made yet.
    let held = killed_in_a_create(&mut world, STOPPED).await;
    world.start_drover();
    // The next process makes it, while the first call is still on its way.
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.delete_vm("web").await;
    world
        .wait_until("the first guest to go", async || {
            world.sim.guest(vmid).is_none().then_some(())
        })
        .await;
    held.release();
    world.wait_vm_gone("web").await;
    assert!(marked(&world).is_empty(), "the late one goes with it");
}

#[tokio::test]
async fn number_that_a_stranger_took_is_kept_while_a_create_of_ours_may_still_arrive() {
    let mut world = World::builder("late-number")
        .settings(|settings| settings.timing.create_settle = Duration::from_secs(8))
        .start()
        .await;
    let held = killed_in_a_create(&mut world, STOPPED).await;
    let vmid = world.vmid("web").await;
    world.sim.add_guest(SeedGuest::new(vmid, "stranger")).unwrap();
    world.start_drover();
    let vm = world.wait_vm("web", "Ready", "Unknown", "PresenceUnknown").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(message.contains("taken by somebody else"), "{message}");
    // The stranger's goes, and the call arrives after all.
    world.sim.destroy(vmid).unwrap();
    held.release();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, vmid);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
}

#[tokio::test]
async fn number_that_a_stranger_took_is_given_up_once_no_create_of_ours_can_arrive() {
    let mut world = World::new("settled-number").await;
    let held = killed_in_a_create(&mut world, STOPPED).await;
    let vmid = world.vmid("web").await;
    world.sim.add_guest(SeedGuest::new(vmid, "stranger")).unwrap();
    let stranger = world.sim.guest(vmid);
    world.start_drover();
    world.wait_ready("web").await;
    assert!(world.vmid("web").await > vmid);
    held.release();
    assert_eq!(world.sim.guest(vmid), stranger);
    assert_one_guest_each(&world, &["web".to_owned()]).await;
}
