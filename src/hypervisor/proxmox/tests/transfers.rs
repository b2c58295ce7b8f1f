//! Files sent and fetched: how they look on the wire, and what an odd length or end leads to.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::sync::Notify;
use tokio::time::{advance, pause, resume};

use super::failover::{closed_port, endpoint};
use super::server::{Deed, Server, answer, connection, typed};
use super::{Trust, UPID, at, data};
use crate::hypervisor::proxmox::api::ChecksumAlgorithm;
use crate::hypervisor::proxmox::api::storage::FileContent;
use crate::hypervisor::proxmox::api::tasks::TaskLogFile;
use crate::hypervisor::proxmox::{Connection, Proxmox, Upload};
use crate::hypervisor::{Error, Hypervisor as _};
use crate::model::Upid;

fn iso(size: u64) -> Upload {
    Upload {
        node: at().node,
        storage: "local".to_owned(),
        content: FileContent::Iso,
        filename: "x.iso".to_owned(),
        size,
        checksum: None,
    }
}

fn file(bytes: &[u8]) -> impl AsyncRead + Send + Unpin + 'static {
    Cursor::new(bytes.to_vec())
}

fn log() -> TaskLogFile {
    let upid: Upid = UPID.parse().unwrap();
    TaskLogFile::new(upid.node().clone(), upid, true)
}

#[tokio::test]
async fn a_file_is_sent_in_the_order_and_length_that_proxmox_wants() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    let upload = Upload {
        checksum: Some((ChecksumAlgorithm::Sha256, "ab".repeat(32))),
        ..iso(5)
    };
    let upid = server.driver().upload(&upload, file(b"hello")).await.unwrap();
    assert_eq!(upid, UPID.parse().unwrap());
    let seen = &server.seen()[0];
    assert_eq!(
        seen.line,
        "POST /api2/json/nodes/pve1/storage/local/upload HTTP/1.1"
    );
    assert_eq!(seen.header("transfer-encoding"), None);
    assert_eq!(
        seen.header("content-length"),
        Some(seen.body.len().to_string().as_str())
    );
    let kind = seen.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let part = |name: &str, value: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let expected = [
        part("content", "iso"),
        part("checksum-algorithm", "sha256"),
        part("checksum", &"ab".repeat(32)),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"x.iso\"\r\n\
             Content-Type: application/octet-stream\r\n\r\nhello\r\n--{boundary}--\r\n"
        ),
    ];
    assert_eq!(seen.body, expected.concat());
}

#[tokio::test]
async fn a_large_file_arrives_whole() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    let content = "0123456789abcdef".repeat(200_000);
    let size = u64::try_from(content.len()).unwrap();
    server
        .driver()
        .upload(&iso(size), file(content.as_bytes()))
        .await
        .unwrap();
    let body = &server.seen()[0].body;
    assert!(body.contains(&content) && body.len() < content.len() + 500);
}

#[tokio::test]
async fn a_file_of_another_length_is_never_wholly_sent() {
    for (announced, content) in [(6, &b"hello"[..]), (4, &b"hello"[..]), (1, &b""[..])] {
        let server = Server::saying(data(&format!("{UPID:?}"))).await;
        let error = server
            .driver()
            .upload(&iso(announced), file(content))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Unbuildable { .. }),
            "{announced}: {error:?}"
        );
        assert!(error.to_string().contains("the file"), "{error}");
        assert!(!error.outcome_unknown());
        assert!(server.seen().is_empty(), "{announced}");
    }
}

#[tokio::test]
async fn a_name_that_is_another_part_is_refused() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    for filename in ["", "a\"b.iso", "a\r\nb.iso", "../x.iso", "a\\b.iso"] {
        let upload = Upload {
            filename: filename.to_owned(),
            ..iso(0)
        };
        let error = server.driver().upload(&upload, file(b"")).await.unwrap_err();
        assert!(
            matches!(error, Error::Unbuildable { .. }),
            "{filename}: {error:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_file_is_fetched_whole_or_not() {
    let text = "line 1\nline 2\nTASK OK\n";
    let server = Server::saying(typed("200 OK", "text/plain", text)).await;
    let mut fetched = Vec::new();
    let count = server
        .driver()
        .download(&log(), &mut fetched, 1000)
        .await
        .unwrap();
    assert_eq!((count, fetched.as_slice()), (22, text.as_bytes()));
    assert!(
        server.seen()[0].line.contains("/log?download=1 "),
        "{}",
        server.seen()[0].line
    );
    let error = server
        .driver()
        .download(&log(), &mut Vec::new(), 21)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_without_an_announced_length_is_bounded_too() {
    let text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n0123456789".to_owned();
    let server = Server::start(move |_, _| Deed::Close(text.clone())).await;
    let error = server
        .driver()
        .download(&log(), &mut Vec::new(), 9)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
}

#[tokio::test]
async fn half_a_file_a_page_and_a_refusal_are_no_file() {
    let refused = answer(
        "500 can't open task log",
        r#"{"data":null,"message":"can't open task log\n"}"#,
    );
    for (text, label) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n0123".to_owned(),
            "answer_lost",
        ),
        (typed("200 OK", "text/html", "<html>"), "decode"),
        (
            "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "decode",
        ),
        (refused, "refused"),
    ] {
        let deed = text.clone();
        let server = Server::start(move |_, _| Deed::Close(deed.clone())).await;
        let error = server
            .driver()
            .download(&log(), &mut Vec::new(), 1000)
            .await
            .unwrap_err();
        assert_eq!(error.label(), label, "{text}: {error}");
    }
}

#[tokio::test]
async fn a_slow_file_is_waited_for_as_long_as_it_moves() {
    let server = Server::saying(data(&format!("{UPID:?}"))).await;
    // What is written has been taken but for one byte, so the connection stands by then.
    let (mut file, source) = duplex(1);
    let driver = server.driver();
    let slow = async {
        for piece in [b"ab", b"cd", b"ef"] {
            file.write_all(piece).await.unwrap();
            pause();
            advance(Duration::from_secs(20)).await;
            resume();
        }
        drop(file);
    };
    let upload = iso(6);
    let (sent, ()) = tokio::join!(driver.upload(&upload, source), slow);
    sent.unwrap();
    assert!(server.seen()[0].body.contains("abcdef"));
}

#[tokio::test]
async fn a_file_that_stops_moving_is_given_up() {
    let asked = Arc::new(Notify::new());
    let notify = Arc::clone(&asked);
    let server = Server::start(move |_, seen| {
        notify.notify_one();
        if seen.line.starts_with("POST") {
            return Deed::Hang;
        }
        Deed::Stall("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n0123".to_owned())
    })
    .await;
    let driver = server.driver();
    let upload = iso(5);
    let (sent, ()) = tokio::join!(driver.upload(&upload, file(b"hello")), async {
        asked.notified().await;
        pause();
    });
    resume();
    let (mut into, mut fetched) = duplex(100);
    let log = log();
    let (got, ()) = tokio::join!(driver.download(&log, &mut into, 1000), async {
        fetched.read_exact(&mut [0; 4]).await.unwrap();
        pause();
    });
    for error in [sent.unwrap_err(), got.unwrap_err()] {
        assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
        assert!(error.to_string().contains("nothing moved for 30 s"), "{error}");
    }
}

#[tokio::test]
async fn a_file_is_fetched_from_the_next_member_and_sent_to_it_the_next_time() {
    let second = Server::start(|_, seen| {
        Deed::Answer(if seen.line.starts_with("POST") {
            data(&format!("{UPID:?}"))
        } else {
            typed("200 OK", "text/plain", "0123")
        })
    })
    .await;
    let driver = async || {
        Proxmox::connect(&Connection {
            others: vec![endpoint(&second)],
            ..connection(closed_port().await, Trust::Insecure)
        })
        .unwrap()
    };
    let mut fetched = Vec::new();
    driver().await.download(&log(), &mut fetched, 1000).await.unwrap();
    assert_eq!(fetched, b"0123");
    let driver = driver().await;
    let error = driver.upload(&iso(5), file(b"hello")).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    driver.upload(&iso(5), file(b"hello")).await.unwrap();
}

#[tokio::test]
async fn a_file_that_can_not_be_written_here_is_not_the_host_s_fault() {
    let first = Server::saying(typed("200 OK", "text/plain", "0123")).await;
    let second = Server::saying(data(r#"{"version":"9.2.11"}"#)).await;
    let driver = Proxmox::connect(&Connection {
        others: vec![endpoint(&second)],
        ..first.connection(Trust::Fingerprint(first.fingerprint))
    })
    .unwrap();
    let (mut into, nobody) = duplex(1);
    drop(nobody);
    let error = driver.download(&log(), &mut into, 1000).await.unwrap_err();
    assert!(matches!(error, Error::Unbuildable { .. }), "{error:?}");
    driver.version().await.unwrap_err();
    assert_eq!((first.seen().len(), second.seen().len()), (2, 0));
}
