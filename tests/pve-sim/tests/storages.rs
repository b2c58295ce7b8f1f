//! Storages: made, changed, removed, looked into.

use pve_sim::{Release, Rights, Seed, SeedDownload, SeedGuest, SeedToken};
use serde_json::{Value, json};

use crate::client::{Answer, Lab};

fn sentence(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.reason.as_str())
}

fn volids(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row["volid"].as_str().unwrap()).collect()
}

const DIRECTORY: &[(&str, &str)] = &[
    ("storage", "data"),
    ("type", "dir"),
    ("path", "/srv/data"),
    ("content", "iso,images,backup,import"),
];

#[tokio::test]
async fn a_storage_is_made_changed_and_removed() {
    let lab = Lab::instant(Seed::default()).await;
    let made = lab.post("/storage", DIRECTORY).await.data();
    assert_eq!(made, json!({"storage": "data", "type": "dir"}));
    let shown = lab.get("/storage/data").await.data();
    assert_eq!(shown["path"], "/srv/data");

    let stale = [("content", "iso"), ("digest", "0000")];
    let refused = lab.put("/storage/data", &stale).await;
    assert_eq!(
        refused.reason,
        "update storage failed: detected modified configuration - file changed by other user? Try again."
    );
    let digest = shown["digest"].as_str().unwrap();
    let change = [("disable", "1"), ("digest", digest)];
    lab.put("/storage/data", &change).await.data();
    let status = lab.get("/nodes/pve1/storage/data/status").await.data();
    assert_eq!((&status["enabled"], &status["active"]), (&json!(0), &json!(0)));
    let content = lab.get("/nodes/pve1/storage/data/content").await;
    assert_eq!(sentence(&content), (500, "storage 'data' is disabled"));
    lab.put("/storage/data", &[("delete", "disable")]).await.data();
    lab.get("/nodes/pve1/storage/data/content").await.data();

    lab.delete("/storage/data").await.data();
    let gone = lab.get("/nodes/pve1/storage/data/content").await;
    assert_eq!(sentence(&gone), (500, "storage 'data' does not exist"));
    let again = lab.delete("/storage/data").await;
    assert_eq!(
        sentence(&again),
        (500, "delete storage failed: storage 'data' does not exist")
    );
}

#[tokio::test]
async fn a_type_wants_its_own_options() {
    let lab = Lab::instant(Seed::default()).await;
    let without = lab
        .post("/storage", &[("storage", "data"), ("type", "dir")])
        .await;
    assert_eq!(
        sentence(&without),
        (500, "missing value for required option 'path'")
    );
    let other = [
        ("storage", "thin"),
        ("type", "lvmthin"),
        ("vgname", "pve"),
        ("thinpool", "data"),
        ("server", "192.0.2.9"),
    ];
    let answer = lab.post("/storage", &other).await;
    assert_eq!(sentence(&answer), (500, "unexpected property 'server'"));
    let wrong = [
        ("storage", "thin"),
        ("type", "lvmthin"),
        ("vgname", "pve"),
        ("thinpool", "data"),
        ("content", "iso"),
    ];
    let answer = lab.post("/storage", &wrong).await;
    assert_eq!(answer.reason, "storage does not support content type 'iso'");
    let esxi = [("storage", "old"), ("type", "esxi")];
    let lab = Lab::instant(Seed::default().with_release(Release::V7_4)).await;
    assert_eq!(lab.post("/storage", &esxi).await.status, 400);
}

#[tokio::test]
async fn a_server_has_to_answer() {
    let form = [
        ("storage", "net"),
        ("type", "nfs"),
        ("server", "192.0.2.9"),
        ("export", "/x"),
    ];
    let lab = Lab::instant(Seed::default()).await;
    let answer = lab.post("/storage", &form).await;
    assert_eq!(
        answer.reason,
        "create storage failed: storage 'net' is not online"
    );
    let servers = vec!["192.0.2.9".to_owned()];
    let lab = Lab::instant(Seed {
        servers,
        ..Seed::nodes(2)
    })
    .await;
    lab.post("/storage", &form).await.data();
    lab.post(
        "/nodes/pve1/storage/net/content",
        &[("vmid", "100"), ("filename", "vm-100-disk-0.raw"), ("size", "1G")],
    )
    .await
    .data();
    let there = lab.get("/nodes/pve2/storage/net/content").await.data();
    assert_eq!(volids(&there), ["net:100/vm-100-disk-0.raw"]);
}

#[tokio::test]
async fn a_storage_can_be_for_some_nodes_only() {
    let lab = Lab::instant(Seed::nodes(2)).await;
    let mut form = DIRECTORY.to_vec();
    form.push(("nodes", "pve2"));
    lab.post("/storage", &form).await.data();
    let rows = lab.get("/nodes/pve1/storage").await.data();
    assert!(
        rows.as_array()
            .unwrap()
            .iter()
            .all(|row| row["storage"] != "data")
    );
    let content = lab.get("/nodes/pve1/storage/data/content").await;
    assert_eq!(
        sentence(&content),
        (500, "storage 'data' is not available on node 'pve1'")
    );
}

#[tokio::test]
async fn without_quorum_nothing_is_written() {
    let lab = Lab::instant(Seed::nodes(3)).await;
    lab.sim.set_quorum(false);
    let answer = lab.post("/storage", DIRECTORY).await;
    assert_eq!(
        answer.reason,
        "create storage failed: cfs-lock 'file-storage_cfg' error: no quorum!"
    );
}

#[tokio::test]
async fn content_shows_what_one_may_see() {
    let rights = vec![
        Rights::new("/storage/local-lvm", &["Datastore.Audit"]),
        Rights::new("/vms/101", &["VM.Config.Disk"]),
    ];
    let seed = Seed::default()
        .with_guest(SeedGuest::new(101, "mine"))
        .with_guest(SeedGuest::new(102, "yours"))
        .with_token(SeedToken::limited("root@pam!some", "s", rights));
    let mut lab = Lab::instant(seed).await;
    let path = "/nodes/pve1/storage/local-lvm/content";
    assert_eq!(volids(&lab.get(path).await.data()).len(), 3);
    lab.token("root@pam!some", "s");
    assert_eq!(volids(&lab.get(path).await.data()), ["local-lvm:vm-101-disk-0"]);
    assert_eq!(lab.get("/storage").await.data().as_array().unwrap().len(), 1);
    let denied = lab.get("/nodes/pve1/storage/local/content").await;
    assert_eq!(denied.status, 403);
}

#[tokio::test]
async fn a_volume_is_allocated_and_freed() {
    let lab = Lab::instant(Seed::default()).await;
    lab.post("/storage", DIRECTORY).await.data();
    let path = "/nodes/pve1/storage/data/content";
    let form = [
        ("vmid", "100"),
        ("filename", "vm-100-disk-9.qcow2"),
        ("size", "16M"),
    ];
    let volid = lab.post(path, &form).await.data();
    assert_eq!(volid, "data:100/vm-100-disk-9.qcow2");
    let twice = lab.post(path, &form).await;
    assert_eq!(
        sentence(&twice),
        (
            500,
            "disk image '/srv/data/images/100/vm-100-disk-9.qcow2' already exists"
        )
    );
    let foreign = [
        ("vmid", "100"),
        ("filename", "vm-101-disk-0.raw"),
        ("size", "16M"),
    ];
    let foreign = lab.post(path, &foreign).await;
    assert_eq!(
        foreign.reason,
        "illegal name 'vm-101-disk-0.raw' - should be 'vm-100-*'"
    );
    let one = format!("{path}/data%3A100%2Fvm-100-disk-9.qcow2");
    let info = lab.get(&one).await.data();
    assert_eq!(
        (&info["format"], &info["size"]),
        (&json!("qcow2"), &json!(16 << 20))
    );
    let freed = lab.delete(&one).await;
    assert!(freed.data().as_str().unwrap().contains(":imgdel:100@data:"));
    lab.done(freed).await;
    // Freeing what isn't there is well.
    lab.done(lab.delete(&one).await).await;
    let waited = lab.delete(&format!("{one}?delay=5")).await;
    assert_eq!(waited.data(), Value::Null);
}

#[tokio::test]
async fn a_download_is_of_what_the_seed_says() {
    let url = "https://images.example/debian.iso";
    let file = SeedDownload::new(1 << 20).checksum("md5", "0123456789abcdef0123456789abcdef");
    let lab = Lab::instant(Seed {
        downloads: [(url.to_owned(), file)].into(),
        ..Seed::default()
    })
    .await;
    let metadata = lab
        .get("/nodes/pve1/query-url-metadata?url=https://images.example/debian.iso")
        .await
        .data();
    assert_eq!(
        metadata,
        json!({"filename": "debian.iso", "size": 1 << 20, "mimetype": "application/x-iso9660-image"})
    );
    let path = "/nodes/pve1/storage/local/download-url";
    let form = |name, url| [("url", url), ("filename", name), ("content", "iso")];
    let answer = lab.post(path, &form("a.iso", url)).await;
    assert!(answer.data().as_str().unwrap().contains(":download:a.iso:"));
    lab.done(answer).await;
    let twice = lab.post(path, &form("a.iso", url)).await;
    assert_eq!(
        lab.exit_of(&twice).await,
        "refusing to override existing file '/var/lib/vz/template/iso/a.iso'"
    );
    let none = lab
        .post(path, &form("b.iso", "https://images.example/none.iso"))
        .await;
    assert_eq!(lab.exit_of(&none).await, "download failed: exit code 8");
    let nowhere = lab
        .post(path, &form("b.iso", "https://other.example/x.iso"))
        .await;
    assert_eq!(lab.exit_of(&nowhere).await, "download failed: exit code 4");

    let mut checked = form("c.iso", url).to_vec();
    checked.push(("checksum", "ffff"));
    let alone = lab.post(path, &checked).await;
    assert_eq!(
        alone.error_of("checksum-algorithm"),
        "missing property required by 'checksum'"
    );
    checked.push(("checksum-algorithm", "md5"));
    let wrong = lab.post(path, &checked).await;
    assert_eq!(
        lab.exit_of(&wrong).await,
        "checksum mismatch: got '0123456789abcdef0123456789abcdef' != expect 'ffff'"
    );
    let isos = lab
        .get("/nodes/pve1/storage/local/content?content=iso")
        .await
        .data();
    assert_eq!(volids(&isos), ["local:iso/a.iso", "local:iso/debian-12.iso"]);
}

#[tokio::test]
async fn a_template_on_offer_can_be_fetched() {
    let lab = Lab::instant(Seed::default()).await;
    let offered = lab.get("/nodes/pve1/aplinfo").await.data();
    let template = offered[0]["template"].as_str().unwrap();
    let form = [("storage", "local"), ("template", template)];
    lab.done(lab.post("/nodes/pve1/aplinfo", &form).await).await;
    let there = lab
        .get("/nodes/pve1/storage/local/content?content=vztmpl")
        .await
        .data();
    assert_eq!(volids(&there), [format!("local:vztmpl/{template}")]);
    let unknown = [("storage", "local"), ("template", "none.tar.zst")];
    let unknown = lab.post("/nodes/pve1/aplinfo", &unknown).await;
    assert_eq!(unknown.error_of("template"), "no such template");
}

#[tokio::test]
async fn a_full_storage_takes_no_more() {
    let url = "https://images.example/large.iso";
    let lab = Lab::instant(Seed {
        downloads: [(url.to_owned(), SeedDownload::new(200 << 30))].into(),
        ..Seed::default()
    })
    .await;
    let form = [("url", url), ("filename", "large.iso"), ("content", "iso")];
    let answer = lab.post("/nodes/pve1/storage/local/download-url", &form).await;
    assert_eq!(lab.exit_of(&answer).await, "download failed: exit code 3");
}

#[tokio::test]
async fn a_server_on_the_loopback_is_really_asked() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/own.iso", listener.local_addr().unwrap());
    let serve = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            let body = if request[..read].starts_with(b"GET") {
                "abc"
            } else {
                ""
            };
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
            stream
                .write_all(format!("{head}{body}").as_bytes())
                .await
                .unwrap();
        }
    };
    let ask = async {
        let lab = Lab::instant(Seed::default()).await;
        let metadata = lab
            .get(&format!("/nodes/pve1/query-url-metadata?url={url}"))
            .await;
        assert_eq!(metadata.data()["size"], 3);
        let form = [
            ("url", url.as_str()),
            ("filename", "own.iso"),
            ("content", "iso"),
            ("checksum-algorithm", "md5"),
            ("checksum", "900150983cd24fb0d6963f7d28e17f72"),
        ];
        lab.done(lab.post("/nodes/pve1/storage/local/download-url", &form).await)
            .await;
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
    }
}
