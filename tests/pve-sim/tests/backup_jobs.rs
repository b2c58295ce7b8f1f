//! Backup jobs, what they cover, and schedules.

use pve_sim::{HandsError, Release, Rights, Saved, Seed, SeedGuest, SeedToken, Simulator};
use serde_json::{Value, json};

use crate::client::{Lab, eventually};

async fn lab() -> Lab {
    let seed = Seed {
        template: false,
        ..Seed::default()
    };
    let seed = seed
        .with_guest(SeedGuest::new(100, "web"))
        .with_guest(SeedGuest::new(101, "db").set("scsi1", "local-lvm:vm-101-disk-1,size=4G,backup=0"));
    Lab::instant(seed).await
}

async fn jobs(lab: &Lab) -> Vec<Value> {
    lab.get("/cluster/backup")
        .await
        .data()
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_job_without_a_name_gets_one_that_nobody_is_told() {
    let lab = lab().await;
    let form = [
        ("schedule", "mon..fri 02:00"),
        ("vmid", "100"),
        ("prune-backups", "keep-last=3"),
    ];
    assert_eq!(lab.post("/cluster/backup", &form).await.data(), Value::Null);
    let rows = jobs(&lab).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"].as_str().unwrap().len(), 36);
    assert_eq!(rows[0]["prune-backups"], json!({"keep-last": "3"}));
    assert_eq!(
        (&rows[0]["enabled"], &rows[0]["type"]),
        (&json!(1), &json!("vzdump"))
    );
    assert!(rows[0]["next-run"].is_i64());
    let one = lab
        .get(&format!("/cluster/backup/{}", rows[0]["id"].as_str().unwrap()))
        .await;
    assert!(one.data().get("next-run").is_none());
}

#[tokio::test]
async fn the_old_way_to_say_when_becomes_a_schedule() {
    let lab = lab().await;
    let form = [
        ("starttime", "03:00"),
        ("dow", "mon,tue"),
        ("all", "1"),
        ("id", "old"),
    ];
    lab.post("/cluster/backup", &form).await.data();
    assert_eq!(
        lab.get("/cluster/backup/old").await.data()["schedule"],
        "mon,tue 03:00"
    );
    let both = [("starttime", "03:00"), ("schedule", "03:00"), ("all", "1")];
    let answer = lab.post("/cluster/backup", &both).await;
    assert_eq!(answer.status, 400);
    let neither = lab.post("/cluster/backup", &[("all", "1")]).await;
    assert_eq!(
        neither.error_of("schedule"),
        "neither 'starttime' nor 'schedule' were set"
    );
    let days = lab.post("/cluster/backup", &[("dow", "mon"), ("all", "1")]).await;
    assert_eq!(days.error_of("starttime"), "missing property required by 'dow'");
}

#[tokio::test]
async fn what_is_wrong_with_the_selection_is_a_500_that_speaks_of_400() {
    let lab = lab().await;
    let wrong = async |form: &[(&str, &str)]| {
        let answer = lab.post("/cluster/backup", form).await;
        assert_eq!(
            (answer.status, answer.reason.as_str()),
            (500, "400 Parameter verification failed.")
        );
        let body = answer.json();
        assert!(body.get("errors").is_none());
        body["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        wrong(&[("schedule", "02:00")]).await,
        "400 Parameter verification failed.\nvmid: property is missing\n"
    );
    let message = wrong(&[("schedule", "02:00"), ("vmid", "100"), ("all", "1")]).await;
    assert!(message.ends_with("all: option conflicts with option 'vmid'\n"));
    let gone = lab.delete("/cluster/backup/none").await;
    assert_eq!(gone.status, 500);
    assert_eq!(
        lab.get("/cluster/backup/none").await.error_of("id"),
        "No such job 'none'"
    );
    assert_eq!(jobs(&lab).await.len(), 0);
}

#[tokio::test]
async fn a_change_of_the_selection_takes_the_place_of_the_old_one() {
    let lab = lab().await;
    let form = [
        ("schedule", "02:00"),
        ("vmid", "100"),
        ("id", "night"),
        ("comment", "x"),
    ];
    lab.post("/cluster/backup", &form).await.data();
    lab.put(
        "/cluster/backup/night",
        &[("all", "1"), ("enabled", "0"), ("delete", "comment")],
    )
    .await
    .data();
    let job = lab.get("/cluster/backup/night").await.data();
    assert_eq!((&job["all"], &job["enabled"]), (&json!(1), &json!(0)));
    assert!(job.get("vmid").is_none() && job.get("comment").is_none());
    assert_eq!(job["schedule"], "02:00");
    assert_eq!(lab.delete("/cluster/backup/night").await.data(), Value::Null);
    assert_eq!(jobs(&lab).await.len(), 0);
}

#[tokio::test]
async fn a_job_says_which_volumes_it_includes_and_who_is_in_none() {
    let lab = lab().await;
    let uncovered = async || {
        let rows = lab.get("/cluster/backup-info/not-backed-up").await.data();
        let numbers = rows.as_array().unwrap().iter().map(|row| row["vmid"].clone());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(uncovered().await, [json!(100), json!(101)]);
    let form = [("schedule", "02:00"), ("vmid", "101,777"), ("id", "night")];
    lab.post("/cluster/backup", &form).await.data();
    assert_eq!(uncovered().await, [json!(100)]);
    let tree = lab.get("/cluster/backup/night/included_volumes").await.data();
    let guests = tree["children"].as_array().unwrap();
    assert_eq!(guests[1], json!({"id": 777, "type": "unknown", "leaf": 1}));
    let volumes = guests[0]["children"].as_array().unwrap();
    let said: Vec<(&str, i64, &str)> = volumes
        .iter()
        .map(|v| {
            let text = |key: &str| v[key].as_str().unwrap();
            (text("id"), v["included"].as_i64().unwrap(), text("reason"))
        })
        .collect();
    assert_eq!(
        said,
        [("101:scsi0", 1, "backup=yes"), ("101:scsi1", 0, "backup=no")]
    );
    lab.put("/cluster/backup/night", &[("exclude", "100"), ("all", "1")])
        .await
        .data();
    assert_eq!(uncovered().await, [json!(100)]);
}

#[tokio::test]
async fn options_of_a_release_are_not_known_to_others() {
    let nine = lab().await;
    let form = [("schedule", "02:00"), ("all", "1"), ("maxfiles", "3")];
    assert!(
        nine.post("/cluster/backup", &form)
            .await
            .error_of("maxfiles")
            .contains("not defined")
    );
    let eight = Lab::instant(Seed::default().with_release(Release::V8_4)).await;
    assert_eq!(eight.post("/cluster/backup", &form).await.status, 200);
    let seven = Lab::instant(Seed::default().with_release(Release::V7_4)).await;
    let fleecing = [("schedule", "02:00"), ("all", "1"), ("fleecing", "enabled=1")];
    assert_eq!(seven.post("/cluster/backup", &fleecing).await.status, 400);
}

#[tokio::test]
async fn jobs_are_for_those_who_may_audit_and_modify() {
    let rights = vec![Rights::new("/", &["Sys.Audit"])];
    let seed = Seed::default().with_token(SeedToken::limited("root@pam!reader", "s", rights));
    let mut lab = Lab::instant(seed).await;
    lab.token("root@pam!reader", "s");
    assert_eq!(lab.get("/cluster/backup").await.status, 200);
    let answer = lab
        .post("/cluster/backup", &[("schedule", "02:00"), ("all", "1")])
        .await;
    assert_eq!(answer.reason, "Permission check failed (/, Sys.Modify)");
}

#[tokio::test]
async fn a_job_is_not_written_without_quorum() {
    let lab = lab().await;
    lab.sim.set_quorum(false);
    let answer = lab
        .post("/cluster/backup", &[("schedule", "02:00"), ("all", "1")])
        .await;
    assert_eq!(answer.reason, "cfs-lock 'file-jobs_cfg' error: no quorum!");
}

#[tokio::test]
async fn a_schedule_is_told_when_it_comes() {
    let lab = lab().await;
    let path = "/cluster/jobs/schedule-analyze?schedule=sat%2002:30&iterations=2&starttime=1795317583";
    assert_eq!(
        lab.get(path).await.data(),
        json!([
            {"timestamp": 1_795_833_000, "utc": "Sat Nov 28 02:30:00 2026"},
            {"timestamp": 1_796_437_800, "utc": "Sat Dec  5 02:30:00 2026"},
        ])
    );
    let garbage = lab.get("/cluster/jobs/schedule-analyze?schedule=garbage").await;
    assert_eq!(
        garbage.error_of("schedule"),
        "invalid format - invalid calendar event 'garbage' - unable to parse calendar event\n\n"
    );
}

/// The archives of a guest.
async fn archives(lab: &Lab, vmid: u32) -> Vec<Value> {
    let path = format!("/nodes/pve1/storage/local/content?content=backup&vmid={vmid}");
    lab.get(&path).await.data().as_array().unwrap().clone()
}

#[tokio::test]
async fn a_job_that_is_due_backs_up_as_it_says() {
    let lab = lab().await;
    let form = [
        ("id", "often"),
        // Every second.
        ("schedule", "*:*:*"),
        ("vmid", "100"),
        ("storage", "local"),
        ("mode", "stop"),
        ("notes-template", "{{guestname}} by night"),
        ("prune-backups", "keep-last=1"),
    ];
    lab.post("/cluster/backup", &form).await.data();
    eventually("an archive is there", async || {
        !archives(&lab, 100).await.is_empty()
    })
    .await;
    assert_eq!(archives(&lab, 100).await[0]["notes"], "web by night");
    let first = archives(&lab, 100).await[0]["volid"].clone();
    eventually("the next one takes its place", async || {
        let left = archives(&lab, 100).await;
        left.len() == 1 && left[0]["volid"] != first
    })
    .await;
    let tasks = lab.get("/nodes/pve1/tasks?typefilter=vzdump").await.data();
    assert_eq!(tasks[0]["user"], "root@pam");
}

#[tokio::test]
async fn a_job_that_is_not_enabled_runs_only_when_told_to() {
    let lab = lab().await;
    let form = [
        ("id", "off"),
        ("schedule", "*:*:*"),
        ("all", "1"),
        ("exclude", "101"),
        ("storage", "local"),
        ("enabled", "0"),
    ];
    lab.post("/cluster/backup", &form).await.data();
    // One that is due each second has run by then.
    let other = [
        ("id", "on"),
        ("schedule", "*:*:*"),
        ("vmid", "101"),
        ("storage", "local"),
    ];
    lab.post("/cluster/backup", &other).await.data();
    eventually("the other job runs", async || {
        !archives(&lab, 101).await.is_empty()
    })
    .await;
    assert_eq!(archives(&lab, 100).await, Vec::<Value>::new());
    lab.sim.run_backup_job("off").unwrap();
    eventually("it runs", async || !archives(&lab, 100).await.is_empty()).await;
    let unknown = lab.sim.run_backup_job("gone");
    assert_eq!(unknown, Err(HandsError::NoJob("gone".to_owned())));
}

#[tokio::test]
async fn a_job_that_was_missed_while_the_state_lay_saved_runs_if_it_says_so() {
    let mut lab = lab().await;
    for (id, vmid, again) in [("again", "100", "1"), ("lost", "101", "0")] {
        let form = [
            ("id", id),
            ("schedule", "2-29 00:00"),
            ("vmid", vmid),
            ("storage", "local"),
            ("repeat-missed", again),
        ];
        lab.post("/cluster/backup", &form).await.data();
    }
    let saved = lab.sim.save();
    let (before, rest) = saved.split_once("\"jobs_planned\":").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    // As if it had been saved before the last leap day.
    let long_ago = format!("{before}\"jobs_planned\":1700000000,{after}");
    let saved = Saved::read(&long_ago).unwrap();
    lab.sim = Simulator::load(saved, &Seed::default()).await.unwrap();
    eventually("the one runs", async || !archives(&lab, 100).await.is_empty()).await;
    assert!(lab.sim.idle(std::time::Duration::from_secs(10)).await);
    assert_eq!(archives(&lab, 101).await, Vec::<Value>::new());
}
