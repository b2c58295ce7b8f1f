//! Machines are kept as declared: what is named is corrected, what is not named is left alone, and nothing
//! is sent twice.

use std::time::Duration;

use drover::api::ObservedPower;
use pve_sim::{GuestView, Shutdown};
use serde_json::json;

use crate::{
    create::{BLANK, SMALL},
    support::{World, condition},
};

/// A world in which every configuration is read anew every two seconds.
async fn swept(test: &str) -> World {
    World::builder(test)
        .host(json!({"poll": {"sweep": "2s"}}))
        .start()
        .await
}

/// A machine that is Ready, with its guest.
async fn ready(world: &World, spec: &str) -> GuestView {
    world.apply_vm("web", spec).await;
    world.wait_ready("web").await;
    world.guest("web").await
}

#[tokio::test]
async fn what_somebody_changed_on_the_host_is_corrected() {
    let world = swept("drift").await;
    let spec = BLANK.replace("powerState: Running", "powerState: Stopped");
    let before = ready(&world, &spec).await;
    let vmid = before.vmid;
    let net0 = before.config["net0"].replace("vmbr0", "vmbr1");
    for (key, value) in [
        ("memory", "4096"),
        ("cores", "7"),
        ("net0", net0.as_str()),
        ("agent", "0,fstrim_cloned_disks=1"),
        ("name", "renamed"),
    ] {
        let position = world.sim.position();
        world.sim.change_config(vmid, &[(key, Some(value))]).unwrap();
        world
            .wait_guest(vmid, &format!("{key} to be corrected"), |guest| {
                guest.config[key] != *value
            })
            .await;
        world.wait_ready("web").await;
        let writes = world.sim.mutations().since(position);
        assert_eq!(writes.len(), 1, "one write for {key}: {writes:?}");
    }
    let mut after = world.guest("web").await.config;
    let agent = after
        .insert("agent".to_owned(), before.config["agent"].clone())
        .unwrap();
    assert!(
        agent.starts_with('1') || agent.starts_with("enabled=1"),
        "{agent}"
    );
    assert!(
        agent.contains("fstrim_cloned_disks=1"),
        "what is not named stays: {agent}"
    );
    assert_eq!(after, before.config, "MAC address and all");
    for field in [
        "memory.size",
        "cpu.cores",
        "networks[net0].bridge",
        "agent.enabled",
        "name",
    ] {
        world
            .wait_event("web", "Configured", &format!("{field} from"))
            .await;
    }
}

#[tokio::test]
async fn drift_is_shown_while_it_stands() {
    let world = swept("drifted").await;
    let vmid = ready(&world, SMALL).await.vmid;
    // A lock keeps Drover from correcting it at once.
    world
        .sim
        .change_config(vmid, &[("memory", Some("128")), ("lock", Some("backup"))])
        .unwrap();
    let vm = world.wait_vm("web", "Drifted", "True", "ChangedOnHost").await;
    let message = &condition(&vm, "Drifted").unwrap().message;
    assert!(
        message.contains("memory.size is 128Mi instead of 64Mi"),
        "{message}"
    );
    let drift = &vm.status.unwrap().drift[0];
    assert_eq!(
        (
            drift.field.as_str(),
            drift.desired.as_str(),
            drift.observed.as_str()
        ),
        ("memory.size", "64Mi", "128Mi")
    );

    world.sim.lock(vmid, None).unwrap();
    world
        .wait_guest(vmid, "to have its memory back", |guest| {
            guest.config["memory"] == "64"
        })
        .await;
    let vm = world.wait_ready("web").await;
    assert!(condition(&vm, "Drifted").is_none() && vm.status.unwrap().drift.is_empty());
    world.wait_event("web", "ChangedOnHost", "").await;
    let events = world.events("web").await;
    assert_eq!(
        events
            .iter()
            .filter(|(_, reason, _)| reason == "ChangedOnHost")
            .count(),
        1,
        "{events:?}"
    );
}

#[tokio::test]
async fn changed_declaration_is_no_drift() {
    let world = World::new("no-drift").await;
    let vmid = ready(&world, SMALL).await.vmid;
    world
        .patch_vm(
            "web",
            json!({"spec": {"memory": {"size": "128Mi"}, "cpu": {"cores": 2}}}),
        )
        .await;
    world.wait_ready("web").await;
    let guest = world.sim.guest(vmid).unwrap();
    assert_eq!(
        (guest.config["memory"].as_str(), guest.config["cores"].as_str()),
        ("128", "2")
    );
    let events = world.events("web").await;
    assert!(
        events.iter().all(|(_, reason, _)| reason != "ChangedOnHost"),
        "{events:?}"
    );
    assert_eq!(
        world.sent("PUT", "/nodes/*/qemu/*/config").len()
            + world.sent("POST", "/nodes/*/qemu/*/config").len(),
        1
    );
}

#[tokio::test]
async fn machine_powered_off_behind_drover_is_started_once() {
    let world = World::new("power-off").await;
    let guest = ready(&world, BLANK).await;
    assert_eq!(guest.starts, 1);
    world.sim.power_off(guest.vmid).unwrap();
    world
        .wait_guest(guest.vmid, "to run again", |guest| guest.running)
        .await;
    world.wait_ready("web").await;
    world.passes("web", 3).await;
    assert_eq!(world.sim.guest(guest.vmid).unwrap().starts, 2);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/start").len(), 2);
}

#[tokio::test]
async fn machine_that_stops_after_each_start_is_started_less_and_less_often() {
    let world = World::builder("stops-again")
        .settings(|settings| settings.timing.requeue_error_max = Duration::from_mins(1))
        .start()
        .await;
    let vmid = ready(&world, BLANK).await.vmid;
    let patience = world
        .wait_until("the machine to be started less often", async || {
            if world.sim.guest(vmid)?.running {
                world.sim.power_off(vmid).unwrap();
            }
            let vm = world.vm("web").await;
            condition(&vm, "Ready")
                .filter(|c| c.reason == "StopsAfterStart")
                .cloned()
        })
        .await;
    assert!(patience.message.contains("console"), "{}", patience.message);
    world.wait_ready("web").await;
    assert!(world.sim.guest(vmid).unwrap().running);
}

#[tokio::test]
async fn change_without_effect_is_tried_less_and_less_often() {
    let world = World::builder("no-effect")
        .settings(|settings| settings.timing.requeue_error_max = Duration::from_mins(1))
        .start()
        .await;
    let vmid = ready(&world, BLANK).await.vmid;
    // As after a volume was grown by hand: the configuration does not know its real size.
    let disk = world.sim.guest(vmid).unwrap().config["scsi0"].clone();
    let (volume, _) = disk.split_once(',').unwrap();
    let stale = format!("{volume},size=512M");
    world
        .sim
        .change_config(vmid, &[("scsi0", Some(stale.as_str()))])
        .unwrap();
    world
        .patch_vm(
            "web",
            json!({"metadata": {"annotations": {"drover.dev/reconcile-at": "1"}}}),
        )
        .await;
    let before = world.sent("PUT", "/nodes/*/qemu/*/resize").len();
    world.wait_vm("web", "Ready", "Unknown", "NoEffect").await;
    let tries = world.sent("PUT", "/nodes/*/qemu/*/resize").len() - before;
    assert!((1..=2).contains(&tries), "{tries} tries");
    world
        .sim
        .change_config(vmid, &[("scsi0", Some(disk.as_str()))])
        .unwrap();
    world.wait_ready("web").await;
}

#[tokio::test]
async fn power_that_is_not_declared_is_left_to_people() {
    let world = World::new("power-free").await;
    let vmid = ready(&world, SMALL).await.vmid;
    for on in [true, false] {
        if on {
            world.sim.power_on(vmid).unwrap();
        } else {
            world.sim.power_off(vmid).unwrap();
        }
        let expected = if on { "Running" } else { "Stopped" };
        world
            .wait_until(&format!("status.powerState {expected}"), async || {
                let power = world.vm("web").await.status?.power_state?;
                (format!("{power:?}") == expected).then_some(())
            })
            .await;
        world.passes("web", 2).await;
        assert_eq!(world.sim.guest(vmid).unwrap().running, on);
    }
    assert!(world.sent("POST", "/nodes/*/qemu/*/status/*").is_empty());
}

#[tokio::test]
async fn stopped_is_a_graceful_shutdown_with_its_time_out() {
    let world = World::new("shutdown").await;
    let vmid = ready(&world, &format!("{BLANK}\nshutdown: {{grace: 30s, force: true}}"))
        .await
        .vmid;
    world
        .patch_vm("web", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    let vm = world.wait_vm("web", "Ready", "True", "Stopped").await;
    assert!(!world.sim.guest(vmid).unwrap().running);
    assert!(vm.status.unwrap().addresses.is_empty());
    let sent = world.sent("POST", "/nodes/*/qemu/*/status/shutdown");
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent.0[0].param("timeout"), sent.0[0].param("forceStop")),
        (Some("30"), Some("1"))
    );
    assert!(world.sent("POST", "/nodes/*/qemu/*/status/stop").is_empty());

    world
        .patch_vm("web", json!({"spec": {"powerState": "Running"}}))
        .await;
    world.wait_vm("web", "Ready", "True", "Running").await;
    assert_eq!(world.sim.guest(vmid).unwrap().starts, 2);
}

#[tokio::test]
async fn guest_that_ignores_the_shutdown_is_powered_off_in_the_end() {
    let world = World::new("shutdown-force").await;
    let vmid = ready(&world, &format!("{BLANK}\nshutdown: {{grace: 5s}}"))
        .await
        .vmid;
    world.sim.set_shutdown(vmid, Shutdown::Ignores).unwrap();
    world
        .patch_vm("web", json!({"spec": {"powerState": "Stopped"}}))
        .await;
    world.wait_vm("web", "Ready", "True", "Stopped").await;
    assert!(!world.sim.guest(vmid).unwrap().running);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/shutdown").len(), 1);
}

#[tokio::test]
async fn disk_is_grown_and_never_shrunk() {
    let world = swept("disk").await;
    let vmid = ready(&world, BLANK).await.vmid;
    world
        .patch_vm(
            "web",
            json!({"spec": {"disks": [{"name": "scsi0", "size": "12Gi", "storage": "local-lvm"}]}}),
        )
        .await;
    world
        .wait_guest(vmid, "a larger disk", |guest| {
            guest.config["scsi0"].contains("size=12G")
        })
        .await;
    world.wait_ready("web").await;
    let resizes = world.sent("PUT", "/nodes/*/qemu/*/resize");
    assert_eq!(resizes.len(), 1);
    assert_eq!(resizes.0[0].param("disk"), Some("scsi0"));

    // Somebody grows it by hand: what the spec says is a lower bound.
    let larger = world.sim.guest(vmid).unwrap().config["scsi0"].replace("size=12G", "size=20G");
    world
        .sim
        .change_config(vmid, &[("scsi0", Some(&larger))])
        .unwrap();
    world.passes("web", 3).await;
    world.wait_ready("web").await;
    assert_eq!(world.sim.guest(vmid).unwrap().config["scsi0"], larger);
    assert_eq!(world.sent("PUT", "/nodes/*/qemu/*/resize").len(), 1);
}

#[tokio::test]
async fn what_the_spec_does_not_name_is_left_alone() {
    let world = swept("foreign-devices").await;
    let before = ready(&world, BLANK).await;
    let vmid = before.vmid;
    let disk = format!("local-lvm:vm-{vmid}-disk-7,size=3G");
    let nic = "e1000=BC:24:11:00:00:07,bridge=vmbr1,tag=7";
    let net0 = format!("{},firewall=1,tag=42", before.config["net0"]);
    world
        .sim
        .change_config(
            vmid,
            &[
                ("scsi5", Some(&disk)),
                ("net1", Some(nic)),
                ("net0", Some(&net0)),
                ("balloon", Some("512")),
                ("onboot", Some("1")),
            ],
        )
        .unwrap();
    let expected = world.sim.guest(vmid).unwrap();
    let position = world.sim.position();
    world.passes("web", 20).await;
    let status = world.wait_ready("web").await.status.unwrap();
    assert_eq!(world.sim.guest(vmid).unwrap(), expected);
    assert!(world.sim.mutations().since(position).is_empty());
    let observed = status.observed.unwrap();
    assert!(
        observed.disks.iter().any(|d| d.name == "scsi5" && !d.managed),
        "{observed:?}"
    );
    assert!(
        observed
            .networks
            .iter()
            .any(|n| n.name == "net1" && !n.managed && n.mac.as_deref() == Some("BC:24:11:00:00:07")),
        "{observed:?}"
    );

    // A change of what is named keeps the rest of the line.
    world
        .patch_vm(
            "web",
            json!({"spec": {"networks": [{"name": "net0", "bridge": "vmbr1"}]}}),
        )
        .await;
    world
        .wait_guest(vmid, "another bridge", |g| {
            g.config["net0"].contains("bridge=vmbr1")
        })
        .await;
    world.wait_ready("web").await;
    let after = world.sim.guest(vmid).unwrap().config;
    assert_eq!(
        after["net0"],
        net0.replace("vmbr0", "vmbr1"),
        "MAC address, VLAN and firewall stay"
    );
    assert_eq!(
        (&after["net1"], &after["scsi5"]),
        (&expected.config["net1"], &expected.config["scsi5"])
    );
}

#[tokio::test]
async fn memory_raised_on_a_running_machine_waits_for_a_reboot_and_says_so() {
    let world = World::new("reboot").await;
    let vmid = ready(&world, BLANK).await.vmid;
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "2Gi"}}}))
        .await;
    let vm = world
        .wait_vm("web", "RebootRequired", "True", "PendingChanges")
        .await;
    assert_eq!(
        condition(&vm, "Ready").unwrap().status,
        "True",
        "nothing more can be done meanwhile"
    );
    let message = &condition(&vm, "RebootRequired").unwrap().message;
    assert!(message.contains("memory"), "{message}");
    assert_eq!(vm.status.unwrap().pending, ["memory"]);
    let guest = world.sim.guest(vmid).unwrap();
    assert_eq!(
        (guest.config["memory"].as_str(), guest.running, guest.starts),
        ("1024", true, 1)
    );
    assert_eq!(guest.pending["memory"].as_deref(), Some("2048"));

    let position = world.sim.position();
    world.passes("web", 5).await;
    assert!(
        world.sim.mutations().since(position).is_empty(),
        "it was sent once"
    );

    for state in ["Stopped", "Running"] {
        world
            .patch_vm("web", json!({"spec": {"powerState": state}}))
            .await;
        world.wait_vm("web", "Ready", "True", state).await;
    }
    let guest = world.sim.guest(vmid).unwrap();
    assert!(
        guest.pending.is_empty() && guest.config["memory"] == "2048",
        "{guest:?}"
    );
    world
        .wait_until("RebootRequired to go", async || {
            condition(&world.vm("web").await, "RebootRequired")
                .is_none()
                .then_some(())
        })
        .await;
    assert_eq!(
        world.vm("web").await.status.unwrap().observed.unwrap().memory.0,
        "2Gi"
    );
}

#[tokio::test]
async fn nothing_is_written_while_nothing_changes() {
    let world = swept("quiet").await;
    ready(&world, BLANK).await;
    world
        .wait_until("an address", async || {
            world.vm("web").await.status?.addresses.first().cloned()
        })
        .await;
    let version = |vm: drover::api::VirtualMachine| vm.metadata.resource_version;
    let before = version(world.wait_ready("web").await);
    let position = world.sim.position();
    // Five sweeps of the only guest: as many readings as five hours bring.
    world
        .wait_until("five readings of the configuration", async || {
            let reads = world
                .sim
                .requests()
                .since(position)
                .matching("GET", "/nodes/*/qemu/*/pending");
            (reads.len() >= 5).then_some(())
        })
        .await;
    assert_eq!(version(world.vm("web").await), before, "no write to Kubernetes");
    assert!(world.sim.mutations().since(position).is_empty());
}

#[tokio::test]
async fn mark_that_somebody_took_away_is_written_again() {
    let world = swept("remark").await;
    let before = ready(&world, BLANK).await;
    world
        .sim
        .change_config(before.vmid, &[("description", Some("my notes"))])
        .unwrap();
    let guest = world
        .wait_guest(before.vmid, "its mark", |guest| {
            guest.config["description"].contains("drover/v1")
        })
        .await;
    assert!(guest.config["description"].contains("my notes"), "{guest:?}");
    world.wait_ready("web").await;
    world.wait_event("web", "Remarked", "").await;
}

#[tokio::test]
async fn machine_moved_to_another_node_is_followed() {
    let world = World::builder("moved")
        .seed(|s| pve_sim::Seed { nodes: 2, ..s })
        .start()
        .await;
    let vmid = ready(&world, BLANK).await.vmid;
    let position = world.sim.position();
    world.sim.move_guest(vmid, "pve2").unwrap();
    world
        .wait_until("status.node pve2", async || {
            (world.vm("web").await.status?.node.as_deref() == Some("pve2")).then_some(())
        })
        .await;
    world.passes("web", 2).await;
    world.wait_ready("web").await;
    assert!(world.sim.mutations().since(position).is_empty());
    assert_eq!(world.sim.guests().iter().filter(|g| !g.template).count(), 1);
}

#[tokio::test]
async fn machine_is_paused_suspended_and_let_go_on_as_declared() {
    let world = World::new("power").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let declare = async |power: &str| {
        world
            .patch_vm("web", json!({"spec": {"powerState": power}}))
            .await;
    };
    let calls = |verb: &str| {
        world
            .sent("POST", &format!("/nodes/*/qemu/{vmid}/status/{verb}"))
            .len()
    };

    declare("Paused").await;
    let vm = world.wait_vm("web", "Ready", "True", "GuestPaused").await;
    assert_eq!(vm.status.unwrap().power_state, Some(ObservedPower::Paused));
    assert_eq!((calls("suspend"), calls("start")), (1, 1));

    declare("Running").await;
    world.wait_vm("web", "Ready", "True", "Running").await;
    assert_eq!(calls("resume"), 1);

    declare("Suspended").await;
    let vm = world.wait_vm("web", "Ready", "True", "Suspended").await;
    assert_eq!(vm.status.unwrap().power_state, Some(ObservedPower::Suspended));
    let guest = world.sim.guest(vmid).unwrap();
    assert!(!guest.running && guest.lock.as_deref() == Some("suspended"));
    let suspended = world.sent("POST", &format!("/nodes/*/qemu/{vmid}/status/suspend"));
    assert_eq!(suspended.0.last().unwrap().param("todisk"), Some("1"));

    // What is changed meanwhile waits, and nobody is told to throw the memory away.
    world
        .patch_vm("web", json!({"spec": {"cpu": {"cores": 3}}}))
        .await;
    let vm = world.wait_vm("web", "Ready", "False", "Locked").await;
    let message = &condition(&vm, "Ready").unwrap().message;
    assert!(
        message.contains("suspended") && !message.contains("qm unlock"),
        "{message}"
    );

    // It goes on where it was, through its lock.
    declare("Running").await;
    world.wait_vm("web", "Ready", "True", "Running").await;
    let guest = world.sim.guest(vmid).unwrap();
    assert!(guest.running && guest.lock.is_none());
    assert_eq!((calls("start"), calls("resume"), calls("stop")), (2, 1, 0));
}

#[tokio::test]
async fn machine_that_somebody_paused_or_suspended_runs_again() {
    let world = World::new("power-drift").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let at = format!("/nodes/pve1/qemu/{vmid}/status/suspend");
    for todisk in [false, true] {
        world.as_person(&at, if todisk { "todisk=1" } else { "" }).await;
        let answer = if todisk { "start" } else { "resume" };
        let path = format!("/nodes/*/qemu/{vmid}/status/{answer}");
        world
            .wait_until("it to be let go on", async || {
                let before = usize::from(todisk);
                (world.sent("POST", &path).len() == before + 1).then_some(())
            })
            .await;
        world
            .wait_guest(vmid, "to run", |guest| guest.running && guest.lock.is_none())
            .await;
        world.wait_vm("web", "Ready", "True", "Running").await;
    }
}
