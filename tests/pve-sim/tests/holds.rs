//! Requests that stop at a known instant.

use pve_sim::{Mark, Matcher, Seed};
use reqwest::Method;

use crate::client::{DEADLINE, Lab, eventually};

#[tokio::test]
async fn before_it_acts_nothing_is_done() {
    let lab = Lab::instant(Seed::default()).await;
    let mark = lab
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    let call = lab.post("/nodes/pve1/qemu", &[("vmid", "100")]);
    let hands = async {
        tokio::time::timeout(DEADLINE, mark.reached()).await.unwrap();
        assert!(lab.sim.guest(100).is_none());
        mark.release();
    };
    let (answer, ()) = tokio::join!(call, hands);
    assert_eq!(answer.status, 200);
    assert!(lab.sim.guest(100).is_some());
}

#[tokio::test]
async fn after_the_act_it_is_done_and_not_answered() {
    let lab = Lab::instant(Seed::default()).await;
    let mark = lab
        .sim
        .hold_after(Matcher::new("POST", "/nodes/*/qemu"), Mark::AfterAct, 1);
    lab.done(lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await)
        .await;
    assert!(!mark.is_reached());
    let call = lab.post("/nodes/pve1/qemu", &[("vmid", "101")]);
    let hands = async {
        tokio::time::timeout(DEADLINE, mark.reached()).await.unwrap();
        assert!(lab.sim.guest(101).is_some());
        assert_eq!(lab.sim.requests().0.last().unwrap().status, None);
        drop(mark);
    };
    let (answer, ()) = tokio::join!(call, hands);
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_held_request_acts_although_its_client_has_gone() {
    let lab = Lab::instant(Seed::default()).await;
    let mark = lab
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    let call = lab.try_call(Method::POST, "/nodes/pve1/qemu", &[("vmid", "100")]);
    tokio::select! {
        _ = call => panic!("answered although held"),
        () = mark.reached() => {}
    }
    // Further exchanges give the server time to see the closed connection: the work has to outlive it.
    for _ in 0..10 {
        lab.get("/version").await;
    }
    assert!(lab.sim.guest(100).is_none());
    mark.release();
    eventually("the request acts", async || lab.sim.guest(100).is_some()).await;
}
