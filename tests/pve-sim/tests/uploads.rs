//! Uploads: multipart bodies in the one order that Proxmox VE takes.

use reqwest::Response;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client::Lab;
use pve_sim::Seed;

const BOUNDARY: &str = "----boundary";

fn field(name: &str, value: &str) -> Vec<u8> {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let mut part = head.into_bytes();
    part.extend_from_slice(content);
    part.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    part
}

async fn send(lab: &Lab, storage: &str, parts: &[Vec<u8>]) -> Response {
    let url = format!("{}/api2/json/nodes/pve1/storage/{storage}/upload", lab.sim.url());
    lab.http
        .post(url)
        .header("Authorization", &lab.token)
        .header(
            "Content-Type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(parts.concat())
        .send()
        .await
        .unwrap()
}

async fn exit_of(lab: &Lab, response: Response) -> String {
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    let upid = body["data"].as_str().unwrap().to_owned();
    assert!(upid.contains(":imgcopy::root@pam!drover:"), "{upid}");
    let path = format!("/nodes/pve1/tasks/{upid}/status");
    let mut exit = String::new();
    crate::client::eventually("an end", async || {
        let status = lab.get(&path).await.data();
        status["exitstatus"].as_str().unwrap_or("").clone_into(&mut exit);
        !exit.is_empty()
    })
    .await;
    exit
}

#[tokio::test]
async fn a_file_is_counted_and_hashed_as_it_comes() {
    let lab = Lab::instant(Seed::default()).await;
    // More than the body of any other request may hold, with line feeds in it that begin no boundary.
    let content = b"\r\n-x".repeat(500_000);
    let checksum = format!("{:x}", Sha256::digest(&content));
    let parts = [
        field("content", "iso"),
        field("checksum-algorithm", "sha256"),
        field("checksum", &checksum),
        file("a b.iso", &content),
    ];
    let response = send(&lab, "local", &parts).await;
    assert_eq!(response.headers()["connection"], "close");
    assert_eq!(exit_of(&lab, response).await, "OK");
    let rows = lab
        .get("/nodes/pve1/storage/local/content?content=iso")
        .await
        .data();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["volid"] == "local:iso/a_b.iso");
    assert_eq!(row.unwrap()["size"], content.len());
}

#[tokio::test]
async fn a_wrong_checksum_is_found_in_the_task() {
    let lab = Lab::instant(Seed::default()).await;
    let none = "0".repeat(64);
    let parts = [
        field("content", "iso"),
        field("checksum-algorithm", "sha256"),
        field("checksum", &none),
        file("x.iso", b"abc"),
    ];
    let exit = exit_of(&lab, send(&lab, "local", &parts).await).await;
    assert!(exit.starts_with("checksum mismatch: got 'ba7816bf"), "{exit}");
}

#[tokio::test]
async fn another_order_is_a_bad_request_without_a_word() {
    let lab = Lab::instant(Seed::default()).await;
    let parts = [
        field("checksum", "00"),
        field("checksum-algorithm", "sha256"),
        field("content", "iso"),
        file("x.iso", b"abc"),
    ];
    let response = send(&lab, "local", &parts).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn what_can_be_told_from_the_fields_is_told_at_once() {
    let lab = Lab::instant(Seed::default()).await;
    for (content, name, parameter, sentence) in [
        ("iso", "x.txt", "filename", "wrong file extension"),
        (
            "backup",
            "x.vma",
            "content",
            "value 'backup' does not have a value in the enumeration 'iso, vztmpl, import'",
        ),
    ] {
        let parts = [field("content", content), file(name, b"abc")];
        let body: Value = send(&lab, "local", &parts).await.json().await.unwrap();
        assert_eq!(body["errors"][parameter], sentence);
    }
    let parts = [field("content", "import"), file("x.qcow2", b"abc")];
    let exit = exit_of(&lab, send(&lab, "local", &parts).await).await;
    assert!(exit.ends_with("Image is not in qcow2 format"), "{exit}");
}
