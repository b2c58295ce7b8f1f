//! Files sent and fetched: how they look on the wire, and what an odd length or end leads to.

use std::io::Cursor;

use tokio::io::AsyncRead;

use super::server::{Deed, Server, answer, typed};
use super::{UPID, at, data};
use crate::hypervisor::Error;
use crate::hypervisor::proxmox::Upload;
use crate::hypervisor::proxmox::api::ChecksumAlgorithm;
use crate::hypervisor::proxmox::api::storage::FileContent;
use crate::hypervisor::proxmox::api::tasks::TaskLogFile;
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
