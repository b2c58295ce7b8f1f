//! The program, as people and supervisors start it.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::eventually;

/// The program in a folder of its own. It is ended when the test ends, however it ends.
struct Running {
    child: Child,
    folder: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pve-sim"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// On free ports.
const ANYWHERE: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

impl Running {
    fn start(folder: TempDir, args: &[&str]) -> Self {
        let info = folder.path().join("info.json");
        let child = program()
            .args(args)
            .arg("--info-file")
            .arg(&info)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn info_file(&self) -> PathBuf {
        self.folder.path().join("info.json")
    }

    async fn info(&self) -> Value {
        let file = self.info_file();
        eventually("the info file is written", async || file.exists()).await;
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
    }

    /// What it answers.
    async fn get(&self, path: &str) -> Value {
        let told = self.info().await;
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let ca = reqwest::Certificate::from_pem(text("ca_pem").as_bytes()).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            .build()
            .unwrap();
        let token = format!("PVEAPIToken={}={}", text("token_id"), text("token_secret"));
        let request = http.get(format!("{}/api2/json{path}", text("url")));
        let answer = request.header("Authorization", token).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["data"].take()
    }

    async fn admin(&self, path: &str) -> Value {
        let told = self.info().await;
        let url = format!("{}{path}", told["admin"].as_str().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// Ends it in order; how it ended, and what it said on both channels.
    async fn end(mut self) -> (ExitStatus, String, String) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        let mut status = None;
        eventually("it ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        let (mut out, mut error) = (String::new(), String::new());
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut error)
            .unwrap();
        (status.unwrap(), out, error)
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_in_order() {
    let args = [&ANYWHERE[..], &["--nodes", "2", "--vms", "3"]].concat();
    let running = Running::start(TempDir::new().unwrap(), &args);
    let told = running.info().await;
    let mode = std::fs::metadata(running.info_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(told["port"].as_u64().unwrap() > 0);
    assert!(told["admin"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let guests = running.get("/cluster/resources?type=vm").await;
    assert_eq!(guests.as_array().unwrap().len(), 4);
    let (status, out, _) = running.end().await;
    assert!(status.success());
    assert!(out.contains("nodes:       pve1 pve2"), "{out}");
}

const SEED: &str = "
nodes: 3
foreign_vms: 2
release: '7.4'
token_id: root@pam!seeded
timing: {time_scale: 10}
listen: 127.0.0.1:0
admin: 127.0.0.1:0
";

#[tokio::test]
async fn a_seed_counts_with_its_addresses_when_no_option_is_given() {
    let folder = TempDir::new().unwrap();
    let seed = write(&folder, "seed.yaml", SEED);
    let running = Running::start(folder, &["--seed", shown(&seed)]);
    assert_eq!(running.info().await["token_id"], "root@pam!seeded");
    assert_eq!(running.get("/nodes").await.as_array().unwrap().len(), 3);
    assert_eq!(running.get("/version").await["release"], "7.4");
    assert_eq!(running.admin("/timing").await["time_scale"], 10.0);
}

#[tokio::test]
async fn an_option_counts_before_the_seed_also_when_it_is_the_default() {
    let folder = TempDir::new().unwrap();
    let seed = write(&folder, "seed.yaml", SEED);
    let options = [
        "--seed",
        shown(&seed),
        "--nodes",
        "1",
        "--vms",
        "0",
        "--release",
        "9.2",
        "--token-id",
        "root@pam!drover",
        "--time-scale",
        "1",
    ];
    let running = Running::start(folder, &options);
    assert_eq!(running.info().await["token_id"], "root@pam!drover");
    assert_eq!(running.get("/nodes").await.as_array().unwrap().len(), 1);
    let guests = running.get("/cluster/resources?type=vm").await;
    assert_eq!(guests.as_array().unwrap().len(), 1, "the template alone");
    assert_ne!(running.get("/version").await["release"], "7.4");
    assert_eq!(running.admin("/timing").await["time_scale"], 1.0);
}

#[tokio::test]
async fn another_release_is_another_proxmox() {
    let args = [&ANYWHERE[..], &["--release", "8.4"]].concat();
    let running = Running::start(TempDir::new().unwrap(), &args);
    assert_eq!(running.get("/version").await["release"], "8.4");
}

#[tokio::test]
async fn a_scenario_plays_and_its_events_are_printed() {
    let folder = TempDir::new().unwrap();
    let story = write(
        &folder,
        "story.yaml",
        "steps: [{happen: [{happen: destroy, vmid: 100}]}]",
    );
    let args = [
        &ANYWHERE[..],
        &["--vms", "2", "--events", "--scenario", shown(&story)],
    ]
    .concat();
    let running = Running::start(folder, &args);
    eventually("the guest is gone", async || {
        running.admin("/guests").await.as_array().unwrap().len() == 2
    })
    .await;
    eventually("the scenario has ended", async || {
        running.admin("/scenarios/1").await["finished"] == true
    })
    .await;
    let (_, out, error) = running.end().await;
    assert!(out.contains("guest 100 is destroyed by hand"), "{out}");
    assert_eq!(error, "");
}

#[tokio::test]
async fn a_step_that_can_not_be_carried_out_is_told() {
    let folder = TempDir::new().unwrap();
    let story = write(
        &folder,
        "story.yaml",
        "steps: [{happen: [{happen: destroy, vmid: 555}]}]",
    );
    let args = [&ANYWHERE[..], &["--scenario", shown(&story)]].concat();
    let mut running = Running::start(folder, &args);
    running.info().await;
    eventually("the scenario has ended", async || {
        running.admin("/scenarios/1").await["finished"] == true
    })
    .await;
    assert!(running.child.try_wait().unwrap().is_none(), "it goes on");
    let (_, _, error) = running.end().await;
    assert_eq!(error, "pve-sim: scenario: step 1: no guest 555\n");
}

#[tokio::test]
async fn a_state_is_written_at_the_end_and_taken_up_by_the_next_start() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state.json");
    let first = [&ANYWHERE[..], &["--vms", "2", "--state", shown(&state)]].concat();
    let running = Running::start(TempDir::new().unwrap(), &first);
    let told = running.info().await;
    let config = running.get("/nodes/pve1/qemu/101/config").await;
    assert!(running.end().await.0.success());
    let mode = std::fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let second = [&ANYWHERE[..], &["--state", shown(&state)]].concat();
    let running = Running::start(TempDir::new().unwrap(), &second);
    let again = running.info().await;
    for kept in [
        "fingerprint",
        "ca_fingerprint",
        "ca_pem",
        "token_id",
        "token_secret",
    ] {
        assert_eq!(again[kept], told[kept], "{kept}");
    }
    assert_eq!(running.get("/nodes/pve1/qemu/101/config").await, config);
}

#[tokio::test]
async fn help_names_every_option_with_its_default() {
    let told = program().arg("--help").output().unwrap();
    assert!(told.status.success());
    let text = String::from_utf8(told.stdout).unwrap();
    for option in [
        "--nodes",
        "--vms",
        "--listen",
        "--admin",
        "--time-scale",
        "--token-id",
        "--token-secret",
        "--root-password",
        "--seed",
        "--scenario",
        "--state",
        "--events",
        "--release",
        "--info-file",
    ] {
        assert!(text.contains(option), "{option}: {text}");
    }
    for default in ["127.0.0.1:8006", "127.0.0.1:8007", "root@pam!drover", "9.2"] {
        assert!(
            text.contains(&format!("[default: {default}]")),
            "{default}: {text}"
        );
    }
}

#[tokio::test]
async fn what_it_can_not_begin_with_is_told() {
    for (option, value, reason) in [
        ("--release", "6.4", "6.4"),
        ("--time-scale", "0", "a number above zero"),
        ("--nodes", "0", "at least one node"),
        ("--admin", "192.0.2.1:0", "on loopback only"),
    ] {
        let told = program()
            .args(["--listen", "127.0.0.1:0", option, value])
            .output();
        let told = told.unwrap();
        assert!(!told.status.success(), "{option}");
        let error = String::from_utf8(told.stderr).unwrap();
        assert!(error.contains(reason), "{option}: {error}");
    }
}
