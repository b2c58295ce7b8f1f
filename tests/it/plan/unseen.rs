//! What can't be seen, or is not done yet.

use kube::api::{Patch, PatchParams};
use pve_sim::{GuestView, Mark, Matcher, Rights, Seed, SeedGuest};
use serde_json::json;

use super::{SMALL, held, machine, planned};
use crate::support::{World, condition};

#[tokio::test]
async fn number_of_a_guest_that_the_token_does_not_show_is_told_as_the_condition_tells_it() {
    let mut diskless = SeedGuest::new(150, "db");
    diskless.config.retain(|key, _| !key.starts_with("scsi0"));
    let mut world = World::builder("plan-hidden")
        .seed(|seed| seed.with_guest(diskless))
        .without_drover()
        .start()
        .await;
    let token = world.sim.token_id().to_owned();
    let hidden = |vmid: u32| Some(vec![Rights::all("/"), Rights::new(format!("/vms/{vmid}"), &[])]);
    world.sim.set_rights(&token, hidden(150)).unwrap();
    world.start_drover();
    world.wait_host("Ready", "True", "Usable").await;
    held(&world, "web", "{}", &format!("{SMALL}\nvmid: 150"), "VmidTaken").await;

    // Nor is a machine made anew whose status was lost and that may still exist.
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.stop_drover().await;
    let nothing = Patch::Merge(json!({"status": null}));
    world
        .vms()
        .patch_status("web", &PatchParams::default(), &nothing)
        .await
        .unwrap();
    world.sim.set_rights(&token, hidden(vmid)).unwrap();
    let told = planned(&world, &machine(&world, "web", SMALL)).await;
    world.start_drover();
    let vm = world.wait_vm("web", "Ready", "Unknown", "PresenceUnknown").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        told.code == Some(1)
            && told
                .printed
                .contains(&format!("needs a person (PresenceUnknown): {message}\n")),
        "{message} in {told:?}"
    );
}

#[tokio::test]
async fn machine_that_is_being_made_is_a_change_until_it_is_there() {
    let world = World::new("plan-making").await;
    let web = machine(&world, "web", SMALL);
    let hold = world
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    world.apply(&web).await;
    hold.reached().await;
    let position = world.sim.position();
    let told = planned(&world, &web).await;
    let made = format!(
        "machine 'web' is made on ProxmoxNode '{}' under 9001: ",
        world.name
    );
    assert!(told.code == Some(2) && told.printed.contains(&made), "{told:?}");
    assert!(world.sim.mutations().since(position).is_empty());
    hold.release();
    world.wait_ready("web").await;
    assert_eq!(world.vmid("web").await, 9001);
    let told = planned(&world, &web).await;
    assert!(
        told.code == Some(0) && told.printed.contains("as declared"),
        "{told:?}"
    );
}

#[tokio::test]
async fn host_that_does_not_answer_is_asked_once_and_told_of_each_machine() {
    let world = World::new("plan-away").await;
    world.wait_host("Ready", "True", "Usable").await;
    world.sim.stop_listener();
    let both = machine(&world, "web", SMALL) + &machine(&world, "db", SMALL);
    let told = planned(&world, &both).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    let unreachable = told.printed.matches("needs a person (HostUnreachable): ").count();
    assert!(
        unreachable == 2 && told.printed.ends_with("\n0 changes\n") && told.said.contains("2 of 2 machines"),
        "{told:?}"
    );
}

#[tokio::test]
async fn another_member_of_the_cluster_answers_for_a_host_that_does_not() {
    let mut world = World::builder("plan-member")
        .seed(|seed| Seed { nodes: 2, ..seed })
        .start()
        .await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let second = format!("{}-2", world.name);
    let more =
        json!({"nodeName": "pve2", "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"}});
    world.declare(&second, more).await;
    world
        .wait_for(&world.hosts(), &second, "Ready", "True", "Usable")
        .await;
    // Nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    world
        .patch_host(&world.name, json!({"spec": {"port": port}}))
        .await;
    world.wait_host("Ready", "Unknown", "HostUnreachable").await;
    world.stop_drover().await;
    let tagged = format!("{SMALL}\ntags: [prod]");
    let both = machine(&world, "web", &tagged) + &machine(&world, "db", SMALL);
    let told = planned(&world, &both).await;
    let by = format!("its machines are looked at by ProxmoxNode '{second}'");
    let made = format!("machine 'db' is made on ProxmoxNode '{}' under ", world.name);
    assert!(
        told.code == Some(2)
            && told.said.matches(&by).count() == 1
            && told.printed.contains("tags: drover -> drover prod\n")
            && told.printed.contains(&made),
        "{told:?}"
    );
    // The operator goes the same way.
    world.start_drover();
    world.apply(&both).await;
    world.wait_ready("db").await;
    assert_eq!(world.guest("db").await.node, "pve1");
    let tagged = |guest: &GuestView| guest.config.get("tags").is_some_and(|tags| tags.contains("prod"));
    let vmid = world.vmid("web").await;
    world.wait_guest(vmid, "its tag", tagged).await;
    world.wait_host("Ready", "Unknown", "HostUnreachable").await;

    // Nobody answers for it any more.
    world.stop_drover().await;
    world.sim.stop_listener();
    let told = planned(&world, &both).await;
    assert!(
        told.code == Some(1)
            && told.printed.matches("needs a person (HostUnreachable): ").count() == 2
            && !told.said.contains(&by),
        "{told:?}"
    );
}
