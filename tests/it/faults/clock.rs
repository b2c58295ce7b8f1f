//! The clock of the operator is an hour off, either way: what nodes say of times is compared with nodes alone.

use jiff::SignedDuration;
use pve_sim::{Fault, Matcher};
use serde_json::json;

use super::{BLANK, CLONE, assert_one_guest_each, tasks};
use crate::ending::archives;
use crate::support::World;

async fn life(test: &str, off: SignedDuration) {
    let world = World::builder(test)
        .host(json!({"defaults": {"storage": "local-lvm", "bridge": "vmbr0", "backupStorage": "local"}}))
        .clock_off(off)
        .start()
        .await;
    for path in ["/nodes/*/qemu", "/nodes/*/qemu/9000/clone"] {
        world
            .sim
            .fault(Fault::lost_answer(Matcher::new("POST", path)).times(1));
    }
    world.apply_vm("blank", BLANK).await;
    world.apply_vm("copy", CLONE).await;
    world.wait_ready("blank").await;
    world.wait_ready("copy").await;
    assert_one_guest_each(&world, &["blank".to_owned(), "copy".to_owned()]).await;
    assert_eq!((tasks(&world, "qmcreate"), tasks(&world, "qmclone")), (1, 1));
    let vmid = world.vmid("blank").await;
    world
        .patch_vm("blank", json!({"spec": {"deletionPolicy": "BackupAndDelete"}}))
        .await;
    world.delete_vm("blank").await;
    world.wait_vm_gone("blank").await;
    assert_eq!((world.sim.guest(vmid), archives(&world, vmid).len()), (None, 1));
    world.delete_vm("copy").await;
    world.wait_vm_gone("copy").await;
    assert_eq!(tasks(&world, "qmdestroy"), 2);
}

#[tokio::test]
async fn operator_whose_clock_is_an_hour_fast_doubles_and_loses_nothing() {
    life("clock-fast", SignedDuration::from_hours(1)).await;
}

#[tokio::test]
async fn operator_whose_clock_is_an_hour_slow_doubles_and_loses_nothing() {
    life("clock-slow", SignedDuration::from_hours(-1)).await;
}
