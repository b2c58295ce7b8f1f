//! Stories that run by themselves, what is told of them, and a state that is saved and taken up again.

use pve_sim::{Mark, Matcher, Saved, Scenario, Seed, SeedGuest, Simulator};
use serde_json::json;

use crate::client::{DEADLINE, Lab};

#[tokio::test]
async fn a_step_acts_while_its_request_stands_at_the_mark() {
    let lab = Lab::instant(Seed::nodes(2).with_guest(SeedGuest::new(105, "db"))).await;
    let scenario = "
steps:
  - when: {method: POST, path: '/nodes/*/qemu', mark: before-act}
    happen: [{happen: recycle, vmid: 105}, {happen: quorum, quorate: false}]
  - when: {method: POST, path: '/nodes/*/qemu', mark: after-answer}
    happen: [{happen: quorum, quorate: true}]
    faults: [{fault: status, method: GET, path: /version, status: 596, message: ''}]
";
    let before = lab.sim.guest(105).unwrap().uuid;
    let playing = lab.sim.play(Scenario::read(scenario).unwrap());
    let refused = lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await;
    assert_eq!(refused.reason, "cluster not ready - no quorum?");
    assert_ne!(lab.sim.guest(105).unwrap().uuid, before);
    tokio::time::timeout(DEADLINE, playing.finished())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lab.get("/version").await.status, 596);
    lab.done(lab.post("/nodes/pve1/qemu", &[("vmid", "100")]).await)
        .await;
}

#[tokio::test]
async fn a_step_that_can_not_be_carried_out_ends_the_scenario() {
    let lab = Lab::instant(Seed::default()).await;
    let text = "steps: [{happen: [{happen: destroy, vmid: 555}]}, {clear_faults: true}]";
    let playing = lab.sim.play(Scenario::read(text).unwrap());
    let end = tokio::time::timeout(DEADLINE, playing.finished()).await.unwrap();
    assert_eq!(end, Err("step 1: no guest 555".to_owned()));
    assert_eq!(playing.done(), 0);
}

#[tokio::test]
async fn the_admin_api_plays_scenarios_too() {
    let lab = Lab::instant(Seed::default().with_guest(SeedGuest::new(105, "db"))).await;
    let admin = format!("{}/scenarios", lab.sim.admin_url());
    let story =
        json!({"name": "lost", "steps": [{"after": 0.001, "happen": [{"happen": "destroy", "vmid": 105}]}]});
    let played = lab.http.post(&admin).json(&story).send().await.unwrap();
    assert_eq!(played.text().await.unwrap(), r#"{"id":1}"#);
    crate::client::eventually("the scenario ends", async || {
        let view = lab
            .http
            .get(format!("{admin}/1"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        view.contains(r#""finished":true"#)
    })
    .await;
    assert!(lab.sim.guest(105).is_none());
    let wrong = lab
        .http
        .post(&admin)
        .json(&json!({"steps": [{}]}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status().as_u16(), 400);
    assert!(wrong.text().await.unwrap().contains("nothing happens"));
}

#[tokio::test]
async fn what_happens_is_told_in_order() {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab.sim.power_on(100).unwrap();
    lab.sim.destroy(100).unwrap();
    let told: Vec<String> = lab
        .sim
        .events_since(0)
        .into_iter()
        .map(|event| event.text)
        .collect();
    let user = lab.sim.token_id();
    let expected = [
        format!("task qmcreate 100 on pve1 by {user} begins"),
        "POST /nodes/pve1/qemu: 200".to_owned(),
        format!("task qmcreate 100 on pve1 by {user} ends: OK"),
        "guest 100 is started by hand".to_owned(),
        "guest 100 is destroyed by hand".to_owned(),
    ];
    let mut rest = told.iter();
    for line in &expected[2..] {
        assert!(rest.any(|told| told == line), "{line} in {told:?}");
    }
    assert!(expected.iter().all(|line| told.contains(line)), "{told:?}");
}

#[tokio::test]
async fn an_answer_that_left_is_known() {
    let lab = Lab::instant(Seed::default()).await;
    let mark = lab.sim.hold(Matcher::new("GET", "/version"), Mark::AfterAnswer);
    lab.get("/nodes").await;
    assert!(!mark.is_reached());
    lab.get("/version").await;
    tokio::time::timeout(DEADLINE, mark.reached()).await.unwrap();
}

#[tokio::test]
async fn a_saved_state_is_taken_up_again() {
    let seed = Seed::nodes(2)
        .with_foreign_vms(4)
        .with_timing(pve_sim::Timing::scaled(0.001));
    let mut lab = Lab::start(seed).await;
    lab.sim.power_on(101).unwrap();
    let running = lab.post("/nodes/pve1/qemu/100/status/shutdown", &[]).await.data();
    let saved = lab.sim.save();
    let (fingerprint, guests) = (lab.sim.fingerprint().to_owned(), lab.sim.guests());

    let saved = Saved::read(&saved).unwrap();
    lab.sim = Simulator::load(saved, &Seed::default()).await.unwrap();
    assert_eq!(lab.sim.guests(), guests);
    assert_eq!(lab.sim.fingerprint(), fingerprint);
    let status = format!("/nodes/pve1/tasks/{}/status", running.as_str().unwrap());
    assert_eq!(lab.get(&status).await.data()["exitstatus"], "unexpected status");
    let row = &lab.get("/nodes/pve2/qemu/101/status/current").await.data();
    assert_eq!(row["status"], "running");
}

#[tokio::test]
async fn what_was_known_of_a_lost_node_is_still_known_when_the_state_is_taken_up() {
    let guest = SeedGuest::new(105, "db").on("pve2").running();
    let mut lab = Lab::instant(Seed::nodes(2).with_guest(guest)).await;
    lab.sim.refresh_resources();
    lab.sim.set_node_online("pve2", false).unwrap();
    let row = async |lab: &Lab| {
        let rows = lab.get("/cluster/resources?type=vm").await.data();
        let rows = rows.as_array().unwrap().clone();
        rows.into_iter().find(|row| row["vmid"] == 105).unwrap()
    };
    let before = row(&lab).await;
    assert_eq!(before["status"], "running");
    let saved = Saved::read(&lab.sim.save()).unwrap();
    lab.sim = Simulator::load(saved, &Seed::default()).await.unwrap();
    assert_eq!(row(&lab).await, before);
}

#[tokio::test]
async fn a_state_of_another_layout_is_refused() {
    let lab = Lab::instant(Seed::default()).await;
    let other = lab.sim.save().replacen("\"layout\":1", "\"layout\":2", 1);
    assert!(Saved::read(&other).unwrap_err().to_string().contains("layout 2"));
    assert!(Saved::read("{").is_err());
}
