//! Reading and changing configurations.

use pve_sim::Seed;
use serde_json::json;

use crate::client::Lab;

const CONFIG: &str = "/nodes/pve1/qemu/100/config";

async fn lab() -> Lab {
    let lab = Lab::instant(Seed::default()).await;
    lab.create(100).await;
    lab
}

#[tokio::test]
async fn parameters_are_checked_with_proxmox_sentences() {
    let lab = lab().await;
    let undefined = "property is not defined in schema and the schema does not allow additional properties";
    let bad = lab
        .post(
            "/nodes/pve1/qemu",
            &[("vmid", "101"), ("memory", "x"), ("cores", "0"), ("bogus", "1")],
        )
        .await;
    assert_eq!(bad.error_of("bogus"), undefined);
    assert_eq!(bad.error_of("cores"), "value must have a minimum value of 1");
    assert_eq!(
        bad.error_of("memory"),
        "invalid format - format error\nmemory.current: type check ('integer') failed - got 'x'\n"
    );
    let missing = lab.post("/nodes/pve1/qemu", &[("name", "x")]).await;
    assert_eq!(
        missing.error_of("vmid"),
        "property is missing and it is not optional"
    );
    let no_vm = "invalid format - value does not look like a valid VM ID\n";
    assert_eq!(
        lab.get("/nodes/pve1/qemu/50/config").await.error_of("vmid"),
        no_vm
    );
    assert_eq!(
        lab.get("/nodes/pve1/qemu/abc/config").await.error_of("vmid"),
        "type check ('integer') failed - got 'abc'"
    );
    let put = async |form: &[(&str, &str)]| lab.put(CONFIG, form).await;
    assert_eq!(
        put(&[("onboot", "yes")]).await.error_of("onboot"),
        "type check ('boolean') failed - got 'yes'"
    );
    assert_eq!(
        put(&[("tags", "bad tag!")]).await.error_of("tags"),
        "invalid format - invalid characters in tag\n"
    );
    assert_eq!(
        put(&[("cores", "1"), ("cores", "2")]).await.error_of("cores"),
        "type check ('integer') failed - got ARRAY"
    );
    assert_eq!(
        put(&[("delete", "bogus")]).await.error_of("delete"),
        "unknown option 'bogus'"
    );
    assert_eq!(
        put(&[("delete", "tags"), ("tags", "a")]).await.error_of("delete"),
        "you can't use '-tags' and -delete tags' at the same time"
    );
    assert_eq!(put(&[]).await.reason, "no options specified");
}

#[tokio::test]
async fn storages_are_checked_before_the_task() {
    let lab = lab().await;
    let scsi = async |value: &str| {
        lab.post("/nodes/pve1/qemu", &[("vmid", "101"), ("scsi0", value)])
            .await
    };
    assert_eq!(scsi("nosuch:10").await.reason, "storage 'nosuch' does not exist");
    assert_eq!(
        scsi("local:abc").await.reason,
        "unable to parse directory volume name 'abc'"
    );
    assert_eq!(
        scsi("local:10").await.error_of("storage"),
        "storage 'local' does not support vm images"
    );
    assert!(lab.sim.guest(101).is_none());
}

#[tokio::test]
async fn an_old_digest_is_refused() {
    let lab = lab().await;
    let digest = lab.get(CONFIG).await.data()["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    lab.put(CONFIG, &[("cores", "2"), ("digest", &digest)])
        .await
        .data();
    let stale = lab.put(CONFIG, &[("cores", "3"), ("digest", &digest)]).await;
    assert_eq!(
        (stale.status, stale.reason.as_str()),
        (500, "checksum mismatch (file change by other user?)")
    );
}

#[tokio::test]
async fn a_locked_guest_is_left_alone() {
    let lab = lab().await;
    lab.sim.lock(100, Some("backup")).unwrap();
    let locked = "VM is locked (backup)";
    assert_eq!(lab.put(CONFIG, &[("cores", "2")]).await.reason, locked);
    assert_eq!(lab.post(CONFIG, &[("cores", "2")]).await.reason, locked);
    let start = lab.post("/nodes/pve1/qemu/100/status/start", &[]).await;
    assert_eq!(lab.exit_of(&start).await, locked);
    let destroy = lab.delete("/nodes/pve1/qemu/100").await;
    assert_eq!(lab.exit_of(&destroy).await, locked);
    assert!(lab.sim.guest(100).is_some());
}

#[tokio::test]
async fn texts_and_cards_change_at_once_and_the_rest_waits() {
    let lab = lab().await;
    lab.sim.power_on(100).unwrap();
    let card = lab.sim.guest(100).unwrap().config["net0"].replace("vmbr0", "vmbr1");
    let form = [
        ("name", "new"),
        ("description", "über\nzwei"),
        ("tags", "B a"),
        ("net0", &card),
        ("cores", "4"),
        ("agent", "0"),
    ];
    lab.put(CONFIG, &form).await.data();
    let guest = lab.sim.guest(100).unwrap();
    assert_eq!(guest.config["name"], "new");
    assert_eq!(guest.config["description"], "über\nzwei");
    assert_eq!(guest.config["tags"], "a;b");
    assert_eq!(guest.config["net0"], card);
    assert_eq!(guest.pending.keys().collect::<Vec<_>>(), ["agent", "cores"]);
    lab.put(CONFIG, &[("revert", "agent")]).await.data();
    assert_eq!(
        lab.sim.guest(100).unwrap().pending.keys().collect::<Vec<_>>(),
        ["cores"]
    );
}

#[tokio::test]
async fn a_detached_disk_becomes_unused_first() {
    let lab = lab().await;
    lab.put(CONFIG, &[("scsi1", "local-lvm:2")]).await.data();
    assert_eq!(
        lab.sim.guest(100).unwrap().config["scsi1"],
        "local-lvm:vm-100-disk-1,size=2G"
    );
    lab.put(CONFIG, &[("delete", "scsi1")]).await.data();
    assert_eq!(
        lab.sim.guest(100).unwrap().config["unused0"],
        "local-lvm:vm-100-disk-1"
    );
    lab.put(CONFIG, &[("delete", "unused0")]).await.data();
    assert!(
        !lab.sim
            .volumes("pve1")
            .contains(&"local-lvm:vm-100-disk-1".to_owned())
    );
    let rows = lab
        .get("/nodes/pve1/storage/local-lvm/content?vmid=100")
        .await
        .data();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["vmid"], &rows[0]["size"]),
        (&json!(100), &json!(4u64 << 30))
    );
}

#[tokio::test]
async fn json_bodies_are_taken_too() {
    let lab = lab().await;
    let url = format!("{}/api2/json{CONFIG}", lab.sim.url());
    let send = async |body: serde_json::Value| {
        let request = lab.http.put(&url).header("Authorization", &lab.token).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        send(json!({"onboot": true, "cores": 2, "tags": ["b", "a"]})).await,
        200
    );
    let config = lab.get(CONFIG).await.data();
    assert_eq!((&config["onboot"], &config["tags"]), (&json!(1), &json!("a;b")));
    assert_eq!(send(json!({"cores": 2.5})).await, 400);
    assert_eq!(send(json!({"onboot": null})).await, 500);
}
