//! Each kind of fault, and that it hits whom it should.

use std::time::{Duration, Instant};

use pve_sim::{Fault, Mark, Matcher, Seed};
use reqwest::Method;

use crate::client::{DEADLINE, Lab, eventually};

#[tokio::test]
async fn a_delay_comes_before_the_act() {
    let lab = Lab::instant(Seed::default()).await;
    let delay = Duration::from_millis(200);
    lab.sim
        .fault(Fault::delay(Matcher::new("GET", "/version"), delay).times(1));
    let begun = Instant::now();
    lab.get("/version").await;
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn a_refused_request_does_nothing() {
    let lab = Lab::instant(Seed::default()).await;
    lab.sim
        .fault(Fault::refuse(Matcher::new("POST", "/nodes/*/qemu")).times(1));
    let create = [("vmid", "100")];
    assert!(
        lab.try_call(Method::POST, "/nodes/pve1/qemu", &create)
            .await
            .is_err()
    );
    assert!(lab.sim.guest(100).is_none());
    lab.done(lab.post("/nodes/pve1/qemu", &create).await).await;
}

#[tokio::test]
async fn a_lost_answer_leaves_the_act_done() {
    let lab = Lab::instant(Seed::default()).await;
    lab.sim
        .fault(Fault::lost_answer(Matcher::new("POST", "/nodes/*/qemu")).times(1));
    assert!(
        lab.try_call(Method::POST, "/nodes/pve1/qemu", &[("vmid", "100")])
            .await
            .is_err()
    );
    assert!(lab.sim.guest(100).is_some());
    let log = lab.sim.requests().matching("POST", "/nodes/*/qemu");
    assert_eq!(
        (log.len(), log.0[0].status, log.0[0].answered),
        (1, Some(200), false)
    );
}

#[tokio::test]
async fn a_status_is_answered_with_its_sentence() {
    let lab = Lab::instant(Seed::default()).await;
    let nodes = Matcher::new("GET", "/nodes/pve1/**");
    let id = lab
        .sim
        .fault(Fault::status(nodes, 595, "Connection refused").skip(1));
    assert_eq!(lab.get("/nodes/pve1/qemu").await.status, 200);
    for _ in 0..2 {
        let answer = lab.get("/nodes/pve1/qemu").await;
        assert_eq!(
            (answer.status, answer.reason.as_str(), answer.text.as_str()),
            (595, "Connection refused", "")
        );
    }
    assert!(lab.sim.clear_fault(id));
    assert_eq!(lab.get("/nodes/pve1/qemu").await.status, 200);
    lab.sim.fault(Fault::status(Matcher::any(), 500, "out of luck"));
    assert_eq!(lab.get("/version").await.json()["message"], "out of luck\n");
}

#[tokio::test]
async fn a_task_fails_and_cleans_up() {
    let lab = Lab::instant(Seed::default()).await;
    let exit = "clone failed: can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout";
    lab.sim.fault(Fault::task_error("qmclone", exit).times(1));
    let clone = async || lab.post("/nodes/pve1/qemu/9000/clone", &[("newid", "200")]).await;
    assert_eq!(lab.exit_of(&clone().await).await, exit);
    assert!(lab.sim.guest(200).is_none());
    assert_eq!(lab.exit_of(&clone().await).await, "OK");
}

#[tokio::test]
async fn a_warning_is_a_success() {
    let lab = Lab::instant(Seed::default()).await;
    lab.sim.fault(Fault::task_error("qmcreate", "WARNINGS: 1"));
    let create = lab
        .post("/nodes/pve1/qemu", &[("vmid", "100"), ("name", "web")])
        .await;
    assert_eq!(lab.exit_of(&create).await, "WARNINGS: 1");
    assert_eq!(lab.sim.guest(100).unwrap().name.as_deref(), Some("web"));
    let errors = lab.get("/nodes/pve1/tasks?errors=1").await.data();
    assert_eq!(errors.as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_hanging_task_ends_only_by_force() {
    let lab = Lab::instant(Seed::default()).await;
    lab.sim.fault(
        Fault::task_hang("qmcreate")
            .on(Matcher::new("POST", "/nodes/pve1/qemu"))
            .times(1),
    );
    let create = lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await;
    let upid = create.data().as_str().unwrap().to_owned();
    assert!(!lab.sim.idle(Duration::from_millis(50)).await);
    assert_eq!(lab.sim.guest(100).unwrap().lock.as_deref(), Some("create"));
    lab.delete(&format!("/nodes/pve1/tasks/{upid}")).await.data();
    eventually("the task ends", async || lab.sim.idle(Duration::ZERO).await).await;
    assert!(lab.sim.guest(100).is_none());
}

#[tokio::test]
async fn a_request_that_a_status_answers_passes_the_mark_before_the_act_alone() {
    let lab = Lab::instant(Seed::default()).await;
    let version = Matcher::new("GET", "/version");
    let before = lab.sim.hold(version.clone(), Mark::BeforeAct);
    let after = lab.sim.hold(version.clone(), Mark::AfterAct);
    lab.sim.fault(Fault::status(version, 500, "no").times(1));
    let hands = async {
        tokio::time::timeout(DEADLINE, before.reached()).await.unwrap();
        before.release();
    };
    let (answer, ()) = tokio::join!(lab.get("/version"), hands);
    assert_eq!(answer.status, 500);
    assert!(!after.is_reached());
}

#[tokio::test]
async fn the_number_of_a_fault_is_not_given_out_again() {
    let lab = Lab::instant(Seed::default()).await;
    let first = lab.sim.fault(Fault::refuse(Matcher::new("GET", "/nowhere")));
    lab.sim.clear_faults();
    let second = lab.sim.fault(Fault::refuse(Matcher::new("GET", "/nowhere")));
    assert_ne!(first, second);
    assert!(!lab.sim.clear_fault(first));
    assert!(lab.sim.clear_fault(second));
}
