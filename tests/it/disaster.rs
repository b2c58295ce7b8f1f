//! etcd emptied: the resources are gone, their machines are not, and what stands in Git is applied again.

use std::path::{Path, PathBuf};
use std::process::Command;

use drover::standalone::{Background, Options};
use pve_sim::{Seed, Simulator, Timing};
use serde_json::{Value, json};

use crate::support::{Process, search, until};

const NAMES: [&str; 3] = ["web", "db", "copy"];

/// A Kubernetes cluster of its own, with Drover's kinds.
struct Cluster {
    plane: Background,
    kubectl: PathBuf,
    _directory: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::ephemeral(directory.path().join("data"), search());
        let starting = tokio::task::spawn_blocking(|| Background::start(options));
        let cluster = Self {
            plane: starting.await.unwrap().unwrap(),
            kubectl: search().find("kubectl").unwrap(),
            _directory: directory,
        };
        let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        cluster.kubectl(&["apply", "--server-side", "-f", kinds.to_str().unwrap()]);
        for name in [
            "libvirthosts",
            "proxmoxnodes",
            "virtualmachines",
            "virtualmachineclasses",
        ] {
            let name = format!("crd/{name}.drover.dev");
            cluster.kubectl(&["wait", "--for=condition=Established", &name]);
        }
        cluster
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(self.plane.kubeconfig())
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", what, "-n", "default", "-o", "json"])).unwrap()
    }

    async fn drover(&self, more: &[&str]) -> Process {
        Process::start_by(
            self.plane.kubeconfig(),
            "all=mine",
            &[&["--leader-elect=false"], more].concat(),
        )
        .await
    }

    /// Waits until the condition Ready of all machines has a status and a reason.
    async fn wait(&self, status: &str, reason: &str) {
        for name in NAMES {
            let what = format!("dvm/{name}");
            until(format!("{name} to be {reason}"), async || {
                let machine = self.get(&what);
                let conditions = machine["status"]["conditions"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let ready = conditions.into_iter().find(|c| c["type"] == "Ready")?;
                (ready["status"] == status && ready["reason"] == reason).then_some(())
            })
            .await;
        }
    }
}

/// What stands in Git.
fn manifests(sim: &Simulator) -> String {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pve1", "namespace": "drover-system"},
        "stringData": {"tokenId": sim.token_id(), "tokenSecret": sim.token_secret()}});
    let host = json!({"apiVersion": "drover.dev/v1alpha1", "kind": "ProxmoxNode",
        "metadata": {"name": "pve1", "labels": {"all": "mine"}},
        "spec": {"host": "127.0.0.1", "port": sim.port(), "tls": {"fingerprint": sim.fingerprint()},
            "credentialsRef": {"namespace": "drover-system", "name": "pve1"},
            "poll": {"tasks": "200ms", "resources": "500ms", "sweep": "1h"},
            "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"},
            "defaults": {"storage": "local-lvm", "bridge": "vmbr0"}}});
    let machine = |name: &str, more: Value| {
        let mut spec = json!({"hostRef": {"kind": "ProxmoxNode", "name": "pve1"}, "powerState": "Running"});
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec})
    };
    let blank = json!({"memory": {"size": "64Mi"}, "disks": [{"name": "scsi0", "size": "1Gi"}]});
    let copy = json!({"source": {"clone": {"vmid": 9000}}});
    let machines = [
        machine("web", blank.clone()),
        machine("db", blank),
        machine("copy", copy),
    ];
    let all: Vec<Value> = [secret, host].into_iter().chain(machines).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": all}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_of_a_lost_cluster_are_bound_anew_by_those_who_say_that_it_is_lost() {
    let seed = Seed::default().with_timing(Timing::scaled(20.0));
    let sim = Simulator::start(seed).await.unwrap();
    let git = tempfile::tempdir().unwrap();
    let git = git.path().join("all.json");
    std::fs::write(&git, manifests(&sim)).unwrap();
    let apply = ["apply", "-f", git.to_str().unwrap()];

    let lost = Cluster::start().await;
    let process = lost.drover(&[]).await;
    lost.kubectl(&apply);
    lost.wait("True", "Running").await;
    let before = sim.guests();
    let numbers =
        |cluster: &Cluster| NAMES.map(|name| cluster.get(&format!("dvm/{name}"))["status"]["vmid"].clone());
    let given = numbers(&lost);
    let uid = lost.get("ns/kube-system")["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    process.kill();
    drop(lost);

    let next = Cluster::start().await;
    let mut process = next.drover(&["--create-settle=2s"]).await;
    next.kubectl(&apply);
    let position = sim.position();
    next.wait("False", "MarkedByOther").await;
    let told = next.kubectl(&["describe", "dvm/web"]);
    assert!(told.contains(&format!("--recover-from {uid}")), "{told}");
    assert!(process.terminate().await.success());
    assert!(sim.mutations().since(position).is_empty());
    assert_eq!(sim.guests(), before);

    let _process = next.drover(&["--create-settle=2s", "--recover-from", &uid]).await;
    next.wait("True", "Running").await;
    assert_eq!(numbers(&next), given);
    let sent = sim.mutations().since(position);
    // The mark of each is written anew, and nothing else.
    assert_eq!(sent.len(), NAMES.len(), "{sent:?}");
    assert!(
        sent.0
            .iter()
            .all(|request| request.param("description").is_some()),
        "{sent:?}"
    );
    let as_before = |guest: &pve_sim::GuestView| {
        let old = before.iter().find(|known| known.vmid == guest.vmid);
        old.is_some_and(|old| {
            (&old.uuid, old.running, old.starts) == (&guest.uuid, guest.running, guest.starts)
        })
    };
    assert_eq!(sim.guests().len(), before.len());
    assert!(sim.guests().iter().all(as_before), "{:?}", sim.guests());

    // They are what they were to their former resources: made by Drover.
    next.kubectl(&[
        "delete",
        "dvm/web",
        "-n",
        "default",
        "--wait=true",
        "--timeout=60s",
    ]);
    assert_eq!(sim.guests().len(), before.len() - 1);
    sim.shutdown().await;
}
