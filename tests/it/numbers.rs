//! Numbers that are given again, where the host's owner allows that.

use pve_sim::Seed;
use serde_json::json;

use crate::{
    create::SMALL,
    ending::archives,
    support::{World, condition},
};

/// The machine is stalled for want of a number, and nothing was sent.
async fn assert_none_left(world: &World, name: &str, way: &str) {
    let position = world.sim.position();
    world.apply_vm(name, SMALL).await;
    let vm = world.wait_vm(name, "Stalled", "True", "VmidRangeExhausted").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("from 500 to 503") && message.contains(way),
        "{message}"
    );
    world.passes(name, 2).await;
    assert_eq!(world.vm(name).await.status.and_then(|s| s.vmid), None);
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn numbers_are_given_again_where_that_is_allowed_and_nothing_is_left_of_the_former_guest() {
    let world = World::builder("after-range")
        .host(json!({"vmidRange": {"min": 500, "max": 503}, "defaults": {"backupStorage": "local"}}))
        .start()
        .await;
    for (name, more, vmid) in [
        ("archived", "deletionPolicy: BackupAndDelete", 500),
        ("detached", "", 501),
        ("cleared", "", 502),
        ("stays", "", 503),
    ] {
        world.apply_vm(name, &format!("{SMALL}\n{more}")).await;
        world.wait_ready(name).await;
        assert_eq!(world.vmid(name).await, vmid, "{name}");
    }
    let cleared = world.guest("cleared").await.uuid;
    // Somebody took the disk out of its machine, and keeps it.
    world.sim.change_config(501, &[("scsi0", None)]).unwrap();
    for name in ["archived", "detached", "cleared"] {
        world.delete_vm(name).await;
        world.wait_vm_gone(name).await;
    }
    let archive = archives(&world, 500).remove(0);
    let disk = "local-lvm:vm-501-disk-0";
    assert!(world.sim.volumes("pve1").iter().any(|volume| volume == disk));

    assert_none_left(&world, "second", "allow vmidReuse: AfterRange").await;
    let reuse = json!({"spec": {"vmidReuse": "AfterRange"}});
    world.patch_host(&world.name, reuse).await;
    world.wait_ready("second").await;
    assert_eq!(
        world.vmid("second").await,
        502,
        "nothing is left of its guest alone"
    );
    let second = world.guest("second").await;
    assert!(
        second.uuid.is_some() && second.uuid != cleared,
        "it is another one"
    );

    // What is left of the others goes, and their numbers are given.
    assert_none_left(&world, "third", "remove the volumes and archives").await;
    world.sim.remove_volume("pve1", &archive).unwrap();
    world.wait_ready("third").await;
    assert_eq!(world.vmid("third").await, 500);
    assert_none_left(&world, "fourth", "remove the volumes and archives").await;
    world.sim.remove_volume("pve1", disk).unwrap();
    world.wait_ready("fourth").await;
    assert_eq!(world.vmid("fourth").await, 501);
    assert_none_left(&world, "fifth", "remove the volumes and archives").await;
}

#[tokio::test]
async fn waiting_for_a_majority_uses_no_numbers_up() {
    let world = World::builder("numbers-quorum")
        .seed(|seed| Seed { nodes: 3, ..seed })
        .host(json!({"vmidRange": {"min": 500, "max": 999}}))
        .start()
        .await;
    world.sim.set_quorum(false);
    let names = ["one", "two"];
    for name in names {
        world.apply_vm(name, SMALL).await;
    }
    for name in names {
        world.wait_vm(name, "Ready", "Unknown", "NotQuorate").await;
        world.passes(name, 5).await;
    }
    assert!(world.sim.mutations().is_empty());
    world.sim.set_quorum(true);
    let mut numbers = Vec::new();
    for name in names {
        world.wait_ready(name).await;
        numbers.push(world.vmid(name).await);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [500, 501]);
}
