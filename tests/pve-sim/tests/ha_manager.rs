//! What the HA stack's manager makes good by itself, whatever came between.

use std::time::Duration;

use pve_sim::{Saved, Seed, Simulator, Timing};
use serde_json::json;

use crate::client::{Lab, eventually};
use crate::ha::{is_running, managed, pair, service};

/// The manager doesn't come round.
fn idle() -> Timing {
    Timing {
        ha_reaction: Duration::from_hours(1),
        ..Timing::instant()
    }
}

/// The manager comes round, and is sure of a lost node after a moment.
fn quick() -> Timing {
    Timing {
        ha_fencing: Duration::from_millis(20),
        ..Timing::instant()
    }
}

async fn running(timing: Timing) -> Lab {
    let lab = Lab::start(pair().with_timing(timing)).await;
    lab.post("/cluster/ha/resources", &[("sid", "vm:300")])
        .await
        .data();
    eventually("it runs", async || is_running(&lab)).await;
    lab
}

/// Time in which the manager comes round ten times, and nothing tells of it.
async fn ten_rounds(lab: &Lab) {
    tokio::time::sleep(lab.sim.timing().ha_reaction * 10).await;
}

async fn reloaded(mut lab: Lab, timing: Timing) -> Lab {
    let saved = Saved::read(&lab.sim.save()).unwrap();
    lab.sim = Simulator::load(saved, &Seed::default()).await.unwrap();
    lab.sim.set_timing(timing);
    lab
}

#[tokio::test]
async fn orders_that_were_not_carried_out_are_after_a_load() {
    let lab = Lab::start(pair().with_timing(idle())).await;
    lab.post("/cluster/ha/resources", &[("sid", "vm:300")])
        .await
        .data();
    let form = [("node", "pve2")];
    lab.post("/cluster/ha/resources/vm:300/migrate", &form)
        .await
        .data();
    assert!(!is_running(&lab));
    let lab = reloaded(lab, quick()).await;
    eventually("it runs where it was sent", async || {
        is_running(&lab) && lab.sim.guest(300).unwrap().node == "pve2"
    })
    .await;
}

#[tokio::test]
async fn a_node_that_was_lost_before_a_save_is_given_up_after_the_load() {
    let slow = Timing {
        ha_fencing: Duration::from_hours(1),
        ..Timing::instant()
    };
    let lab = running(slow).await;
    lab.sim.set_node_online("pve1", false).unwrap();
    let lab = reloaded(lab, quick()).await;
    eventually("it runs elsewhere", async || {
        is_running(&lab) && lab.sim.guest(300).unwrap().node == "pve2"
    })
    .await;
}

#[tokio::test]
async fn what_was_ordered_before_the_quorum_went_is_done_when_it_is_back() {
    let lab = Lab::start(pair().with_timing(idle())).await;
    lab.post("/cluster/ha/resources", &[("sid", "vm:300")])
        .await
        .data();
    lab.sim.set_quorum(false);
    lab.sim.set_timing(quick());
    ten_rounds(&lab).await;
    assert!(!is_running(&lab));
    lab.sim.set_quorum(true);
    eventually("it is started", async || is_running(&lab)).await;
    assert_eq!(service(&lab).await["state"], "started");
}

#[tokio::test]
async fn a_guest_that_loses_its_power_is_started_again() {
    let lab = running(quick()).await;
    let starts = lab.sim.guest(300).unwrap().starts;
    lab.sim.power_off(300).unwrap();
    eventually("it is started again", async || {
        lab.sim.guest(300).unwrap().starts == starts + 1
    })
    .await;
}

#[tokio::test]
async fn a_locked_guest_is_let_be_until_it_is_unlocked() {
    let lab = running(quick()).await;
    lab.sim.lock(300, Some("backup")).unwrap();
    lab.sim.power_off(300).unwrap();
    ten_rounds(&lab).await;
    assert!(!is_running(&lab));
    lab.sim.lock(300, None).unwrap();
    eventually("it is started", async || is_running(&lab)).await;
}

#[tokio::test]
async fn a_disarmed_stack_does_nothing_until_it_is_armed() {
    let lab = running(quick()).await;
    let form = [("resource-mode", "freeze")];
    lab.post("/cluster/ha/status/disarm-ha", &form).await.data();
    lab.sim.power_off(300).unwrap();
    ten_rounds(&lab).await;
    assert!(!is_running(&lab));
    lab.post("/cluster/ha/status/arm-ha", &[]).await.data();
    eventually("it is started", async || is_running(&lab)).await;
}

#[tokio::test]
async fn a_node_that_was_lost_without_quorum_is_given_up_when_it_is_back() {
    let lab = running(quick()).await;
    lab.sim.set_quorum(false);
    lab.sim.set_node_online("pve1", false).unwrap();
    // The time for fencing passes.
    tokio::time::sleep(lab.sim.timing().ha_fencing * 3).await;
    assert_eq!(lab.sim.guest(300).unwrap().node, "pve1");
    lab.sim.set_quorum(true);
    eventually("it runs elsewhere", async || {
        lab.sim.guest(300).unwrap().node == "pve2" && is_running(&lab)
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_started_waits_to_be_disabled() {
    let lab = managed("stopped").await;
    lab.sim.remove_volume("pve1", "ceph:vm-300-disk-0").unwrap();
    lab.put("/cluster/ha/resources/vm:300", &[("state", "started")])
        .await
        .data();
    eventually("it fails", async || service(&lab).await["state"] == "error").await;
    lab.put("/cluster/ha/resources/vm:300", &[("state", "disabled")])
        .await
        .data();
    eventually("it is disabled", async || {
        service(&lab).await["crm_state"] == json!("stopped")
    })
    .await;
}
