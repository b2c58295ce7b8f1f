//! Whole files: what is new, as declared, changed and only looked at, and a mistake among others.

use serde_json::json;

use super::{SMALL, machine, planned};
use crate::support::World;

#[tokio::test]
async fn plan_tells_what_the_operator_would_do_and_does_nothing() {
    let world = World::new("plan").await;
    let web = machine(&world, "web", SMALL);
    let new = planned(&world, &web).await;
    assert_eq!(new.code, Some(2), "{new:?}");
    let made = "machine 'web' is made on ProxmoxNode";
    assert!(
        new.printed.contains(made) && new.printed.ends_with("\n1 changes\n"),
        "{new:?}"
    );
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let same = planned(&world, &web).await;
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(
        same.printed.contains("as declared") && same.printed.ends_with("\n0 changes\n"),
        "{same:?}"
    );

    let other = "
powerState: Stopped
cpu: {cores: 2, limit: 1.5}
memory: {size: 64Mi}
disks: [{name: scsi0, size: 2Gi}]";
    let changed = planned(&world, &machine(&world, "web", other)).await;
    assert_eq!(changed.code, Some(2), "{changed:?}");
    for line in [
        "cpu.cores: 1 -> 2 (waits for a reboot)\n",
        "cpu.limit: 0 -> 1.5\n",
        "disks[scsi0].size: 1Gi -> 2Gi\n",
        "-> none (DESTROYS DATA)\n",
        "powerState: Running -> Stopped\n",
        "\n5 changes\n",
    ] {
        assert!(changed.printed.contains(line), "{line} in:\n{}", changed.printed);
    }

    // What it told is what is done.
    world.apply_vm("web", other).await;
    world
        .wait_guest(world.vmid("web").await, "to be as it was told", |guest| {
            let config = &guest.config;
            let shape = config["cores"] == "2" && config.get("cpulimit").is_some_and(|limit| limit == "1.5");
            let disks = config["scsi0"].contains("size=2G") && !config.contains_key("scsi1");
            shape && disks && !guest.running
        })
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn what_is_only_looked_at_and_what_is_lost_is_told() {
    let world = World::builder("plan-seen")
        .seed(|seed| seed.with_foreign_vms(3))
        .start()
        .await;
    let seen = "vmid: 101\nmanagementPolicy: Observe\ntags: [prod]";
    let seen = planned(&world, &machine(&world, "seen", seen)).await;
    assert!(
        seen.code == Some(0) && seen.printed.contains("only looked at"),
        "{seen:?}"
    );
    assert!(seen.printed.contains("tags: none -> prod (reported"), "{seen:?}");
    let none = "vmid: 777\nmanagementPolicy: Observe";
    super::held(&world, "none", "{}", none, "NothingToObserve").await;

    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let before = world.vmid("web").await;
    world.sim.recycle(before).unwrap();
    let vm = world.wait_vm("web", "Ready", "False", "GuestLost").await;
    let web = machine(&world, "web", SMALL);
    let lost = planned(&world, &web).await;
    let message = &crate::support::condition(&vm, "Ready").unwrap().message;
    assert!(lost.code == Some(1), "{lost:?}");
    assert!(
        lost.printed
            .contains(&format!("needs a person (GuestLost): {message}\n")),
        "{lost:?}"
    );
    let again = planned(&world, &format!("{web}  whenLost: Recreate\n")).await;
    assert!(
        again.code == Some(2)
            && again
                .printed
                .contains("is made again under a new number: machine 'web' is made"),
        "{again:?}"
    );
    world
        .patch_vm("web", json!({"spec": {"whenLost": "Recreate"}}))
        .await;
    world.wait_ready("web").await;
    assert_ne!(world.vmid("web").await, before);
}

#[tokio::test]
async fn mistaken_machine_does_not_hide_the_others() {
    let world = World::new("plan-several").await;
    world.apply_vm("old", SMALL).await;
    world.wait_ready("old").await;
    // No mistake looks like a change.
    let flagless = crate::support::drover(&["plan"]);
    assert!(
        flagless.code == Some(1) && flagless.said.contains("--filename"),
        "{flagless:?}"
    );
    let none = planned(&world, "kind: Pod\n").await;
    assert!(
        none.code == Some(1) && none.said.contains("declares no VirtualMachine"),
        "{none:?}"
    );
    let file = [
        machine(&world, "old", SMALL),
        // Refused by the API server, by the types, and by the operator.
        machine(
            &world,
            "refused",
            "disks: [{name: scsi0, size: 1Gi}, {name: scsi0, size: 1Gi}]",
        ),
        machine(&world, "mistyped", "cpu: {cores: many}"),
        machine(&world, "odd", "classRef: {name: nothing}"),
        "---\nkind: Pod\n".to_owned(),
        machine(&world, "new", SMALL),
        // What the file itself declares is no mistake, but a number may be given once.
        machine(&world, "copy", "source: {clone: {ref: {name: new}}}"),
        machine(&world, "first", &format!("{SMALL}\nvmid: 555")),
        machine(&world, "second", &format!("{SMALL}\nvmid: 555")),
        "---\napiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: other}\nspec: {template: {}}\n".to_owned(),
    ];
    let told = planned(&world, &file.concat()).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    let title = |name: &str| format!("{}/{name}: ", world.name);
    for (name, part) in [
        ("old", "machine 9001 on node pve1: as declared\n"),
        (
            "odd",
            "nothing is done\n  needs a person (ClassNotFound): there is no VirtualMachineClass 'nothing'",
        ),
        ("new", "machine 'new' is made on ProxmoxNode"),
        (
            "copy",
            "machine 'copy' is made as a copy of that of VirtualMachine 'new'",
        ),
        ("first", "machine 'first' is made on ProxmoxNode"),
        (
            "second",
            "nothing is done\n  needs a person (VmidTaken): number 555 (spec.vmid) is taken by another resource",
        ),
    ] {
        let line = title(name) + part;
        assert!(told.printed.contains(&line), "{line} in:\n{}", told.printed);
    }
    assert!(told.printed.ends_with("\n3 changes\n"), "{told:?}");
    for line in [
        format!(
            "drover: {}the API server refuses it: VirtualMachine.drover.dev \"refused\" is invalid: ",
            title("refused")
        ),
        "VirtualMachine 'mistyped' can't be understood".to_owned(),
        "Pod is not planned for".to_owned(),
        "drover: VirtualMachine of kubevirt.io/v1 is not planned for\n".to_owned(),
        "drover: 4 of 8 machines can't be as declared".to_owned(),
    ] {
        assert!(told.said.contains(&line), "{line} in:\n{}", told.said);
    }
    // Without the mistakes there are changes alone.
    let told = planned(&world, &[&file[0][..], &file[5], &file[6], &file[7]].concat()).await;
    assert!(
        told.code == Some(2) && told.printed.ends_with("\n3 changes\n") && told.said.is_empty(),
        "{told:?}"
    );
    // And what it told is what is done.
    for document in [&file[5], &file[6], &file[7]] {
        world.apply(document).await;
    }
    for name in ["new", "copy", "first"] {
        world.wait_ready(name).await;
    }
    let source = world.vmid("new").await;
    assert_eq!(
        world.sent("POST", &format!("/nodes/*/qemu/{source}/clone")).len(),
        1
    );
    assert_eq!(world.vmid("first").await, 555);
}

#[tokio::test]
async fn change_of_what_can_not_be_changed_is_told_in_the_words_of_the_api_server() {
    let world = World::new("plan-immutable").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    for (spec, part) in [
        (
            SMALL.replacen("1Gi", "512Mi", 1),
            "a disk can't shrink: size must not be less than before",
        ),
        (
            format!("{SMALL}\nfirmware: {{bios: ovmf, machine: q35}}\nsource: {{clone: {{vmid: 9000}}}}"),
            "source can't be changed",
        ),
        (format!("{SMALL}\nvmid: 777"), "vmid"),
    ] {
        let declared = machine(&world, "web", &spec);
        let told = planned(&world, &declared).await;
        let refused = world.try_apply(&declared).await.unwrap_err();
        let kube::Error::Api(status) = refused else {
            panic!("{refused}");
        };
        assert!(status.message.contains(part), "{}", status.message);
        let line = format!(
            "drover: {}/web: the API server refuses it: {}\n",
            world.name, status.message
        );
        assert!(
            told.code == Some(1) && told.printed == "0 changes\n" && told.said.contains(&line),
            "{line} in {told:?}"
        );
    }
}

#[tokio::test]
async fn paused_machine_is_told_and_nothing_counts() {
    let world = World::new("plan-paused").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let paused = json!({"metadata": {"annotations": {"drover.dev/paused": "true"}}});
    world.patch_vm("web", paused).await;
    world.wait_vm("web", "Paused", "True", "*").await;
    let told = planned(
        &world,
        &machine(&world, "web", &SMALL.replace("cores: 1", "cores: 2")),
    )
    .await;
    assert!(
        told.code == Some(0)
            && told.printed.contains("cpu.cores: 1 -> 2")
            && told.printed.ends_with("\n0 changes\n"),
        "{told:?}"
    );
}
