//! The built program `drover run`, which can be killed and started again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use super::{plane::plane, waiting::until};

/// A running program; dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

/// How a command of the built program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) printed: String,
    /// What it said beside that.
    pub(crate) said: String,
}

/// Runs a command of the built program against the test's cluster to its end.
pub(crate) fn drover(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_drover"))
        .args(arguments)
        .arg("--kubeconfig")
        .arg(plane().kubeconfig())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        printed: text(output.stdout),
        said: text(output.stderr),
    }
}

impl Process {
    /// Starts it, and waits until it serves its probes.
    pub(crate) async fn start(host_selector: &str, more: &[&str]) -> Self {
        Self::start_by(plane().kubeconfig(), host_selector, more).await
    }

    /// Starts it with another way to the Kubernetes API.
    pub(crate) async fn start_by(kubeconfig: &Path, host_selector: &str, more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_drover"))
            .args(["run", "--admin-listen=127.0.0.1:0", "--log-format=json"])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--host-selector")
            .arg(host_selector)
            .args(more)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut process = Self {
            child,
            log,
            _directory: directory,
        };
        until("drover to serve its probes", async || {
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("drover ended with {status}:\n{}", process.log_text());
            }
            process.admin_url()
        })
        .await;
        process
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The lines of its log, as JSON.
    pub(crate) fn log_lines(&self) -> Vec<serde_json::Value> {
        let text = self.log_text();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    fn admin_url(&self) -> Option<String> {
        let lines = self.log_lines();
        let serving = lines.iter().find(|line| {
            line["message"]
                .as_str()
                .is_some_and(|m| m.starts_with("serving /metrics"))
        })?;
        Some(format!("http://{}", serving["address"].as_str().unwrap()))
    }

    /// Asks its admin server.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let url = self.admin_url().unwrap();
        let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        until("drover to end", async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}
