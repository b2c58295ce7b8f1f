//! The agent inside a guest, and cloud-init.

use pve_sim::{Release, Rights, Seed, SeedGuest, SeedToken};

use crate::client::Lab;

const AGENT: &str = "/nodes/pve1/qemu/100/agent";

async fn lab() -> Lab {
    let guest = SeedGuest::new(100, "web").running();
    let lab = Lab::instant(Seed::default().with_guest(guest)).await;
    crate::client::eventually("the agent answers", async || {
        lab.post(&format!("{AGENT}/ping"), &[]).await.status == 200
    })
    .await;
    lab
}

#[tokio::test]
async fn what_was_written_into_a_guest_is_read_there() {
    let lab = lab().await;
    let file = [("file", "/etc/motd"), ("content", "hello")];
    assert!(
        lab.post(&format!("{AGENT}/file-write"), &file)
            .await
            .data()
            .is_null()
    );
    let read = lab.get(&format!("{AGENT}/file-read?file=/etc/motd")).await.data();
    assert_eq!(read["content"], "hello");
    let command = [("command", "cat"), ("command", "/etc/motd")];
    let pid = lab.post(&format!("{AGENT}/exec"), &command).await.data()["pid"].clone();
    let ended = lab.get(&format!("{AGENT}/exec-status?pid={pid}")).await.data();
    assert_eq!((&ended["exited"], &ended["exitcode"]), (&1.into(), &0.into()));
    assert_eq!(ended["out-data"], "hello");
    let again = lab.get(&format!("{AGENT}/exec-status?pid={pid}")).await;
    assert_eq!(again.reason, "Agent error: Invalid parameter 'pid'");
}

#[tokio::test]
async fn frozen_file_systems_stay_so_until_they_thaw() {
    let lab = lab().await;
    let state = async || lab.post(&format!("{AGENT}/fsfreeze-status"), &[]).await.data()["result"].clone();
    assert_eq!(state().await, "thawed");
    lab.post(&format!("{AGENT}/fsfreeze-freeze"), &[]).await.data();
    assert_eq!(state().await, "frozen");
    let thawed = lab.post(AGENT, &[("command", "fsfreeze-thaw")]).await.data();
    assert_eq!(thawed["result"], 1);
    assert_eq!(state().await, "thawed");
}

#[tokio::test]
async fn without_an_agent_every_call_says_why() {
    let lab = lab().await;
    let ping = async || lab.post(&format!("{AGENT}/ping"), &[]).await.reason;
    lab.sim.set_agent(100, false).unwrap();
    assert_eq!(ping().await, "QEMU guest agent is not running");
    lab.sim.power_off(100).unwrap();
    assert_eq!(ping().await, "VM 100 is not running");
    lab.put("/nodes/pve1/qemu/100/config", &[("agent", "0")])
        .await
        .data();
    assert_eq!(ping().await, "No QEMU guest agent configured");
}

#[tokio::test]
async fn the_privilege_for_the_agent_is_another_since_9() {
    for (release, privilege) in [
        (Release::V8_4, "VM.Monitor"),
        (Release::V9_2, "VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted"),
    ] {
        let rights = vec![Rights::new("/vms", &["VM.Audit"])];
        let seed = Seed::default()
            .with_release(release)
            .with_guest(SeedGuest::new(100, "web").running())
            .with_token(SeedToken::limited("root@pam!see", "secret", rights));
        let mut lab = Lab::instant(seed).await;
        lab.token("root@pam!see", "secret");
        let refused = lab.get(&format!("{AGENT}/get-osinfo")).await;
        assert_eq!(
            refused.reason,
            format!("Permission check failed (/vms/100, {privilege})")
        );
    }
}

#[tokio::test]
async fn cloud_init_is_rendered_from_the_options() {
    let lab = lab().await;
    let form = [
        ("ide2", "local:cloudinit"),
        ("ciuser", "admin"),
        ("ipconfig0", "ip=192.0.2.7/24,gw=192.0.2.1"),
        ("nameserver", "192.0.2.53"),
        ("searchdomain", "example.org"),
    ];
    lab.sim.power_off(100).unwrap();
    let path = "/nodes/pve1/qemu/100";
    let storage = [("content", "images,iso")];
    lab.put("/storage/local", &storage).await.data();
    lab.put(&format!("{path}/config"), &form).await.data();
    let dump = async |kind: &str| {
        lab.get(&format!("{path}/cloudinit/dump?type={kind}"))
            .await
            .data()
    };
    let user = dump("user").await;
    assert!(
        user.as_str()
            .unwrap()
            .contains("fqdn: web.example.org\nuser: admin\n"),
        "{user}"
    );
    let network = dump("network").await;
    let network = network.as_str().unwrap();
    assert!(
        network.contains(
            "address: '192.0.2.7'\n        netmask: '255.255.255.0'\n        gateway: '192.0.2.1'\n"
        ),
        "{network}"
    );
    assert!(
        network.contains("      - '192.0.2.53'\n      search:\n      - 'example.org'\n"),
        "{network}"
    );
}

#[tokio::test]
async fn what_cloud_init_was_not_told_yet_is_listed() {
    let lab = lab().await;
    let path = "/nodes/pve1/qemu/100";
    lab.sim.power_off(100).unwrap();
    lab.put("/storage/local", &[("content", "images,iso")])
        .await
        .data();
    let form = [
        ("ide2", "local:cloudinit"),
        ("ciuser", "old"),
        ("citype", "nocloud"),
    ];
    lab.put(&format!("{path}/config"), &form).await.data();
    lab.done(lab.post(&format!("{path}/status/start"), &[]).await)
        .await;
    let change = [
        ("ciuser", "new"),
        ("searchdomain", "example.org"),
        ("delete", "citype"),
    ];
    lab.put(&format!("{path}/config"), &change).await.data();
    let row = async |key: &str| {
        let rows = lab.get(&format!("{path}/cloudinit")).await.data();
        rows.as_array()
            .unwrap()
            .iter()
            .find(|r| r["key"] == key)
            .cloned()
            .unwrap()
    };
    assert_eq!(
        row("ciuser").await,
        serde_json::json!({"key": "ciuser", "value": "old", "pending": "new"})
    );
    assert_eq!(row("searchdomain").await["pending"], "example.org");
    assert_eq!(row("citype").await["delete"], 1);
    assert!(lab.put(&format!("{path}/cloudinit"), &[]).await.data().is_null());
    assert_eq!(
        row("ciuser").await,
        serde_json::json!({"key": "ciuser", "value": "new"})
    );
}
