//! The program, as a supervisor starts it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::eventually;

/// Ended when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_in_order() {
    let info = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("info-{}.json", std::process::id()));
    let mut program = Running(
        Command::new(env!("CARGO_BIN_EXE_pve-sim"))
            .args([
                "--nodes",
                "2",
                "--vms",
                "3",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--info-file",
            ])
            .arg(&info)
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    eventually("the info file is written", async || info.exists()).await;
    assert_eq!(
        std::fs::metadata(&info).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let told: Value = serde_json::from_slice(&std::fs::read(&info).unwrap()).unwrap();
    std::fs::remove_file(&info).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    assert!(told["port"].as_u64().unwrap() > 0 && text("admin").starts_with("http://127.0.0.1:"));

    let ca = reqwest::Certificate::from_pem(text("ca_pem").as_bytes()).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .build()
        .unwrap();
    let token = format!("PVEAPIToken={}={}", text("token_id"), text("token_secret"));
    let request = http.get(format!("{}/api2/json/cluster/resources?type=vm", text("url")));
    let answer: Value = request
        .header("Authorization", token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["data"].as_array().unwrap().len(), 4);

    let id = program.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let mut status = None;
    eventually("it ends", async || {
        status = program.0.try_wait().unwrap();
        status.is_some()
    })
    .await;
    assert!(status.unwrap().success());
}
