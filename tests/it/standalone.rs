//! The control plane of one's own, and the program `drover standalone` around it: what starts, what lasts,
//! what is never left behind.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use drover::standalone::{Background, ControlPlane, Error, Options, Search};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/bin");
const PROGRAMS: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

fn search() -> Search {
    Search {
        assets_dir: Some(TOOLS.into()),
        ..Search::default()
    }
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z")
}

/// Waits for a condition; the deadline is far beyond what it takes.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn background_control_plane_serves_and_ends_with_its_value() {
    let directory = tempfile::tempdir().unwrap();
    let plane = Background::start(Options::ephemeral(directory.path().join("data"), search())).unwrap();
    let pids: Vec<u32> = PROGRAMS
        .iter()
        .map(|program| recorded_pid(plane.data_dir(), program).unwrap())
        .collect();
    current_thread().block_on(async {
        let client = Client::try_from(plane.client_config()).unwrap();
        let namespaces = Api::<Namespace>::all(client);
        namespaces.get("drover-system").await.unwrap();
    });
    let refused = Background::start(Options::ephemeral(plane.data_dir().to_owned(), search())).unwrap_err();
    assert!(matches!(refused, Error::InUse(_)), "{refused}");

    drop(plane);
    assert!(pids.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn programs_die_with_the_thread_that_started_them() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::ephemeral(directory.path().join("data"), search());
    let pids = std::thread::spawn(|| {
        let runtime = current_thread();
        let plane = runtime.block_on(ControlPlane::start(options)).unwrap();
        let pids = PROGRAMS.map(|program| plane.pid(program).unwrap());
        // As after SIGKILL: nothing is dropped, nobody says good-bye.
        std::mem::forget((plane, runtime));
        pids
    })
    .join()
    .unwrap();
    wait_for("the programs to end", || pids.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn program_that_can_not_start_is_named_with_its_last_words() {
    let directory = tempfile::tempdir().unwrap();
    let assets = assets_with(
        directory.path(),
        "kube-apiserver",
        "#!/bin/sh\necho no can do\nexit 1\n",
    );
    let search = Search {
        assets_dir: Some(assets),
        ..Search::default()
    };
    let error = Background::start(Options::ephemeral(directory.path().join("data"), search)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("kube-apiserver does not start") && text.contains("no can do"),
        "{text}"
    );
}

#[test]
fn killed_standalone_is_cleaned_up_after_and_keeps_everything_and_the_simulated_host() {
    let directory = tempfile::tempdir().unwrap();
    let assets = assets_with(directory.path(), "pve-sim", SIMULATOR);
    let data = directory.path().join("data");

    let mut first = Standalone::start(&assets, &data);
    let programs: Vec<u32> = PROGRAMS
        .iter()
        .map(|program| recorded_pid(&data, program).unwrap())
        .collect();
    let simulator = recorded_pid(&data, "pve-sim").unwrap();
    let kubeconfig = fs::read_to_string(data.join("kubeconfig")).unwrap();
    kubectl(&data, &["create", "configmap", "kept"]);
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    assert!(
        programs.iter().all(|pid| is_running(*pid)),
        "SIGKILL leaves them behind"
    );

    let mut second = Standalone::start(&assets, &data);
    assert!(programs.iter().all(|pid| !is_running(*pid)));
    assert_eq!(
        recorded_pid(&data, "pve-sim"),
        Some(simulator),
        "the host goes on"
    );
    assert_eq!(fs::read_to_string(data.join("kubeconfig")).unwrap(), kubeconfig);
    let manifest = fs::read_to_string(data.join("simulated-host.yaml")).unwrap();
    assert!(manifest.contains("kind: ProxmoxNode") && manifest.contains("kind: Secret"));
    let get = kubectl(
        &data,
        &["get", "configmap/kept", "proxmoxnode/pve1", "-o", "name"],
    );
    assert_eq!(get, "configmap/kept\nproxmoxnode.drover.dev/pve1\n");

    let programs: Vec<u32> = PROGRAMS
        .iter()
        .map(|program| recorded_pid(&data, program).unwrap())
        .collect();
    second.signal("TERM");
    let ended = second.0.wait().unwrap();
    let log = fs::read_to_string(data.with_extension("log")).unwrap();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(programs.iter().all(|pid| !is_running(*pid)));
    assert!(!is_running(simulator), "an orderly end ends the simulator too");
}

/// Says where it listens, as pve-sim does, and stays.
const SIMULATOR: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = --info-file ] && info=$2; shift; done
cat > "$info.new" <<'END'
{"url": "https://127.0.0.1:1", "port": 1, "admin": "http://127.0.0.1:2", "token_id": "root@pam!drover",
 "token_secret": "00000000-0000-4000-8000-000000000000", "ca_pem": "",
 "fingerprint": "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB"}
END
mv "$info.new" "$info"
exec sleep 600
"#;

/// The real programs, and one of our own in their midst.
fn assets_with(directory: &Path, program: &str, script: &str) -> PathBuf {
    let assets = directory.join("assets");
    fs::create_dir(&assets).unwrap();
    for real in PROGRAMS
        .iter()
        .chain(&["kubectl"])
        .filter(|real| **real != program)
    {
        symlink(Path::new(TOOLS).join(real), assets.join(real)).unwrap();
    }
    let path = assets.join(program);
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    assets
}

fn recorded_pid(data: &Path, program: &str) -> Option<u32> {
    let text = fs::read_to_string(data.join("run").join(format!("{program}.json"))).ok()?;
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    u32::try_from(record["pid"].as_u64()?).ok()
}

fn kubectl(data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(Path::new(TOOLS).join("kubectl"))
        .arg("--kubeconfig")
        .arg(data.join("kubeconfig"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The program `drover standalone --simulate`; ended, with all that it started, when the test ends.
struct Standalone(Child, PathBuf);

impl Standalone {
    fn start(assets: &Path, data: &Path) -> Self {
        let out = data.with_extension("out");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(data.with_extension("log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_drover"))
            .args(["standalone", "--simulate", "--admin-listen=127.0.0.1:0"])
            .arg("--data-dir")
            .arg(data)
            .arg("--assets-dir")
            .arg(assets)
            .current_dir(assets)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&out).unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started = Self(child, data.to_owned());
        wait_for("drover standalone to say that it runs", || {
            if let Some(status) = started.0.try_wait().unwrap() {
                let log = fs::read_to_string(data.with_extension("log")).unwrap();
                panic!("drover standalone ended with {status}:\n{log}");
            }
            fs::read_to_string(&out).unwrap().contains("Ctrl-C")
        });
        started
    }

    fn signal(&self, signal: &str) {
        send(signal, self.0.id());
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_some()) && !std::thread::panicking() {
            return;
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
        for program in PROGRAMS.iter().chain(&["pve-sim"]) {
            if let Some(pid) = recorded_pid(&self.1, program).filter(|pid| is_running(*pid)) {
                send("KILL", pid);
            }
        }
    }
}

fn send(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}
