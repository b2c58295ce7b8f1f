//! Pausing, saving to disk, resuming; what only root may do.

use pve_sim::{Seed, SeedGuest, Shutdown};

use crate::client::Lab;

const STATUS: &str = "/nodes/pve1/qemu/100/status";

async fn lab() -> Lab {
    Lab::instant(Seed::default().with_guest(SeedGuest::new(100, "web").running())).await
}

async fn exit(lab: &Lab, verb: &str, form: &[(&str, &str)]) -> String {
    let answer = lab.post(&format!("{STATUS}/{verb}"), form).await;
    lab.exit_of(&answer).await
}

#[tokio::test]
async fn a_paused_guest_runs_and_can_only_be_stopped_by_force() {
    let lab = lab().await;
    assert_eq!(exit(&lab, "suspend", &[]).await, "OK");
    let current = lab.get(&format!("{STATUS}/current")).await.data();
    assert_eq!(
        (&current["status"], &current["qmpstatus"]),
        (&"running".into(), &"paused".into())
    );
    let refused = lab.post(&format!("{STATUS}/shutdown"), &[]).await;
    assert_eq!(refused.reason, "VM is paused - cannot shutdown");
    assert_eq!(exit(&lab, "resume", &[]).await, "OK");
    assert_eq!(exit(&lab, "resume", &[]).await, "OK");
    assert_eq!(
        lab.get(&format!("{STATUS}/current")).await.data()["qmpstatus"],
        "running"
    );
}

#[tokio::test]
async fn a_guest_on_disk_is_locked_until_it_is_resumed() {
    let lab = lab().await;
    let config = "/nodes/pve1/qemu/100/config";
    lab.put(config, &[("memory", "2048")]).await.data();
    assert_eq!(exit(&lab, "suspend", &[("todisk", "1")]).await, "OK");
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!((guest.running, guest.lock.as_deref()), (false, Some("suspended")));
    let state = guest.config["vmstate"].clone();
    assert!(lab.sim.volumes("pve1").contains(&state));
    assert_eq!(
        lab.put(config, &[("cores", "2")]).await.reason,
        "VM is locked (suspended)"
    );
    assert_eq!(exit(&lab, "resume", &[]).await, "OK");
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!((guest.running, guest.lock.as_deref()), (true, None));
    assert!(!lab.sim.volumes("pve1").contains(&state));
    // The same memory goes on, so that what waits for a start waits on.
    assert!(guest.pending.contains_key("memory"));
}

#[tokio::test]
async fn the_state_of_a_guest_on_disk_can_be_thrown_away() {
    let lab = lab().await;
    assert_eq!(exit(&lab, "suspend", &[("todisk", "1")]).await, "OK");
    let state = lab.sim.guest(100).unwrap().config["vmstate"].clone();
    let form = [("delete", "vmstate")];
    lab.put("/nodes/pve1/qemu/100/config", &form).await.data();
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!(guest.lock, None);
    assert!(!guest.config.contains_key("runningmachine"));
    assert!(!lab.sim.volumes("pve1").contains(&state));
}

#[tokio::test]
async fn what_does_not_run_is_neither_paused_nor_reset() {
    let lab = lab().await;
    lab.sim.power_off(100).unwrap();
    for verb in ["suspend", "resume", "reset", "reboot"] {
        let refused = lab.post(&format!("{STATUS}/{verb}"), &[]).await;
        assert_eq!(
            (refused.status, refused.reason.as_str()),
            (500, "VM 100 not running"),
            "{verb}"
        );
    }
    assert_eq!(exit(&lab, "stop", &[]).await, "OK");
    assert_eq!(exit(&lab, "shutdown", &[]).await, "OK");
}

#[tokio::test]
async fn a_stopped_guest_is_stopped_whatever_lock_it_has() {
    let lab = lab().await;
    lab.sim.lock(100, Some("backup")).unwrap();
    assert_eq!(exit(&lab, "stop", &[]).await, "VM is locked (backup)");
    lab.sim.power_off(100).unwrap();
    assert_eq!(exit(&lab, "stop", &[]).await, "OK");
}

#[tokio::test]
async fn a_token_of_roots_is_not_root() {
    let lab = lab().await;
    for (verb, name) in [
        ("start", "skiplock"),
        ("stop", "keepActive"),
        ("resume", "nocheck"),
    ] {
        let refused = lab.post(&format!("{STATUS}/{verb}"), &[(name, "1")]).await;
        assert_eq!(refused.error_of(name), "Only root may use this option.");
    }
}

#[tokio::test]
async fn force_ends_a_guest_that_ignores_its_shutdown() {
    let lab = lab().await;
    lab.sim.set_shutdown(100, Shutdown::Ignores).unwrap();
    let form = [("timeout", "0"), ("forceStop", "1")];
    assert_eq!(exit(&lab, "shutdown", &form).await, "OK");
    assert!(!lab.sim.guest(100).unwrap().running);
}
