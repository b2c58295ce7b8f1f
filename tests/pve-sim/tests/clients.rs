//! Clients that others wrote, for the real Proxmox VE, and which have to work here: proxmoxer, and ansible's
//! `community.proxmox`. `make tools` installs them; without them the tests say so and pass.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use pve_sim::{Seed, Simulator, Timing};
use tokio::process::Command;

/// How long a whole round may take: Python and ansible start a process for every step.
const ROUND: Duration = Duration::from_mins(5);

/// Python with the clients, if they are installed.
fn python() -> Option<PathBuf> {
    let python = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/bin/python"));
    python.exists().then_some(python)
}

/// Why a test passes without having done anything.
const SKIPPED: &str = "skipped: the Python clients are not installed: make tools";

async fn simulator() -> (Simulator, String, u16) {
    let timing = Timing {
        resources_refresh: Duration::from_millis(20),
        ..Timing::scaled(50.0)
    };
    let sim = Simulator::start(Seed::default().with_timing(timing))
        .await
        .unwrap();
    let port = sim.port();
    (sim, "127.0.0.1".to_owned(), port)
}

/// Runs a command to its end, and gives what it printed; a failure shows it.
async fn run(mut command: Command) -> String {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(ROUND, command.output())
        .await
        .unwrap()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{printed}\n{complained}");
    printed
}

fn beside(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients")).join(file)
}

#[tokio::test]
async fn proxmoxer_makes_a_round() {
    let Some(python) = python() else {
        println!("{SKIPPED}");
        return;
    };
    let (sim, host, port) = simulator().await;
    let (user, name) = sim.token_id().split_once('!').unwrap();
    let mut command = Command::new(python);
    command
        .arg(beside("round.py"))
        .arg(format!("{host}:{port}"))
        .args(["token", user, name, sim.token_secret()]);
    let printed = run(command).await;
    assert!(printed.ends_with("deleted\n"), "{printed}");
    assert!(sim.guests().iter().all(|guest| guest.vmid == 9000));
}

#[tokio::test]
async fn ansible_makes_a_round() {
    let Some(python) = python() else {
        println!("{SKIPPED}");
        return;
    };
    let (sim, host, port) = simulator().await;
    let (user, name) = sim.token_id().split_once('!').unwrap();
    let node = sim.node_names().remove(0);
    let home = tempfile::tempdir().unwrap();
    let given = serde_json::json!({
        "host": host, "api_port": port, "user": user, "node": node,
        "token_id": name, "token_secret": sim.token_secret(),
        "ansible_python_interpreter": python,
    });
    let mut command = Command::new(&python);
    command
        .args([
            "-m",
            "ansible",
            "playbook",
            "-i",
            "localhost,",
            "-e",
            &given.to_string(),
        ])
        .arg(beside("round.yml"))
        .env("HOME", home.path())
        .env("ANSIBLE_HOME", home.path())
        .env("ANSIBLE_LOCALHOST_WARNING", "false")
        .env("ANSIBLE_DEPRECATION_WARNINGS", "false")
        .env("PYTHONWARNINGS", "ignore");
    let printed = run(command).await;
    assert!(printed.contains("failed=0"), "{printed}");
    assert!(sim.guests().iter().all(|guest| guest.vmid == 9000));
    assert!(sim.requests().matching("POST", "/nodes/*/qemu/*/clone").len() == 1);
}
