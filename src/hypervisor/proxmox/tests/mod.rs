//! The driver against a server that says what a host, a broken host or another program might say.

mod certificates;
mod decoded;
pub(super) mod described;
mod failover;
mod quirks;
mod readings;
pub(super) mod recorded;
mod refusals;
mod rubbish;
mod server;
mod simulated;
mod surface;
mod tables;
mod tasks;
mod tickets;
mod transfers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use server::{Deed, Server, answer, connection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::api::backup::StartBackup;
use super::api::ha::{CreateHaResource, DeleteHaResource, UpdateHaResource};
use super::api::volumes::DeleteGuestVolume;
use super::{CallRecord, Proxmox, Trust};
use crate::hypervisor::{Error, Hypervisor, StopMode};
use crate::model::{Change, GuestAddress, GuestConfig, Hardware, NicSettings, Progress};
use crate::plan::identity::{MAX_AGE, Ownership};

const UPID: &str = "UPID:pve1:000000B6:0009D6E7:6B0261CA:qmstart:100:root@pam!drover:";

fn at() -> GuestAddress {
    GuestAddress {
        node: "pve1".parse().unwrap(),
        id: 100.try_into().unwrap(),
    }
}

fn own() -> Ownership {
    Ownership::for_tests(at(), "d1")
}

fn base(raw: &[(&str, &str)]) -> GuestConfig {
    let raw: BTreeMap<String, String> = raw.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    GuestConfig {
        digest: "d1".into(),
        lock: None,
        template: false,
        protection: false,
        name: None,
        description: String::new(),
        uuid: None,
        current: Hardware::default(),
        next: Hardware::default(),
        pending: Vec::new(),
        raw,
    }
}

fn data(json: &str) -> String {
    answer("200 OK", &format!("{{\"data\":{json}}}"))
}

#[tokio::test]
async fn a_read_carries_the_token_and_no_body() {
    let server = Server::saying(data(r#"{"version":"9.2.11"}"#)).await;
    let version = server.driver().version().await.unwrap();
    assert_eq!((version.text.as_str(), version.major), ("9.2.11", 9));
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "GET /api2/json/version HTTP/1.1");
    assert_eq!(
        seen.header("authorization"),
        Some("PVEAPIToken=root@pam!drover=s3cret")
    );
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(
        (seen.header("content-length"), seen.header("transfer-encoding")),
        (None, None)
    );
}

#[tokio::test]
async fn a_change_is_a_form_of_known_length() {
    let server = Server::saying(data("null")).await;
    let base = base(&[("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5")]);
    let changes = [
        Change::Description("a;b&c".into()),
        Change::Nic {
            slot: "net0".into(),
            settings: NicSettings {
                bridge: Some("vmbr1".into()),
                ..NicSettings::default()
            },
        },
    ];
    let progress = server.driver().configure(&own(), &base, &changes).await.unwrap();
    assert_eq!(progress, Progress::Done);
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "PUT /api2/json/nodes/pve1/qemu/100/config HTTP/1.1");
    assert_eq!(
        seen.body,
        "description=a%3Bb%26c&net0=virtio%3DBC%3A24%3A11%3A00%3A00%3A01%2Cbridge%3Dvmbr1%2Ctag%3D5&digest=d1"
    );
    assert_eq!(
        seen.header("content-length"),
        Some(seen.body.len().to_string().as_str())
    );
    assert_eq!(seen.header("transfer-encoding"), None);
}

#[tokio::test]
async fn destroying_puts_its_parameters_into_the_query() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    let progress = server.driver().destroy(&own()).await.unwrap();
    assert_eq!(progress, Progress::Running(UPID.parse().unwrap()));
    let seen = &server.seen()[0];
    assert_eq!(
        seen.line,
        "DELETE /api2/json/nodes/pve1/qemu/100?purge=1 HTTP/1.1"
    );
    assert_eq!(
        (seen.header("content-length"), seen.header("transfer-encoding")),
        (None, None)
    );
}

#[tokio::test]
async fn both_ways_of_stopping() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    let driver = server.driver();
    driver.stop(&own(), StopMode::Hard).await.unwrap();
    let graceful = StopMode::Graceful {
        grace_seconds: 60,
        force: true,
    };
    driver.stop(&own(), graceful).await.unwrap();
    let seen = server.seen();
    let told: Vec<(&str, &str)> = seen.iter().map(|s| (s.line.as_str(), s.body.as_str())).collect();
    assert_eq!(
        told,
        [
            ("POST /api2/json/nodes/pve1/qemu/100/status/stop HTTP/1.1", ""),
            (
                "POST /api2/json/nodes/pve1/qemu/100/status/shutdown HTTP/1.1",
                "timeout=60&forceStop=1"
            ),
        ]
    );
}

#[tokio::test]
async fn nothing_is_sent_for_no_changes_or_for_those_of_another_reading() {
    let server = Server::saying(data("null")).await;
    let driver = server.driver();
    assert_eq!(
        driver.configure(&own(), &base(&[]), &[]).await.unwrap(),
        Progress::Done
    );
    let other = Ownership::for_tests(at(), "d2");
    let error = driver
        .configure(&other, &base(&[]), &[Change::Cores(2)])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn growing_a_disk_is_guarded_by_the_digest() {
    let server = Server::saying(data("null")).await;
    let progress = server
        .driver()
        .grow_disk(&own(), "scsi0", 33 << 30)
        .await
        .unwrap();
    assert_eq!(progress, Progress::Done);
    assert_eq!(server.seen()[0].body, "disk=scsi0&size=33G&digest=d1");
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let driver = Proxmox::connect(&connection(port, Trust::Insecure)).unwrap();
    let error = driver.start(&own()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(!error.outcome_unknown());
}

#[tokio::test]
async fn a_name_that_does_not_exist_sends_nothing() {
    let mut connection = connection(8006, Trust::Insecure);
    connection.host = "host.invalid".into();
    let error = Proxmox::connect(&connection)
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_no_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = async {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut hello = [0; 64];
            let _ = tcp.read(&mut hello).await;
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    };
    let driver = Proxmox::connect(&connection(port, Trust::Insecure)).unwrap();
    let own = own();
    tokio::select! {
        () = plain => {}
        result = driver.start(&own) => {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Connect { .. }), "{error:?}");
            assert!(!error.outcome_unknown());
        }
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_open_and_nothing_is_sent_twice() {
    for cut in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"data\":",
    ] {
        let server = Server::start(|_, _| Deed::Close(cut.to_owned())).await;
        let error = server.driver().start(&own()).await.unwrap_err();
        assert!(matches!(error, Error::AnswerLost { .. }), "{cut:?}: {error:?}");
        assert!(error.outcome_unknown());
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_read_whose_connection_breaks_is_sent_again() {
    let server = Server::start(|number, _| match number {
        0 => Deed::Close(String::new()),
        1 => Deed::Close("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_owned()),
        _ => Deed::Answer(data(r#"{"version":"9.2.11"}"#)),
    })
    .await;
    assert_eq!(server.driver().version().await.unwrap().major, 9);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_read_is_given_up_after_three_tries() {
    let server = Server::start(|_, _| Deed::Close(String::new())).await;
    let error = server.driver().version().await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_not_sent_again() {
    let server = Server::start(|_, _| Deed::Hang).await;
    let mut connection = server.connection(Trust::Insecure);
    connection.timeout = Duration::from_millis(300);
    let error = Proxmox::connect(&connection)
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("none within 0.3 s"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

/// The host closes each connection right after its answer, as it does with one that is idle for 5 s.
#[tokio::test]
async fn a_connection_that_the_host_closed_makes_no_change_uncertain() {
    let server = Server::start(|_, seen| {
        Deed::Close(if seen.line.starts_with("GET") {
            data(r#"{"version":"9.2.11"}"#)
        } else {
            data(&format!("{UPID:?}"))
        })
    })
    .await;
    let driver = server.driver();
    for _ in 0..5 {
        driver.version().await.unwrap();
        driver.start(&own()).await.unwrap();
    }
    let changes = server
        .seen()
        .iter()
        .filter(|s| s.line.starts_with("POST"))
        .count();
    assert_eq!(changes, 5);
}

#[tokio::test]
async fn reads_share_a_connection_and_each_change_makes_its_own() {
    let server = Server::start(|_, seen| {
        Deed::Answer(data(if seen.line.starts_with("GET") {
            r#"{"version":"9.2.11"}"#
        } else {
            "null"
        }))
    })
    .await;
    let driver = server.driver();
    for _ in 0..3 {
        driver.version().await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    for _ in 0..2 {
        driver.start(&own()).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn the_observer_sees_each_exchange() {
    let server = Server::start(|number, _| match number {
        0 => Deed::Close(String::new()),
        1 => Deed::Answer(data(r#"{"version":"9.2.11"}"#)),
        _ => Deed::Answer(answer("500 VM 100 not running", r#"{"data":null}"#)),
    })
    .await;
    let records: Arc<Mutex<Vec<CallRecord>>> = Arc::default();
    let kept = Arc::clone(&records);
    let driver = server.driver().observed_by(Arc::new(move |record: &CallRecord| {
        kept.lock().unwrap().push(record.clone());
    }));
    driver.version().await.unwrap();
    driver.stop(&own(), StopMode::Hard).await.unwrap_err();
    let records = records.lock().unwrap();
    let told: Vec<_> = records
        .iter()
        .map(|r| (r.method, r.operation.as_ref(), r.status, r.outcome))
        .collect();
    assert_eq!(
        told,
        [
            ("GET", "/version", None, "answer_lost"),
            ("GET", "/version", Some(200), "ok"),
            (
                "POST",
                "/nodes/{node}/qemu/{vmid}/status/stop",
                Some(500),
                "refused"
            ),
        ]
    );
}

#[tokio::test]
async fn an_observation_too_old_sends_nothing() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    let driver = server.driver();
    let stale = Ownership::aged_for_tests(at(), "d1", 2 * MAX_AGE);
    let volume = "local-lvm:vm-100-disk-1".parse().unwrap();
    let delete = DeleteGuestVolume { volume, delay: None };
    for error in [
        driver.start(&stale).await.unwrap_err(),
        driver.stop(&stale, StopMode::Hard).await.unwrap_err(),
        driver.destroy(&stale).await.unwrap_err(),
        driver.change(&stale, &StartBackup::new()).await.unwrap_err(),
        driver.change(&stale, &CreateHaResource::new()).await.unwrap_err(),
        driver.change(&stale, &UpdateHaResource::new()).await.unwrap_err(),
        driver.change(&stale, &DeleteHaResource::new()).await.unwrap_err(),
        driver.change(&stale, &delete).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Stale { .. }), "{error:?}");
        assert!(!error.outcome_unknown());
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn backups_and_ha_are_about_the_guest_of_the_proof() {
    let server = Server::start(|_, seen| {
        Deed::Answer(data(&if seen.line.contains("vzdump") {
            format!("{UPID:?}")
        } else {
            "null".to_owned()
        }))
    })
    .await;
    let driver = server.driver();
    driver.change(&own(), &StartBackup::new()).await.unwrap();
    driver.change(&own(), &CreateHaResource::new()).await.unwrap();
    driver.change(&own(), &UpdateHaResource::new()).await.unwrap();
    let seen = server.seen();
    let told: Vec<(&str, &str)> = seen.iter().map(|s| (s.line.as_str(), s.body.as_str())).collect();
    assert_eq!(
        told,
        [
            ("POST /api2/json/nodes/pve1/vzdump HTTP/1.1", "vmid=100"),
            ("POST /api2/json/cluster/ha/resources HTTP/1.1", "sid=100"),
            ("PUT /api2/json/cluster/ha/resources/100 HTTP/1.1", ""),
        ]
    );
}

#[tokio::test]
async fn an_observation_that_grows_too_old_while_connecting_sends_nothing() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = connection(
        listener.local_addr().unwrap().port(),
        Trust::Fingerprint(server.fingerprint),
    );
    let driver = Proxmox::connect(&slow).unwrap();
    let left = Duration::from_millis(200);
    let own = Ownership::aged_for_tests(at(), "d1", MAX_AGE.saturating_sub(left));
    let far_away = async {
        let (mut near, _) = listener.accept().await.unwrap();
        tokio::time::sleep(2 * left).await;
        let mut far = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
            .await
            .unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = far_away => {}
        result = driver.start(&own) => {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Stale { .. }), "{error:?}");
        }
    }
    assert!(server.seen().is_empty());
}

#[test]
fn what_can_not_be_a_host_is_refused_before_anything_is_sent() {
    for (host, pem) in [("https://pve1", None), ("pve1", Some("nonsense"))] {
        let mut connection = connection(8006, Trust::Insecure);
        connection.host = host.to_owned();
        if let Some(pem) = pem {
            connection.trust = Trust::Bundle(pem.to_owned());
        }
        let error = Proxmox::connect(&connection).unwrap_err();
        assert!(matches!(error, Error::Unbuildable { .. }), "{error:?}");
    }
}
