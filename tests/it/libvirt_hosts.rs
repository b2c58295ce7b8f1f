//! Hosts with libvirt, as resources: against a real daemon of the test's own.

use drover::api::conditions::{READY, reason};
use drover::api::{Host, HostKind, LibvirtHost};
use kube::Api;
use libvirt_host::{LibvirtHost as Daemon, Options};
use serde_json::{Value, json};

use crate::support::World;

async fn declare(world: &World, spec: Value) -> Api<LibvirtHost> {
    let object = json!({
        "apiVersion": "drover.dev/v1alpha1", "kind": "LibvirtHost",
        "metadata": {"name": world.name, "labels": {"test": world.name}},
        "spec": spec,
    });
    world.try_apply(&object.to_string()).await.unwrap();
    Api::all(world.client.clone())
}

#[tokio::test]
async fn host_is_connected_to_lost_and_found_again_by_its_uuid() {
    let Some(daemon) = Daemon::start_or_say(&Options::default()) else {
        return;
    };
    // A node of Proxmox VE of the same name is another host.
    let world = World::new("libvirt-host").await;
    let spec = json!({
        "uri": daemon.uri(),
        "poll": {"statistics": "500ms"},
        "allowedNamespaces": {"from": "All"},
    });
    let hosts = declare(&world, spec).await;
    let usable = world
        .wait_for(&hosts, &world.name, READY, "True", reason::USABLE)
        .await;
    world.wait_host(READY, "True", reason::USABLE).await;
    let status = usable.status.clone().unwrap();
    assert_eq!(status.cluster.unwrap().id, daemon.uuid().to_string());
    assert!(status.version.unwrap().starts_with(|c: char| c.is_ascii_digit()));
    assert!(status.capacity.unwrap().cpus > 0);
    let storages: Vec<&str> = status.storages.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(storages, ["default"]);
    assert_ne!(Host::from(usable).key(), HostKind::ProxmoxNode.key(&world.name));

    // What can't be done there yet is told, and not tried.
    world
        .try_apply_vm(
            "web",
            &format!(
                "{{hostRef: {{kind: LibvirtHost, name: {}}}, memory: {{size: 64Mi}}, disks: [{{name: scsi0, size: 1Gi}}]}}",
                world.name
            ),
        )
        .await
        .unwrap();
    world
        .wait_for(&world.vms(), "web", READY, "False", reason::UNSUPPORTED)
        .await;

    // Looked at by one call, however many domains there are.
    let polls = daemon.rpc_log().count("ConnectGetAllDomainStats");
    assert!(polls > 0);
    daemon.kill_daemon().unwrap();
    let lost = world
        .wait_for(&hosts, &world.name, READY, "Unknown", reason::HOST_UNREACHABLE)
        .await;
    assert_eq!(
        lost.status.unwrap().cluster.unwrap().id,
        daemon.uuid().to_string()
    );
    daemon.start_daemon().unwrap();
    world
        .wait_for(&hosts, &world.name, READY, "True", reason::USABLE)
        .await;
    assert_eq!(daemon.virsh(&["list", "--all", "--name"]).unwrap().trim(), "");
}

#[tokio::test]
async fn what_is_wrong_with_a_host_is_said_in_its_condition() {
    let world = World::builder("libvirt-wrong").undeclared().start().await;
    for (spec, why, part) in [
        (
            json!({"uri": "qemu:///system?socket=relative"}),
            reason::INVALID_SPEC,
            "spec.uri: ",
        ),
        (
            json!({"uri": "qemu+unix:///system?socket=/nonexistent/libvirt-sock"}),
            reason::HOST_UNREACHABLE,
            "check spec.uri, the network, and whether libvirtd runs",
        ),
        (
            json!({"uri": "qemu+tls://localhost/system", "credentialsRef": {"namespace": "drover-system", "name": "no-such-secret"}}),
            reason::CREDENTIALS_MISSING,
            "ca.crt, tls.crt, tls.key",
        ),
    ] {
        let hosts = declare(&world, spec).await;
        let host = world
            .wait_until(&format!("{why} to be said"), async || {
                let host = hosts.get_opt(&world.name).await.unwrap()?;
                let conditions = &host.status.as_ref()?.conditions;
                let ready = conditions.iter().find(|c| c.type_ == READY)?;
                (ready.reason == why).then(|| ready.message.clone())
            })
            .await;
        assert!(host.contains(part), "{part} in {host}");
    }
}
