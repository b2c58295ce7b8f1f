//! Each thing that can happen behind the API's back, ordered as JSON, by what the API shows afterwards.

use pve_sim::{Happening, Seed, SeedGuest, SeedToken};
use serde_json::{Value, json};

use crate::client::Lab;

/// Two nodes, the guest 105 on the first one, and a token `root@pam!other` with the secret `s`.
async fn lab() -> Lab {
    let seed = Seed::nodes(2)
        .with_guest(SeedGuest::new(105, "db"))
        .with_token(SeedToken::full("root@pam!other", "s"));
    Lab::instant(seed).await
}

impl Lab {
    /// Over the admin API.
    async fn happens(&self, happening: Value) {
        let url = format!("{}/happenings", self.sim.admin_url());
        let answer = self.http.post(url).json(&happening).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (200, "{}"),
            "{happening}"
        );
    }

    async fn current(&self) -> Value {
        self.get("/nodes/pve1/qemu/105/status/current").await.data()
    }

    async fn config(&self) -> Value {
        self.get("/nodes/pve1/qemu/105/config").await.data()
    }
}

#[tokio::test]
async fn a_guest_is_started_and_loses_its_power() {
    let lab = lab().await;
    lab.happens(json!({"happen": "power-on", "vmid": 105})).await;
    assert_eq!(lab.current().await["status"], "running");
    lab.happens(json!({"happen": "power-off", "vmid": 105})).await;
    assert_eq!(lab.current().await["status"], "stopped");
}

#[tokio::test]
async fn a_guest_is_edited_renamed_and_locked() {
    let lab = lab().await;
    lab.happens(json!({"happen": "reconfigure", "vmid": 105, "config": {"cores": "7", "agent": null}}))
        .await;
    lab.happens(json!({"happen": "rename", "vmid": 105, "name": "other"}))
        .await;
    let config = lab.config().await;
    assert_eq!((&config["cores"], &config["name"]), (&json!(7), &json!("other")));
    assert!(config["agent"].is_null());
    lab.happens(json!({"happen": "lock", "vmid": 105, "lock": "backup"}))
        .await;
    let refused = lab.put("/nodes/pve1/qemu/105/config", &[("cores", "1")]).await;
    assert_eq!(refused.reason, "VM is locked (backup)");
    lab.happens(json!({"happen": "lock", "vmid": 105})).await;
    lab.put("/nodes/pve1/qemu/105/config", &[("cores", "1")])
        .await
        .data();
}

#[tokio::test]
async fn a_guest_is_destroyed_recycled_copied_moved_and_made() {
    let lab = lab().await;
    let before = lab.config().await["smbios1"].clone();
    lab.happens(json!({"happen": "recycle", "vmid": 105})).await;
    assert_ne!(lab.config().await["smbios1"], before);
    lab.happens(json!({"happen": "copy", "vmid": 105, "new_vmid": 106, "name": "copy"}))
        .await;
    lab.happens(json!({"happen": "move", "vmid": 106, "node": "pve2"}))
        .await;
    assert_eq!(
        lab.get("/nodes/pve2/qemu/106/config").await.data()["name"],
        "copy"
    );
    lab.happens(json!({"happen": "destroy", "vmid": 105})).await;
    assert_eq!(lab.get("/nodes/pve1/qemu/105/config").await.status, 500);
    lab.happens(json!({"happen": "appear", "guest": {"vmid": 105, "config": {"name": "new"}}}))
        .await;
    assert_eq!(lab.config().await["name"], "new");
}

#[tokio::test]
async fn a_guest_stops_listening_and_loses_its_agent() {
    let lab = lab().await;
    lab.happens(json!({"happen": "power-on", "vmid": 105})).await;
    lab.happens(json!({"happen": "behave", "vmid": 105, "shutdown": "ignores", "agent": false}))
        .await;
    let agent = lab.get("/nodes/pve1/qemu/105/agent/network-get-interfaces").await;
    assert_eq!(agent.reason, "QEMU guest agent is not running");
    let shutdown = lab.post("/nodes/pve1/qemu/105/status/shutdown", &[]).await;
    assert_eq!(
        lab.exit_of(&shutdown).await,
        "VM quit/powerdown failed - got timeout"
    );
}

#[tokio::test]
async fn nodes_quorum_and_the_listener_go_and_come_back() {
    let lab = lab().await;
    lab.happens(json!({"happen": "node", "node": "pve2", "online": false}))
        .await;
    assert_eq!(lab.get("/nodes/pve2/status").await.status, 595);
    lab.happens(json!({"happen": "node", "node": "pve2", "online": true}))
        .await;
    assert_eq!(lab.get("/nodes/pve2/status").await.status, 200);
    lab.happens(json!({"happen": "quorum", "quorate": false})).await;
    assert_eq!(lab.post("/nodes/pve1/qemu", &[("vmid", "200")]).await.status, 500);
    lab.happens(json!({"happen": "quorum", "quorate": true})).await;
    assert_eq!(lab.post("/nodes/pve1/qemu", &[("vmid", "200")]).await.status, 200);
    lab.happens(json!({"happen": "listener", "up": false})).await;
    assert!(lab.try_call(reqwest::Method::GET, "/version", &[]).await.is_err());
    lab.happens(json!({"happen": "listener", "up": true})).await;
    assert_eq!(lab.get("/version").await.status, 200);
}

#[tokio::test]
async fn tokens_are_made_limited_changed_and_removed() {
    let mut lab = lab().await;
    lab.token("root@pam!other", "s");
    lab.happens(json!({"happen": "rights", "token": "root@pam!other", "rights": []}))
        .await;
    assert_eq!(lab.get("/nodes/pve1/qemu/105/config").await.status, 403);
    lab.happens(json!({"happen": "rights", "token": "root@pam!other", "rights": null}))
        .await;
    assert_eq!(lab.get("/nodes/pve1/qemu/105/config").await.status, 200);
    lab.happens(json!({"happen": "secret", "token": "root@pam!other", "secret": "t"}))
        .await;
    assert_eq!(lab.get("/version").await.status, 401);
    lab.token("root@pam!other", "t");
    lab.happens(json!({"happen": "revoke", "token": "root@pam!other"}))
        .await;
    assert_eq!(lab.get("/version").await.status, 401);
    lab.happens(json!({"happen": "grant", "token": {"id": "root@pam!other", "secret": "t"}}))
        .await;
    assert_eq!(lab.get("/version").await.status, 200);
}

#[tokio::test]
async fn a_volume_vanishes_under_its_guest() {
    let lab = lab().await;
    let volid = "local-lvm:vm-105-disk-0";
    lab.happens(json!({"happen": "remove-volume", "node": "pve1", "volid": volid}))
        .await;
    assert!(!lab.sim.volumes("pve1").iter().any(|v| v == volid));
    let start = lab.post("/nodes/pve1/qemu/105/status/start", &[]).await;
    assert_ne!(lab.exit_of(&start).await, "OK");
}

#[tokio::test]
async fn who_wants_a_lock_file_that_is_taken_gives_up() {
    let lab = lab().await;
    lab.happens(json!({"happen": "lock-file", "vmid": 105, "taken": true}))
        .await;
    let start = async || lab.post("/nodes/pve1/qemu/105/status/start", &[]).await;
    assert_eq!(
        lab.exit_of(&start().await).await,
        "can't lock file '/var/lock/qemu-server/lock-105.conf' - got timeout"
    );
    lab.happens(json!({"happen": "lock-file", "vmid": 105, "taken": false}))
        .await;
    lab.done(start().await).await;
}

#[tokio::test]
async fn who_makes_a_volume_on_a_locked_storage_gives_up_and_leaves_nothing() {
    let lab = lab().await;
    lab.happens(json!({"happen": "storage-lock", "storage": "local-lvm", "taken": true}))
        .await;
    let clone = async || {
        lab.post("/nodes/pve1/qemu/9000/clone", &[("newid", "200"), ("full", "1")])
            .await
    };
    let timeout = "can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout";
    assert_eq!(
        lab.exit_of(&clone().await).await,
        format!("clone failed: {timeout}")
    );
    assert!(lab.sim.guest(200).is_none());
    let create = [("vmid", "201"), ("scsi0", "local-lvm:4")];
    let create = lab.post("/nodes/pve1/qemu", &create).await;
    assert!(lab.exit_of(&create).await.ends_with(timeout));
    let elsewhere = [("vmid", "202"), ("scsi0", "local-lvm:4")];
    lab.done(lab.post("/nodes/pve2/qemu", &elsewhere).await).await;
    lab.happens(json!({"happen": "storage-lock", "storage": "local-lvm", "taken": false}))
        .await;
    lab.done(clone().await).await;
}

#[tokio::test]
async fn tasks_are_held_and_go_on() {
    let lab = lab().await;
    lab.happens(json!({"happen": "tasks", "held": true})).await;
    let start = lab.post("/nodes/pve1/qemu/105/status/start", &[]).await;
    assert!(!lab.sim.idle(std::time::Duration::from_millis(50)).await);
    lab.happens(json!({"happen": "tasks", "held": false})).await;
    lab.done(start).await;
}

#[tokio::test]
async fn what_can_not_happen_is_refused_with_a_reason() {
    let lab = lab().await;
    let url = format!("{}/happenings", lab.sim.admin_url());
    for (happening, reason) in [
        (json!({"happen": "power-on", "vmid": 555}), "no guest 555"),
        (json!({"happen": "move", "vmid": 105, "node": "x"}), "no node 'x'"),
        (
            json!({"happen": "copy", "vmid": 105, "new_vmid": 105, "name": "x"}),
            "guest 105 exists",
        ),
        (json!({"happen": "revoke", "token": "x"}), "no token 'x'"),
        (
            json!({"happen": "grant", "token": {"id": "x", "secret": "s"}}),
            "'x' isn't a token's id",
        ),
        (
            json!({"happen": "storage-lock", "storage": "x", "taken": true}),
            "no storage 'x'",
        ),
        (json!({"happen": "explode"}), "explode"),
        (json!({"happen": "destroy"}), "vmid"),
    ] {
        let answer = lab.http.post(&url).json(&happening).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{happening}");
        assert!(answer.text().await.unwrap().contains(reason), "{happening}");
    }
    assert!(lab.sim.happen(Happening::Destroy { vmid: 105 }).await.is_ok());
    assert!(lab.sim.guest(105).is_none());
}
