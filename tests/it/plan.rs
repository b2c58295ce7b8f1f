//! What would be done, told without doing it.

use std::fs;

use crate::support::{Ended, World, drover};

/// What the command says of a file.
fn planned(world: &World, text: &str) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("machines.yaml");
    fs::write(&file, text).unwrap();
    drover(&["plan", "-f", file.to_str().unwrap(), "-n", &world.name])
}

fn machine(world: &World, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1\nkind: VirtualMachine\nmetadata: {{name: {name}}}\nspec:\n  hostRef: {{kind: ProxmoxNode, \
         name: {}}}\n  {}\n",
        world.name,
        spec.trim().replace('\n', "\n  ")
    )
}

const SMALL: &str = "
powerState: Running
cpu: {cores: 1}
memory: {size: 64Mi}
disks: [{name: scsi0, size: 1Gi}, {name: scsi1, size: 1Gi, onRemove: Delete}]";

#[tokio::test]
async fn plan_tells_what_the_operator_would_do_and_does_nothing() {
    let world = World::new("plan").await;
    let web = machine(&world, "web", SMALL);
    let new = planned(&world, &web);
    assert_eq!(new.code, Some(2), "{new:?}");
    let made = "machine 'web' is made on ProxmoxNode";
    assert!(
        new.printed.contains(made) && new.printed.ends_with("\n1 changes\n"),
        "{new:?}"
    );
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let position = world.sim.position();
    let same = planned(&world, &web);
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(
        same.printed.contains("as declared") && same.printed.ends_with("\n0 changes\n"),
        "{same:?}"
    );
    let before = world.vm("web").await;

    let other = "
powerState: Stopped
cpu: {cores: 2, limit: 1.5}
memory: {size: 64Mi}
disks: [{name: scsi0, size: 2Gi}]";
    let changed = planned(&world, &machine(&world, "web", other));
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
    assert!(world.sim.mutations().since(position).is_empty());
    let after = world.vm("web").await;
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);

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
async fn plan_tells_mistakes_holds_and_what_is_only_looked_at() {
    let world = World::builder("plan-held")
        .seed(|seed| seed.with_foreign_vms(3))
        .start()
        .await;
    let bad = "memory: {size: '1500'}\ndisks: [{name: scsi0, size: 1Gi}]";
    let bad = planned(&world, &machine(&world, "bad", bad));
    assert!(bad.code == Some(1) && bad.said.contains("whole MiB"), "{bad:?}");
    let none = planned(&world, "kind: Pod\n");
    assert!(
        none.code == Some(1) && none.said.contains("declares no VirtualMachine"),
        "{none:?}"
    );

    let seen = "vmid: 101\nmanagementPolicy: Observe\ntags: [prod]";
    let seen = planned(&world, &machine(&world, "seen", seen));
    assert!(
        seen.code == Some(0) && seen.printed.contains("only looked at"),
        "{seen:?}"
    );
    assert!(seen.printed.contains("tags: none -> prod (reported"), "{seen:?}");

    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    world.sim.recycle(world.vmid("web").await).unwrap();
    let lost = planned(&world, &machine(&world, "web", SMALL));
    assert!(lost.code == Some(0), "{lost:?}");
    assert!(
        lost.printed.contains("not the one that this resource had"),
        "{lost:?}"
    );
}
