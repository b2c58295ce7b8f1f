//! Requests that stop at a known instant.

use std::sync::Arc;
use std::time::Duration;

use pve_sim::{Mark, Matcher, Seed};
use reqwest::Method;

use crate::client::{DEADLINE, Lab, eventually};

#[tokio::test]
async fn before_it_acts_nothing_is_done() {
    let lab = Arc::new(Lab::instant(Seed::default()).await);
    let mark = lab
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    let own = Arc::clone(&lab);
    let call = tokio::spawn(async move { own.post("/nodes/pve1/qemu", &[("vmid", "100")]).await });
    tokio::time::timeout(DEADLINE, mark.reached()).await.unwrap();
    assert!(lab.sim.guest(100).is_none());
    mark.release();
    assert_eq!(call.await.unwrap().status, 200);
    assert!(lab.sim.guest(100).is_some());
}

#[tokio::test]
async fn after_the_act_it_is_done_and_not_answered() {
    let lab = Arc::new(Lab::instant(Seed::default()).await);
    let mark = lab
        .sim
        .hold_after(Matcher::new("POST", "/nodes/*/qemu"), Mark::AfterAct, 1);
    lab.done(lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await)
        .await;
    assert!(!mark.is_reached());
    let own = Arc::clone(&lab);
    let call = tokio::spawn(async move { own.post("/nodes/pve1/qemu", &[("vmid", "101")]).await });
    tokio::time::timeout(DEADLINE, mark.reached()).await.unwrap();
    assert!(lab.sim.guest(101).is_some());
    assert!(!call.is_finished());
    drop(mark);
    assert_eq!(call.await.unwrap().status, 200);
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
    // Give the closed connection time to be noticed: the work must outlive that.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(lab.sim.guest(100).is_none());
    mark.release();
    eventually("the request acts", async || lab.sim.guest(100).is_some()).await;
}
