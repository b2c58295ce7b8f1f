//! Machines move to the node where they are to be: by their spec, and for the maintenance of a node.

use drover::api::{Maintained, MaintenanceStatus};
use pve_sim::{Fault, Matcher, Seed};
use serde_json::json;

use crate::support::{World, condition, drover};

const SMALL: &str = "
powerState: Running
memory: {size: 64Mi}
disks: [{name: scsi0, size: 1Gi}]";

/// Two nodes, each declared; the second one's name.
async fn two_nodes(test: &str) -> (World, String) {
    let world = World::builder(test)
        .seed(|seed| Seed { nodes: 2, ..seed })
        .start()
        .await;
    let second = second_host(&world).await;
    (world, second)
}

async fn second_host(world: &World) -> String {
    let second = format!("{}-2", world.name);
    let poll = json!({"tasks": "200ms", "resources": "500ms", "sweep": "1h"});
    world
        .declare(
            &second,
            json!({"nodeName": "pve2", "poll": poll, "timeout": "5s", "allowedNamespaces": {"from": "All"},
                "tenancy": {"mode": "Trusted"}, "defaults": {"storage": "local-lvm", "bridge": "vmbr0"}}),
        )
        .await;
    world
        .wait_for(&world.hosts(), &second, "Ready", "True", "Usable")
        .await;
    second
}

async fn name_host(world: &World, machine: &str, host: &str) {
    world
        .patch_vm(machine, json!({"spec": {"hostRef": {"name": host}}}))
        .await;
}

fn moves(world: &World) -> usize {
    world.sent("POST", "/nodes/*/qemu/*/migrate").len()
}

#[tokio::test]
async fn another_node_in_the_spec_moves_a_machine_while_it_runs_and_one_that_does_not() {
    let (world, second) = two_nodes("moved").await;
    world.apply_vm("web", SMALL).await;
    world.apply_vm("off", &SMALL.replace("Running", "Stopped")).await;
    world.wait_ready("web").await;
    world.wait_ready("off").await;
    let uuid = world.guest("web").await.config["smbios1"].clone();
    for (machine, live) in [("web", true), ("off", false)] {
        let vmid = world.vmid(machine).await;
        let position = world.sim.position();
        name_host(&world, machine, &second).await;
        let vm = world.wait_ready(machine).await;
        let status = vm.status.unwrap();
        assert_eq!(
            (status.node.as_deref(), status.host),
            (Some("pve2"), Some(second.clone()))
        );
        assert!(status.migration.is_none() && status.drift.is_empty());
        let guest = world.sim.guest(vmid).unwrap();
        assert_eq!((guest.node.as_str(), guest.running), ("pve2", live), "{machine}");
        world
            .wait_event(machine, "Migrated", "from node pve1 to node pve2")
            .await;
        let sent = world.sim.mutations().since(position);
        let orders = sent.matching("POST", "/nodes/pve1/qemu/*/migrate");
        assert_eq!((sent.len(), orders.len()), (1, 1), "{sent:?}");
        let order = orders.iter().next().unwrap();
        assert_eq!(order.param("online").is_some(), live);
    }
    assert_eq!(world.guest("web").await.config["smbios1"], uuid);
    // It stays where a person has it, and goes from there with its resource.
    world.sim.move_guest(world.vmid("off").await, "pve1").unwrap();
    world
        .wait_until("the status to follow", async || {
            (world.vm("off").await.status?.node.as_deref() == Some("pve1")).then_some(())
        })
        .await;
    world.passes("off", 2).await;
    assert_eq!(moves(&world), 2);
    let vmid = world.vmid("off").await;
    world.delete_vm("off").await;
    world.wait_vm_gone("off").await;
    assert_eq!(world.sim.guest(vmid), None);
}

#[tokio::test]
async fn pinned_machine_is_brought_back_and_one_that_follows_is_not() {
    let (world, _second) = two_nodes("pinned").await;
    world.apply_vm("web", &format!("{SMALL}\nnodePolicy: Pin")).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.move_guest(vmid, "pve2").unwrap();
    world
        .wait_guest(vmid, "to be brought back", |guest| guest.node == "pve1")
        .await;
    world.wait_ready("web").await;
    assert_eq!(moves(&world), 1);
    world
        .wait_event("web", "ChangedOnHost", "hostRef is pve2 instead of pve1")
        .await;
}

#[tokio::test]
async fn a_move_that_can_not_be_is_refused_with_what_stands_in_the_way() {
    let (world, second) = two_nodes("unmoved").await;
    let iso = format!("{SMALL}\ncdrom: {{iso: 'local:iso/debian-12.iso'}}");
    world.apply_vm("web", &iso).await;
    world.wait_ready("web").await;
    name_host(&world, "web", &second).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "MigrationImpossible")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("local:iso/debian-12.iso") && message.contains("eject"),
        "{message}"
    );
    assert_eq!(moves(&world), 0);
    assert_eq!(vm.status.unwrap().host, Some(world.name.clone()));
    // The rest of the spec is carried out, and the obstacle taken away suffices.
    world
        .patch_vm(
            "web",
            json!({"spec": {"cdrom": {"iso": null, "ejected": true}, "description": "moved"}}),
        )
        .await;
    let vm = world.wait_ready("web").await;
    assert_eq!(vm.status.unwrap().node.as_deref(), Some("pve2"));

    // A cordoned node takes none.
    world
        .patch_host(&world.name, json!({"spec": {"maintenance": {"mode": "Cordon"}}}))
        .await;
    world.wait_host("Maintenance", "True", "Cordoned").await;
    name_host(&world, "web", &world.name).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "MigrationImpossible")
        .await;
    assert!(condition(&vm, "Ready").unwrap().message.contains("maintenance"));
    world.apply_vm("new", SMALL).await;
    world.wait_vm("new", "Ready", "False", "Cordoned").await;
    assert!(world.vm("new").await.status.unwrap().vmid.is_none());
    world
        .patch_host(&world.name, json!({"spec": {"maintenance": null}}))
        .await;
    world.wait_ready("new").await;
    world.wait_ready("web").await;
    assert_eq!(world.guest("web").await.node, "pve1");
}

#[tokio::test]
async fn a_host_of_another_cluster_is_refused_and_the_machine_can_still_go() {
    let world = World::new("elsewhere").await;
    let other = World::builder("elsewhere-other").without_drover().start().await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    // The other cluster's host, for this Drover.
    let spec = json!({"port": other.sim.port(), "tls": {"fingerprint": other.sim.fingerprint()},
        "credentialsRef": {"name": other.name}, "allowedNamespaces": {"from": "All"}});
    let foreign = format!("{}-far", world.name);
    world.declare(&foreign, spec).await;
    world
        .wait_for(&world.hosts(), &foreign, "Ready", "True", "Usable")
        .await;
    name_host(&world, "web", &foreign).await;
    let vm = world
        .wait_vm("web", "Stalled", "True", "MigrationImpossible")
        .await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("another cluster") && message.contains(&world.name),
        "{message}"
    );
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
    assert!(other.sim.mutations().is_empty());
}

#[tokio::test]
async fn a_lost_answer_and_a_failed_task_move_a_machine_once() {
    let (world, second) = two_nodes("move-faults").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let migrate = || Matcher::new("POST", "/nodes/pve1/qemu/*/migrate");
    world.sim.fault(Fault::lost_answer(migrate()).times(1));
    name_host(&world, "web", &second).await;
    world.wait_ready("web").await;
    assert_eq!(
        (world.guest("web").await.node.as_str(), moves(&world)),
        ("pve2", 1)
    );

    world
        .sim
        .fault(Fault::task_error("qmigrate", "migration aborted").times(1));
    name_host(&world, "web", &world.name).await;
    world.wait_vm("web", "Ready", "Unknown", "TaskFailed").await;
    world.wait_ready("web").await;
    assert_eq!(
        (world.guest("web").await.node.as_str(), moves(&world)),
        ("pve1", 3)
    );
}

#[tokio::test]
async fn drover_killed_while_a_machine_moves_moves_it_once() {
    let (mut world, second) = two_nodes("move-killed").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.hold_tasks();
    name_host(&world, "web", &second).await;
    world.wait_vm("web", "Ready", "False", "Migrating").await;
    world.kill_drover();
    world.start_drover();
    world.wait_vm("web", "Ready", "False", "Migrating").await;
    world.sim.release_tasks();
    world.wait_ready("web").await;
    assert_eq!(
        (world.sim.guest(vmid).unwrap().node.as_str(), moves(&world)),
        ("pve2", 1)
    );
}

async fn report(world: &World, what: &str, is: impl Fn(&MaintenanceStatus) -> bool) -> MaintenanceStatus {
    world
        .wait_until(what, async || {
            let status = world.hosts().get(&world.name).await.unwrap().status?;
            status.maintenance.filter(|m| is(m))
        })
        .await
}

#[tokio::test]
async fn node_is_evacuated_with_a_report_and_its_machines_come_back() {
    let (world, _second) = two_nodes("evacuated").await;
    let iso = format!("{SMALL}\ncdrom: {{iso: 'local:iso/debian-12.iso'}}");
    world.apply_vm("web", SMALL).await;
    world.apply_vm("stuck", &iso).await;
    world.apply_vm("off", &SMALL.replace("Running", "Stopped")).await;
    for machine in ["web", "stuck", "off"] {
        world.wait_ready(machine).await;
    }
    let others = world
        .sim
        .guests()
        .iter()
        .filter(|g| g.node == "pve1" && g.running)
        .count()
        - 2;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"maintenance": {"mode": "Evacuate"}}}),
        )
        .await;
    let host = world.wait_host("Maintenance", "True", "EvacuationBlocked").await;
    let message = &condition(&host, "Maintenance").unwrap().message;
    assert!(
        message.contains(&format!("{}/stuck", world.name)) && message.contains("eject"),
        "{message}"
    );
    let told = host.status.unwrap().maintenance.unwrap();
    assert_eq!((told.away, told.blocked, told.waiting), (1, 1, 0), "{told:?}");
    assert_eq!(told.others as usize, others);
    let states: Vec<_> = told.machines.iter().map(|m| (m.name.as_str(), m.state)).collect();
    assert_eq!(
        states,
        [("stuck", Maintained::Blocked), ("web", Maintained::Away)]
    );
    assert_eq!(world.guest("web").await.node, "pve2");
    assert_eq!(world.guest("off").await.node, "pve1");
    let web = world.wait_ready("web").await.status.unwrap();
    assert_eq!(web.evacuation.unwrap().from, "pve1");
    // The machine itself is as declared.
    world.wait_ready("stuck").await;

    world
        .patch_vm(
            "stuck",
            json!({"spec": {"cdrom": {"iso": null, "ejected": true}}}),
        )
        .await;
    world.wait_host("Maintenance", "True", "Evacuated").await;
    let wide = world.kubectl(&["get", "proxmoxnode", &world.name]);
    assert!(wide.contains("Evacuated"), "{wide}");

    world
        .patch_host(&world.name, json!({"spec": {"maintenance": {"mode": "None"}}}))
        .await;
    for machine in ["web", "stuck"] {
        let vmid = world.vmid(machine).await;
        world
            .wait_guest(vmid, "to come back", |guest| {
                guest.node == "pve1" && guest.running
            })
            .await;
    }
    world
        .wait_until("the report to go", async || {
            let host = world.hosts().get(&world.name).await.unwrap();
            (condition(&host, "Maintenance").is_none() && host.status?.maintenance.is_none()).then_some(())
        })
        .await;
    assert_eq!(moves(&world), 4);
    assert!(world.wait_ready("web").await.status.unwrap().evacuation.is_none());
    world.wait_event(&world.name, "Evacuated", "away").await;
}

#[tokio::test]
async fn node_without_another_one_tells_that_its_machines_can_not_go() {
    let world = World::new("evacuated-alone").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    world
        .patch_host(
            &world.name,
            json!({"spec": {"maintenance": {"mode": "Evacuate"}}}),
        )
        .await;
    let told = report(&world, "the obstacle", |m| m.blocked == 1).await;
    let why = told.machines[0].message.as_deref().unwrap();
    assert!(why.contains("no other node of the cluster is declared"), "{why}");
    world.wait_ready("web").await;
    assert_eq!(moves(&world), 0);
    let planned = drover(&[
        "export",
        "--host",
        &world.name,
        "--vmid",
        &world.vmid("web").await.to_string(),
    ]);
    assert!(!planned.printed.contains("evacuation"), "{planned:?}");
}

#[tokio::test]
async fn high_availability_moves_a_machine_that_it_keeps() {
    let (world, second) = two_nodes("moved-by-ha").await;
    world
        .apply_vm("web", &format!("{SMALL}\nhighAvailability: {{state: started}}"))
        .await;
    world.wait_ready("web").await;
    name_host(&world, "web", &second).await;
    world.wait_ready("web").await;
    assert_eq!(
        (world.guest("web").await.node.as_str(), moves(&world)),
        ("pve2", 1)
    );
}
