//! Backups and what can be made of them.

use std::time::Duration;

use pve_sim::{Seed, SeedGuest, Timing};
use serde_json::{Value, json};

use crate::client::{Lab, eventually};

fn seed() -> Seed {
    Seed::default()
        .with_guest(SeedGuest::new(100, "web").set("description", "marked"))
        .with_guest(SeedGuest::container(200, "db"))
}

async fn back_up(lab: &Lab, form: &[(&str, &str)]) -> String {
    let answer = lab.post("/nodes/pve1/vzdump", form).await;
    lab.exit_of(&answer).await
}

async fn archives(lab: &Lab) -> Vec<Value> {
    let rows = lab
        .get("/nodes/pve1/storage/local/content?content=backup")
        .await
        .data();
    rows.as_array().unwrap().clone()
}

async fn log_of(lab: &Lab, upid: &str) -> Vec<String> {
    let path = format!("/nodes/pve1/tasks/{upid}/log?limit=500");
    let rows = lab.get(&path).await.data();
    let lines = rows.as_array().unwrap().iter();
    lines.map(|row| row["t"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_restored_machine_is_as_it_was() {
    let lab = Lab::instant(seed()).await;
    let form = [
        ("vmid", "100"),
        ("storage", "local"),
        ("compress", "zstd"),
        ("notes-template", "{{guestname}} on {{node}}"),
        ("protected", "1"),
    ];
    assert_eq!(back_up(&lab, &form).await, "OK");
    let backup = archives(&lab).await.remove(0);
    assert_eq!(
        (&backup["vmid"], &backup["subtype"], &backup["format"]),
        (&json!(100), &json!("qemu"), &json!("vma.zst"))
    );
    assert_eq!(
        (&backup["notes"], &backup["protected"]),
        (&json!("web on pve1"), &json!(1))
    );
    let archive = backup["volid"].as_str().unwrap();
    let text = lab
        .get(&format!("/nodes/pve1/vzdump/extractconfig?volume={archive}"))
        .await
        .data();
    assert!(text.as_str().unwrap().contains("name: web\n"), "{text}");

    let before = lab.sim.guest(100).unwrap();
    let taken = lab
        .post("/nodes/pve1/qemu", &[("vmid", "100"), ("archive", archive)])
        .await;
    assert_eq!(
        taken.reason,
        "unable to restore VM 100 - VM 100 already exists on node 'pve1'"
    );
    let form = [("vmid", "300"), ("archive", archive), ("unique", "1")];
    let answer = lab.post("/nodes/pve1/qemu", &form).await;
    assert!(answer.data().as_str().unwrap().contains(":qmrestore:300:"));
    lab.done(answer).await;
    let restored = lab.sim.guest(300).unwrap();
    assert_eq!(restored.config["description"], "marked");
    assert_eq!(restored.config["scsi0"], "local-lvm:vm-300-disk-0,size=8G");
    assert_ne!(restored.config["net0"], before.config["net0"]);
    assert_ne!(restored.uuid, before.uuid);

    lab.sim
        .change_config(100, &[("description", Some("other"))])
        .unwrap();
    let form = [("vmid", "100"), ("archive", archive), ("force", "1")];
    lab.done(lab.post("/nodes/pve1/qemu", &form).await).await;
    let restored = lab.sim.guest(100).unwrap();
    assert_eq!(restored.config["description"], "marked");
    assert_eq!(restored.config["net0"], before.config["net0"]);
    assert_eq!(restored.uuid, before.uuid);
}

#[tokio::test]
async fn a_restored_container_is_as_it_was() {
    let lab = Lab::instant(seed()).await;
    assert_eq!(back_up(&lab, &[("vmid", "200")]).await, "OK");
    let backup = archives(&lab).await.remove(0);
    let archive = backup["volid"].as_str().unwrap();
    assert!(archive.starts_with("local:backup/vzdump-lxc-200-"), "{archive}");
    let form = [
        ("vmid", "201"),
        ("ostemplate", archive),
        ("restore", "1"),
        ("storage", "local-lvm"),
        ("hostname", "copy"),
    ];
    lab.done(lab.post("/nodes/pve1/lxc", &form).await).await;
    let (old, new) = (lab.sim.guest(200).unwrap(), lab.sim.guest(201).unwrap());
    assert_eq!(new.config["hostname"], "copy");
    assert_eq!(new.config["net0"], old.config["net0"]);
    assert_eq!(new.config["rootfs"], "local-lvm:vm-201-disk-0,size=8G");

    let machine = lab
        .post("/nodes/pve1/qemu", &[("vmid", "400"), ("archive", archive)])
        .await;
    let exit = lab.exit_of(&machine).await;
    assert!(
        exit.ends_with("does not look like a QemuServer vzdump backup"),
        "{exit}"
    );
}

#[tokio::test]
async fn one_failure_fails_the_job_and_not_the_others() {
    let lab = Lab::instant(seed()).await;
    lab.sim.lock(100, Some("snapshot")).unwrap();
    let form = [("vmid", "100,200,999"), ("storage", "local")];
    let answer = lab.post("/nodes/pve1/vzdump", &form).await;
    let upid = answer.data().as_str().unwrap().to_owned();
    assert!(upid.contains(":vzdump::root@pam!drover:"), "{upid}");
    assert_eq!(lab.exit_of(&answer).await, "job errors");
    let log = log_of(&lab, &upid).await;
    for line in [
        "ERROR: Backup of VM 100 failed - VM is locked (snapshot)",
        "ERROR: Backup of VM 999 failed - unable to find VM '999'",
        "INFO: Backup job finished with errors",
    ] {
        assert!(log.iter().any(|l| l == line), "{line}: {log:?}");
    }
    assert_eq!(archives(&lab).await.len(), 1);
    assert_eq!(lab.sim.guest(100).unwrap().lock.as_deref(), Some("snapshot"));
    assert_eq!(lab.sim.guest(200).unwrap().lock, None);
}

#[tokio::test]
async fn a_node_backs_up_one_after_the_other() {
    let mut timing = Timing::instant();
    timing.backup_base = Duration::from_hours(1);
    let lab = Lab::start(seed().with_timing(timing)).await;
    let first = lab.post("/nodes/pve1/vzdump", &[("vmid", "100")]).await;
    let first = first.data().as_str().unwrap().to_owned();
    eventually("the first is at it", async || {
        lab.sim.guest(100).unwrap().lock.as_deref() == Some("backup")
    })
    .await;
    let second = lab.post("/nodes/pve1/vzdump", &[("vmid", "200")]).await;
    let second = second.data().as_str().unwrap().to_owned();
    eventually("the second waits", async || {
        log_of(&lab, &second).await[0] == "INFO: trying to get global lock - waiting..."
    })
    .await;
    lab.sim.set_timing(Timing::instant());
    lab.delete(&format!("/nodes/pve1/tasks/{first}")).await.data();
    eventually("the second is done", async || {
        let path = format!("/nodes/pve1/tasks/{second}/status");
        lab.get(&path).await.data()["exitstatus"] == "OK"
    })
    .await;
    assert_eq!(lab.sim.guest(100).unwrap().lock, None);
}

#[tokio::test]
async fn a_backup_of_nothing_or_to_nowhere_is_refused() {
    let lab = Lab::instant(seed()).await;
    let nothing = lab.post("/nodes/pve1/vzdump", &[("storage", "local")]).await;
    assert_eq!(nothing.error_of("vmid"), "property is missing");
    let both = lab
        .post("/nodes/pve1/vzdump", &[("all", "1"), ("vmid", "100")])
        .await;
    assert_eq!(both.error_of("all"), "option conflicts with option 'vmid'");
    assert_eq!(
        back_up(&lab, &[("vmid", "100"), ("storage", "nosuch")]).await,
        "could not get storage information for 'nosuch': storage 'nosuch' does not exist"
    );
    assert_eq!(
        back_up(&lab, &[("vmid", "100"), ("storage", "local-lvm")]).await,
        "could not get storage information for 'local-lvm': can't use storage 'local-lvm' for backups - wrong content type"
    );
}

#[tokio::test]
async fn old_backups_are_pruned_but_for_protected_ones() {
    let lab = Lab::instant(seed()).await;
    for _ in 0..3 {
        assert_eq!(back_up(&lab, &[("vmid", "200")]).await, "OK");
    }
    let oldest = archives(&lab).await.remove(0)["volid"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!(
        "/nodes/pve1/storage/local/content/{}",
        oldest.replace(':', "%3A").replace('/', "%2F")
    );
    lab.put(&path, &[("protected", "1")]).await.data();
    let refused = lab.delete(&path).await;
    let exit = lab.exit_of(&refused).await;
    assert!(
        exit.starts_with("cannot remove protected volume 'backup/vzdump-lxc-200-"),
        "{exit}"
    );

    let prune = "/nodes/pve1/storage/local/prunebackups?prune-backups=keep-last%3D1";
    let rows = lab.get(prune).await.data();
    let mut marks: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["mark"].as_str().unwrap())
        .collect();
    marks.sort_unstable();
    assert_eq!(marks, ["keep", "protected", "remove"]);
    assert_eq!(archives(&lab).await.len(), 3);
    lab.done(lab.delete(prune).await).await;
    assert_eq!(archives(&lab).await.len(), 2);

    let form = [("vmid", "200"), ("prune-backups", "keep-last=1")];
    assert_eq!(back_up(&lab, &form).await, "OK");
    assert_eq!(archives(&lab).await.len(), 2);
}

#[tokio::test]
async fn a_running_guest_goes_on_running() {
    let lab = Lab::instant(seed()).await;
    lab.sim.power_on(100).unwrap();
    lab.sim.power_on(200).unwrap();
    for mode in ["snapshot", "suspend", "stop"] {
        let form = [("vmid", "100,200"), ("mode", mode)];
        assert_eq!(back_up(&lab, &form).await, "OK", "{mode}");
        assert!(lab.sim.guest(100).unwrap().running && lab.sim.guest(200).unwrap().running);
    }
}

#[tokio::test]
async fn running_jobs_can_be_stopped() {
    let mut timing = Timing::instant();
    timing.backup_base = Duration::from_hours(1);
    let lab = Lab::start(seed().with_timing(timing)).await;
    let job = lab.post("/nodes/pve1/vzdump", &[("vmid", "100")]).await;
    eventually("it is at it", async || {
        lab.sim.guest(100).unwrap().lock.as_deref() == Some("backup")
    })
    .await;
    let stopped = lab.post("/nodes/pve1/vzdump", &[("stop", "1")]).await;
    assert_eq!(stopped.data(), "OK");
    assert_eq!(lab.exit_of(&job).await, "unexpected status");
    assert_eq!(lab.sim.guest(100).unwrap().lock, None);
}

#[tokio::test]
async fn so_many_backups_can_be_protected() {
    let lab = Lab::instant(seed()).await;
    lab.put("/storage/local", &[("max-protected-backups", "1")])
        .await
        .data();
    for _ in 0..2 {
        assert_eq!(back_up(&lab, &[("vmid", "200")]).await, "OK");
    }
    let mut answers = Vec::new();
    for backup in archives(&lab).await {
        let volid = backup["volid"].as_str().unwrap().to_owned();
        let volid = volid.replace(':', "%3A").replace('/', "%2F");
        let path = format!("/nodes/pve1/storage/local/content/{volid}");
        answers.push(lab.put(&path, &[("protected", "1")]).await);
    }
    assert_eq!(answers[0].status, 200);
    assert_eq!(
        answers[1].reason,
        "The number of protected backups per guest is limited to 1 on storage 'local'"
    );
}

#[tokio::test]
async fn a_restored_template_is_one_again() {
    let lab = Lab::instant(seed()).await;
    lab.post("/nodes/pve1/lxc/200/template", &[]).await.data();
    eventually("a template", async || lab.sim.guest(200).unwrap().template).await;
    assert_eq!(back_up(&lab, &[("vmid", "200")]).await, "OK");
    let backup = archives(&lab).await.remove(0);
    let form = [
        ("vmid", "201"),
        ("ostemplate", backup["volid"].as_str().unwrap()),
        ("restore", "1"),
        ("storage", "local-lvm"),
    ];
    lab.done(lab.post("/nodes/pve1/lxc", &form).await).await;
    let restored = lab.sim.guest(201).unwrap();
    assert!(restored.template);
    assert_eq!(restored.config["rootfs"], "local-lvm:base-201-disk-0,size=8G");
}
