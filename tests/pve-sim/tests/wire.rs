//! The HTTP layer, where a client library would hide too much spoken by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pve_sim::{Release, Seed, Timing};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Lab;

async fn connect(lab: &Lab) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(lab.sim.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", lab.sim.port())).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

/// Sends a head and a body, and reads until the server closes.
async fn speak(lab: &Lab, line: &str, headers: &str, body: &str) -> String {
    let mut stream = connect(lab).await;
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {}\r\n{headers}\r\n{body}",
        lab.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn what_proxmox_does_not_take_is_501() {
    let lab = Lab::instant(Seed::default()).await;
    let first = async |line: &str, headers: &str, body: &str| {
        let answer = speak(&lab, line, headers, body).await;
        answer.lines().next().unwrap_or_default().to_owned()
    };
    let config = "PUT /api2/json/nodes/pve1/qemu/9000/config";
    assert_eq!(
        first(
            config,
            "Transfer-Encoding: chunked\r\n",
            "7\r\ncores=2\r\n0\r\n\r\n"
        )
        .await,
        "HTTP/1.1 501 chunked transfer encoding not supported"
    );
    assert_eq!(
        first(
            "DELETE /api2/json/nodes/pve1/qemu/9000",
            "Content-Length: 7\r\n",
            "purge=1"
        )
        .await,
        "HTTP/1.1 501 Unexpected content for method 'DELETE'"
    );
    assert_eq!(
        first("PATCH /api2/json/version", "", "").await,
        "HTTP/1.1 501 method 'PATCH' not available"
    );
    assert_eq!(
        first(
            config,
            "Content-Type: text/plain\r\nContent-Length: 7\r\n",
            "cores=4"
        )
        .await,
        "HTTP/1.1 506 upload 'Content-Type 'text/plain' not implemented"
    );
    assert_eq!(
        first(config, "Content-Length: 600000\r\n", "").await,
        "HTTP/1.1 501 for data too large"
    );
    let unknown = speak(&lab, "GET /api2/json/nosuch", "", "").await;
    assert!(unknown.starts_with("HTTP/1.1 501 Method 'GET /nosuch' not implemented\r\n"));
    assert!(
        unknown.ends_with(r#"{"data":null,"message":"Method 'GET /nosuch' not implemented"}"#),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_raw_semicolon_splits_a_form() {
    let lab = Lab::instant(Seed::default()).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n";
    let answer = speak(
        &lab,
        "PUT /api2/json/nodes/pve1/qemu/9000/config",
        form,
        "tags=a;b",
    )
    .await;
    assert!(
        answer.contains(r#""errors":{"b":"property is not defined in schema"#),
        "{answer}"
    );
}

#[tokio::test]
async fn slashes_are_forgiven_and_headers_are_proxmoxs() {
    let lab = Lab::instant(Seed::default()).await;
    let answer = speak(&lab, "GET //api2/json/nodes/pve1//qemu/", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for header in [
        "Server: pve-api-daemon/3.0",
        "Cache-Control: max-age=0",
        "Pragma: no-cache",
        "Content-Length: ",
    ] {
        assert!(answer.contains(header), "{header} in {answer}");
    }
    assert!(answer.contains("Content-Type: application/json;charset=UTF-8"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let mut timing = Timing::instant();
    timing.keep_alive = Duration::from_millis(300);
    let lab = Lab::start(Seed::default().with_timing(timing)).await;
    let mut stream = connect(&lab).await;
    let request = format!(
        "GET /api2/json/version HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        lab.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(String::from_utf8_lossy(&buffer[..read]).starts_with("HTTP/1.1 200 OK"));
    let begun = Instant::now();
    let end = tokio::time::timeout(Duration::from_secs(10), async {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        rest
    });
    assert_eq!(end.await.unwrap(), b"");
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_connection_ends_with_an_error() {
    let lab = Lab::instant(Seed::default()).await;
    let mut stream = connect(&lab).await;
    let request = format!(
        "GET /api2/json/nosuch HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        lab.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut answer));
    assert!(read.await.is_ok(), "the server didn't close");
}

/// Sends a request with a header of its own, and gives the answer's head and body.
async fn ask(lab: &Lab, line: &str, headers: &str, body: &str) -> (String, Vec<u8>) {
    let mut stream = connect(lab).await;
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        lab.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}

#[tokio::test]
async fn an_answer_without_a_body_has_no_length() {
    let lab = Lab::instant(Seed::default()).await;
    let (head, body) = ask(&lab, "HEAD /api2/json/version", "", "").await;
    assert!(
        head.starts_with("HTTP/1.1 501 method 'HEAD' not available\r\n"),
        "{head}"
    );
    assert!(!head.to_ascii_lowercase().contains("content-length"), "{head}");
    assert_eq!(body, b"");
}

#[tokio::test]
async fn the_path_says_in_which_form_the_answer_comes() {
    let lab = Lab::instant(Seed::default()).await;
    let (_, body) = ask(&lab, "GET /api2/extjs/version", "", "").await;
    let body = String::from_utf8(body).unwrap();
    assert!(body.ends_with(r#","success":1}"#), "{body}");
    let (head, body) = ask(&lab, "GET /api2/extjs/nodes/pve1/qemu/999/config", "", "").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["success"], &body["status"]),
        (&serde_json::json!(0), &serde_json::json!(500))
    );
    let (head, _) = ask(&lab, "GET /api2/html/version", "", "").await;
    assert!(head.contains("Content-Type: text/html;charset=UTF-8"), "{head}");
    let (head, body) = ask(&lab, "GET /api2/foo/version", "", "").await;
    assert!(
        head.starts_with("HTTP/1.1 501 no formatter for uri /version, foo"),
        "{head}"
    );
    assert_eq!(body, b"no formatter for uri /version, foo");
}

#[tokio::test]
async fn long_answers_are_compressed_for_who_asks() {
    let lab = Lab::instant(Seed::default().with_foreign_vms(20)).await;
    let line = "GET /api2/json/cluster/resources";
    let (_, plain) = ask(&lab, line, "", "").await;
    let (head, packed) = ask(&lab, line, "Accept-Encoding: gzip\r\n", "").await;
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < plain.len());
    let (head, _) = ask(&lab, "GET /api2/json/version", "Accept-Encoding: gzip\r\n", "").await;
    assert!(!head.contains("Content-Encoding"), "{head}");
}

#[tokio::test]
async fn what_is_no_object_in_json_ends_in_the_servers_own_words() {
    for (release, line) in [(Release::V8_4, 957), (Release::V9_2, 978)] {
        let lab = Lab::instant(Seed::default().with_release(release)).await;
        let json = "Content-Type: application/json\r\n";
        let (head, body) = ask(&lab, "PUT /api2/json/nodes/pve1/qemu/9000/config", json, "[1]").await;
        let sentence =
            format!("Not a HASH reference at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line {line}.");
        assert!(
            head.starts_with(&format!("HTTP/1.1 500 {sentence}\r\n")),
            "{head}"
        );
        assert_eq!(String::from_utf8(body).unwrap(), format!("{sentence}\n"));
    }
}

#[tokio::test]
async fn a_header_of_too_many_lines_is_never_answered() {
    let mut timing = Timing::instant();
    timing.keep_alive = Duration::from_millis(200);
    let lab = Lab::start(Seed::default().with_timing(timing)).await;
    let lines = |count: usize| "X-Line: 1\r\n".repeat(count);
    let answer = speak(&lab, "GET /api2/json/version", &lines(80), "").await;
    assert_eq!(answer, "");
    let answer = speak(&lab, "GET /api2/json/version", &lines(40), "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_parameter_can_not_contradict_the_path() {
    let lab = Lab::instant(Seed::default()).await;
    let same = lab.get("/nodes/pve1/qemu/9000/config?vmid=9000").await;
    assert_eq!(same.status, 200);
    let other = lab.get("/nodes/pve1/qemu/9000/config?vmid=100").await;
    assert_eq!(
        other.error_of("vmid"),
        "duplicate parameter (already defined in URI) with conflicting values!"
    );
}

#[tokio::test]
async fn who_is_nobody_is_told_nothing_of_his_body() {
    let mut lab = Lab::instant(Seed::default()).await;
    lab.token = "none".to_owned();
    let line = "PUT /api2/json/nodes/pve1/qemu/9000/config";
    let (head, _) = ask(&lab, line, "Content-Type: text/plain\r\n", "x").await;
    assert!(head.starts_with("HTTP/1.1 401 No ticket\r\n"), "{head}");
}
