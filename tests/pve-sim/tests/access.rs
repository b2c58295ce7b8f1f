//! Who may see and do what.

use std::time::{Duration, Instant};

use pve_sim::{Rights, Seed, SeedToken, Timing};
use serde_json::json;

use crate::client::Lab;

#[tokio::test]
async fn a_401_is_late_and_empty() {
    let mut timing = Timing::instant();
    timing.unauthorized_delay = Duration::from_millis(300);
    let mut lab = Lab::start(Seed::default().with_timing(timing)).await;
    let begun = Instant::now();
    lab.token("root@pam!drover", "wrong");
    let wrong = lab.get("/version").await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(
        (wrong.status, wrong.reason.as_str(), wrong.text.as_str()),
        (401, "Authentication failed!", "")
    );
    lab.token = "Basic eDp5".to_owned();
    assert_eq!(lab.get("/version").await.reason, "No ticket");
}

#[tokio::test]
async fn a_token_without_rights_sees_shorter_lists_and_is_refused_calls() {
    let seed = Seed::default()
        .with_foreign_vms(3)
        .with_token(SeedToken::limited("root@pam!none", "s", vec![]))
        .with_token(SeedToken::limited(
            "root@pam!one",
            "s",
            vec![Rights::new("/vms/101", &["VM.Audit"])],
        ));
    let mut lab = Lab::instant(seed).await;
    lab.token("root@pam!none", "s");
    for path in [
        "/nodes/pve1/qemu",
        "/cluster/resources?type=vm",
        "/nodes/pve1/storage",
        "/nodes/pve1/tasks",
    ] {
        assert_eq!(lab.get(path).await.data(), json!([]), "{path}");
    }
    assert_eq!(lab.get("/access/permissions").await.data(), json!({}));
    for vmid in ["101", "555"] {
        let denied = lab.get(&format!("/nodes/pve1/qemu/{vmid}/config")).await;
        assert_eq!(
            (denied.status, denied.reason),
            (403, format!("Permission check failed (/vms/{vmid}, VM.Audit)"))
        );
    }
    let create = lab.post("/nodes/pve1/qemu", &[("vmid", "200")]).await;
    assert_eq!(
        (create.status, create.reason.as_str()),
        (403, "Permission check failed")
    );

    lab.token("root@pam!one", "s");
    assert_eq!(
        lab.get("/nodes/pve1/qemu").await.data().as_array().unwrap().len(),
        1
    );
    assert_eq!(lab.get("/cluster/resources?type=vm").await.data()[0]["vmid"], 101);
    assert_eq!(lab.get("/nodes/pve1/qemu/101/config").await.status, 200);
    let start = lab.post("/nodes/pve1/qemu/101/status/start", &[]).await;
    assert_eq!(start.reason, "Permission check failed (/vms/101, VM.PowerMgmt)");
}

#[tokio::test]
async fn rights_and_secrets_change_in_the_middle() {
    let mut lab = Lab::instant(Seed::default().with_foreign_vms(1)).await;
    lab.sim.set_rights("root@pam!drover", Some(vec![])).unwrap();
    assert_eq!(lab.get("/nodes/pve1/qemu").await.data(), json!([]));
    lab.sim.set_rights("root@pam!drover", None).unwrap();
    assert_ne!(lab.get("/nodes/pve1/qemu").await.data(), json!([]));
    lab.sim.change_secret("root@pam!drover", "new").unwrap();
    assert_eq!(lab.get("/version").await.status, 401);
    lab.token("root@pam!drover", "new");
    assert_eq!(lab.get("/version").await.status, 200);
    lab.sim.revoke_token("root@pam!drover").unwrap();
    assert_eq!(lab.get("/version").await.status, 401);
}
