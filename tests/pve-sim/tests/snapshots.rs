//! Snapshots as a tree, and going back in it.

use pve_sim::{Seed, SeedGuest};
use serde_json::Value;

use crate::client::{Lab, eventually};

const GUEST: &str = "/nodes/pve1/qemu/100";

async fn lab() -> Lab {
    Lab::instant(Seed::default().with_guest(SeedGuest::new(100, "web"))).await
}

async fn take(lab: &Lab, name: &str) {
    lab.done(
        lab.post(&format!("{GUEST}/snapshot"), &[("snapname", name)])
            .await,
    )
    .await;
}

async fn back_to(lab: &Lab, name: &str) -> String {
    let answer = lab.post(&format!("{GUEST}/snapshot/{name}/rollback"), &[]).await;
    lab.exit_of(&answer).await
}

/// Parent by name.
async fn parent(lab: &Lab, name: &str) -> Option<String> {
    let rows = lab.get(&format!("{GUEST}/snapshot")).await.data();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name);
    row.unwrap()["parent"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn snapshots_form_a_tree_whose_children_move_up_when_one_goes() {
    let lab = lab().await;
    take(&lab, "s1").await;
    take(&lab, "s2").await;
    assert_eq!(back_to(&lab, "s1").await, "OK");
    take(&lab, "s3").await;
    assert_eq!(parent(&lab, "s2").await.as_deref(), Some("s1"));
    assert_eq!(parent(&lab, "s3").await.as_deref(), Some("s1"));
    assert_eq!(parent(&lab, "current").await.as_deref(), Some("s3"));
    lab.done(lab.delete(&format!("{GUEST}/snapshot/s1")).await).await;
    assert_eq!(parent(&lab, "s2").await, None);
    assert_eq!(parent(&lab, "s3").await, None);
}

#[tokio::test]
async fn rolling_back_restores_options_and_gives_a_new_generation() {
    let lab = lab().await;
    let before = lab.sim.guest(100).unwrap().config;
    take(&lab, "s1").await;
    let form = [("cores", "4"), ("description", "kept"), ("scsi1", "local-lvm:1")];
    lab.put(&format!("{GUEST}/config"), &form).await.data();
    assert_eq!(back_to(&lab, "s1").await, "OK");
    let config = lab.sim.guest(100).unwrap().config;
    assert_eq!(config["cores"], before["cores"]);
    assert_eq!(config["description"], "kept");
    assert_ne!(config["vmgenid"], before["vmgenid"]);
    assert_eq!(config["unused0"], "local-lvm:vm-100-disk-1");
    assert!(!config.contains_key("scsi1") && !config.contains_key("lock"));
}

#[tokio::test]
async fn a_running_guest_can_be_taken_with_its_memory_and_goes_on_from_there() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    let form = [("snapname", "live"), ("vmstate", "1")];
    lab.done(lab.post(&format!("{GUEST}/snapshot"), &form).await)
        .await;
    let state = "local-lvm:vm-100-state-live";
    let shown = lab.get(&format!("{GUEST}/snapshot/live/config")).await.data();
    assert_eq!(shown["vmstate"], state);
    assert!(lab.sim.volumes("pve1").contains(&state.to_owned()));
    lab.sim.power_off(100).unwrap();
    assert_eq!(back_to(&lab, "live").await, "OK");
    assert!(lab.sim.guest(100).unwrap().running);
    lab.done(lab.delete(&format!("{GUEST}/snapshot/live")).await)
        .await;
    assert!(!lab.sim.volumes("pve1").contains(&state.to_owned()));
}

#[tokio::test]
async fn what_cant_be_taken_is_said_by_the_task() {
    let lab = lab().await;
    take(&lab, "s1").await;
    let try_take = async |name: &str| {
        let answer = lab
            .post(&format!("{GUEST}/snapshot"), &[("snapname", name)])
            .await;
        lab.exit_of(&answer).await
    };
    assert_eq!(try_take("s1").await, "snapshot name 's1' already used");
    assert_eq!(back_to(&lab, "nope").await, "snapshot 'nope' does not exist");
    let reserved = lab
        .post(&format!("{GUEST}/snapshot"), &[("snapname", "current")])
        .await;
    assert_eq!(
        reserved.reason,
        "unable to use snapshot name 'current' (reserved name)"
    );
    lab.sim.lock(100, Some("backup")).unwrap();
    assert_eq!(try_take("s2").await, "VM is locked (backup)");
}

#[tokio::test]
async fn raw_files_have_no_snapshots() {
    let guest = SeedGuest::new(100, "web").set("scsi0", "local:100/vm-100-disk-0.raw,size=1G");
    let lab = Lab::instant(Seed::default().with_guest(guest)).await;
    let feature = lab.get(&format!("{GUEST}/feature?feature=snapshot")).await.data();
    assert_eq!(feature["hasFeature"], 0);
    let answer = lab
        .post(&format!("{GUEST}/snapshot"), &[("snapname", "s1")])
        .await;
    assert_eq!(lab.exit_of(&answer).await, "snapshot feature is not available");
    assert_eq!(lab.sim.guest(100).unwrap().lock, None);
}

#[tokio::test]
async fn a_snapshot_that_is_aborted_leaves_its_lock_behind() {
    let lab = lab().await;
    lab.sim.hold_tasks();
    let answer = lab
        .post(&format!("{GUEST}/snapshot"), &[("snapname", "s1")])
        .await;
    let upid = answer.data().as_str().unwrap().to_owned();
    eventually("the lock is written", async || {
        lab.sim.guest(100).unwrap().lock.is_some()
    })
    .await;
    lab.delete(&format!("/nodes/pve1/tasks/{upid}")).await.data();
    lab.sim.release_tasks();
    assert_eq!(lab.exit_of(&answer).await, "unexpected status");
    let rows = lab.get(&format!("{GUEST}/snapshot")).await.data();
    let states: Vec<&Value> = rows.as_array().unwrap().iter().map(|r| &r["snapstate"]).collect();
    assert!(states.contains(&&Value::from("prepare")), "{states:?}");
    let change = lab.put(&format!("{GUEST}/config"), &[("cores", "2")]).await;
    assert_eq!(change.reason, "VM is locked (snapshot)");
}

#[tokio::test]
async fn a_volume_in_a_snapshot_is_not_freed() {
    let lab = lab().await;
    take(&lab, "s1").await;
    let config = format!("{GUEST}/config");
    lab.put(&config, &[("delete", "scsi0")]).await.data();
    let refused = lab.put(&config, &[("delete", "unused0")]).await;
    assert_eq!(
        refused.reason,
        "unable to delete 'local-lvm:vm-100-disk-0' - volume is still in use (snapshot?)"
    );
}
