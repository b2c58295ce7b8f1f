//! What is done by itself: after changes on the host, for changes that wait for a reboot, and when a class changes.

use serde_json::{Value, json};

use super::swept;
use crate::support::{World, condition};

fn small() -> Value {
    json!({
        "cpu": {"cores": 1},
        "memory": {"size": "64Mi"},
        "disks": [{"name": "scsi0", "size": "1Gi"}],
    })
}

fn running() -> Value {
    let mut spec = small();
    spec["powerState"] = json!("Running");
    spec
}

/// A running machine whose cores were changed, which waits for a reboot.
async fn with_pending(world: &World, policy: &str) -> u32 {
    world.apply_vm("web", &running().to_string()).await;
    world.wait_ready("web").await;
    let patch = json!({"spec": {"rebootPolicy": policy, "cpu": {"cores": 2}}});
    world.patch_vm("web", patch).await;
    world.vmid("web").await
}

#[tokio::test]
async fn fields_that_are_left_to_people_are_neither_put_back_nor_told() {
    let world = swept("drift-ignore").await;
    let mut spec = small();
    spec["tags"] = json!(["web"]);
    spec["boot"] = json!({"onBoot": false});
    spec["networks"] = json!([{"name": "net0", "bridge": "vmbr0", "firewall": true}]);
    spec["drift"] = json!({"ignore": ["tags", "cpu", "networks[net0].firewall", "name", "powerState"]});
    spec["powerState"] = json!("Stopped");
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let made = world.guest("web").await;
    assert!(
        made.config["tags"].contains("web"),
        "it is made with what is declared"
    );
    let nic = made.config["net0"].replace("firewall=1", "firewall=0");
    let theirs = [
        ("tags", Some("other")),
        ("cores", Some("3")),
        ("name", Some("renamed")),
        ("net0", Some(nic.as_str())),
    ];
    world.sim.change_config(made.vmid, &theirs).unwrap();
    world.sim.power_on(made.vmid).unwrap();
    let position = world.sim.position();
    world.passes("web", 4).await;
    let vm = world.wait_ready("web").await;
    assert!(vm.status.unwrap().drift.is_empty());
    // What is not left to them is put back, and nothing else with it.
    world
        .sim
        .change_config(made.vmid, &[("onboot", Some("1"))])
        .unwrap();
    world
        .wait_guest(made.vmid, "not to be started with its host", |guest| {
            guest.config["onboot"] == "0"
        })
        .await;
    world.wait_ready("web").await;
    let writes = world.sim.mutations().since(position);
    assert_eq!(writes.len(), 1, "{writes:?}");
    let config = world.guest("web").await.config;
    assert_eq!(
        (config["cores"].as_str(), config["tags"].as_str()),
        ("3", "other")
    );
    let refused = world
        .try_patch_vm("web", json!({"spec": {"drift": {"ignore": ["memmory"]}}}))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("drift.ignore names fields"),
        "{refused}"
    );
}

#[tokio::test]
async fn changes_on_the_host_are_reported_where_that_is_wanted_until_the_spec_changes() {
    let world = swept("drift-report").await;
    let mut spec = small();
    spec["drift"] = json!({"policy": "Report"});
    spec["powerState"] = json!("Stopped");
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let position = world.sim.position();
    world.sim.change_config(vmid, &[("cores", Some("3"))]).unwrap();
    let vm = world.wait_vm("web", "Ready", "False", "DriftReported").await;
    let drifted = condition(&vm, "Drifted").unwrap();
    assert!(
        drifted.status == "True" && drifted.message.contains("cpu.cores is 3 instead of 1"),
        "{drifted:?}"
    );
    world.sim.power_on(vmid).unwrap();
    world
        .wait_until("the power to be reported", async || {
            let status = world.vm("web").await.status?;
            (status.drift.len() == 2).then_some(())
        })
        .await;
    assert!(world.sim.mutations().since(position).is_empty());
    // A changed spec is carried out, all of it.
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "128Mi"}}}))
        .await;
    world.wait_ready("web").await;
    let guest = world.guest("web").await;
    assert_eq!(
        (
            guest.config["cores"].as_str(),
            guest.config["memory"].as_str(),
            guest.running
        ),
        ("1", "128", false)
    );
    // And one that a person puts right is as declared again.
    world.sim.change_config(vmid, &[("cores", Some("3"))]).unwrap();
    world.wait_vm("web", "Ready", "False", "DriftReported").await;
    world.sim.change_config(vmid, &[("cores", Some("1"))]).unwrap();
    world.wait_ready("web").await;
}

#[tokio::test]
async fn machine_is_rebooted_once_for_what_waits_where_that_is_wanted() {
    let world = swept("reboot-when-required").await;
    let vmid = with_pending(&world, "WhenRequired").await;
    world.wait_event("web", "Rebooted", "for what waited").await;
    world
        .wait_guest(vmid, "to run with two cores", |guest| {
            guest.running && guest.config["cores"] == "2"
        })
        .await;
    let vm = world.wait_ready("web").await;
    assert!(condition(&vm, "RebootRequired").is_none());
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/shutdown").len(), 0);
    let effective = vm.status.unwrap().effective.unwrap();
    assert_eq!(
        effective.reboot_policy,
        Some(drover::api::RebootPolicy::WhenRequired)
    );
    // A kill of the machine's status of that makes no second one.
    world.passes("web", 2).await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 1);
}

#[tokio::test]
async fn machine_that_does_not_answer_a_reboot_is_brought_down_and_started() {
    let world = swept("reboot-forced").await;
    world.apply_vm("web", &running().to_string()).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.set_shutdown(vmid, pve_sim::Shutdown::Ignores).unwrap();
    let patch = json!({"spec": {
        "rebootPolicy": "WhenRequired", "cpu": {"cores": 2}, "shutdown": {"grace": "1s"},
    }});
    world.patch_vm("web", patch).await;
    world
        .wait_guest(vmid, "to run with two cores", |guest| {
            guest.running && guest.config["cores"] == "2"
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/shutdown").len(), 1);
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/start").len(), 2);
}

#[tokio::test]
async fn reboot_waits_for_the_window_of_the_host() {
    let world = swept("reboot-in-window").await;
    let vmid = with_pending(&world, "InWindow").await;
    let vm = world
        .wait_vm("web", "RebootRequired", "True", "PendingChanges")
        .await;
    let message = &condition(&vm, "RebootRequired").unwrap().message;
    assert!(message.contains("maintenanceWindow"), "{message}");
    // One that opens in two days.
    let made = vm.metadata.creation_timestamp.as_ref().unwrap().0;
    let later = made + jiff::SignedDuration::from_hours(48);
    let day = later
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%a")
        .to_string()
        .to_lowercase();
    let window = |schedule: &str, duration: &str| {
        json!({"spec": {
            "maintenanceWindow": {"schedule": schedule, "duration": duration},
        }})
    };
    world
        .patch_host(&world.name, window(&format!("{day} 12:00"), "1h"))
        .await;
    world.passes("web", 3).await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 0);
    world.patch_host(&world.name, window("0:00", "24h")).await;
    world
        .wait_guest(vmid, "to run with two cores", |guest| {
            guest.running && guest.config["cores"] == "2"
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 1);
}

#[tokio::test]
async fn window_of_the_host_opens_by_the_clock_of_its_time_zone() {
    let world = swept("window-zone").await;
    let vmid = with_pending(&world, "InWindow").await;
    let vm = world
        .wait_vm("web", "RebootRequired", "True", "PendingChanges")
        .await;
    // An hour that it is five hours east of Greenwich, and in five hours there.
    let now = vm.metadata.creation_timestamp.as_ref().unwrap().0;
    let there = now.to_zoned(jiff::tz::TimeZone::UTC).hour() + 5;
    let window = |zone: Option<&str>| {
        let schedule = format!("{}:00", there % 24);
        json!({"spec": {"maintenanceWindow": {"schedule": schedule, "duration": "3h", "timeZone": zone}}})
    };
    world.patch_host(&world.name, window(None)).await;
    world.passes("web", 3).await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 0);
    world.patch_host(&world.name, window(Some("Etc/GMT-5"))).await;
    world
        .wait_guest(vmid, "to run with two cores", |guest| {
            guest.running && guest.config["cores"] == "2"
        })
        .await;
    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/status/reboot").len(), 1);
}

#[tokio::test]
async fn class_that_is_followed_changes_its_machines_and_one_that_is_pinned_does_not() {
    let world = World::new("class-policy").await;
    let class = world.name.clone();
    let shape = |cores: u32| {
        format!(
            "apiVersion: drover.dev/v1alpha1\nkind: VirtualMachineClass\nmetadata: {{name: {class}}}\nspec: {{cpu: {{cores: {cores}}}, \
             memory: {{size: 64Mi}}, disk: {{size: 1Gi}}, boot: {{onBoot: true, order: 7}}}}"
        )
    };
    world.apply(&shape(1)).await;
    let machine = |policy: &str| format!("{{classRef: {{name: {class}}}, classPolicy: {policy}}}");
    world.apply_vm("follows", &machine("Follow")).await;
    world.apply_vm("pinned", &machine("Pinned")).await;
    world.wait_ready("follows").await;
    world.wait_ready("pinned").await;
    let made = world.guest("follows").await;
    assert_eq!(made.config["onboot"], "1");
    assert!(made.config["startup"].contains('7'), "{}", made.config["startup"]);
    world.apply(&shape(3)).await;
    world
        .wait_guest(made.vmid, "to follow its class", |guest| {
            guest.config["cores"] == "3"
        })
        .await;
    let vm = world.wait_ready("follows").await;
    assert!(
        condition(&vm, "Drifted").is_none(),
        "nobody changed it on the host"
    );
    world.passes("pinned", 2).await;
    assert_eq!(world.guest("pinned").await.config["cores"], "1");
}

#[tokio::test]
async fn machine_becomes_a_template_when_it_is_as_declared_and_goes_with_its_resource() {
    let world = swept("template-field").await;
    let mut spec = running();
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    let refused = world
        .try_patch_vm("web", json!({"spec": {"template": true}}))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("a template does not run"),
        "{refused}"
    );
    let patch = json!({"spec": {"template": true, "powerState": null, "cpu": {"cores": 2}}});
    world.patch_vm("web", patch).await;
    world.wait_event("web", "TemplateMade", "made a template").await;
    world.wait_vm("web", "Ready", "True", "Template").await;
    let guest = world.sim.guest(vmid).unwrap();
    assert!(
        guest.template && guest.config["cores"] == "2" && !guest.running,
        "{guest:?}"
    );
    assert_eq!(world.sent("POST", "/nodes/*/qemu/*/template").len(), 1);
    // It is kept as declared, and may be copied.
    world.patch_vm("web", json!({"spec": {"tags": ["golden"]}})).await;
    world.wait_event("web", "Configured", "tags from").await;
    world.wait_vm("web", "Ready", "True", "Template").await;
    world
        .apply_vm("copy", &format!("{{source: {{clone: {{vmid: {vmid}}}}}}}"))
        .await;
    world.wait_ready("copy").await;
    let refused = world
        .try_patch_vm("web", json!({"spec": {"template": false}}))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("clone it"), "{refused}");
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
    spec["template"] = json!(true);
    let refused = world.try_apply_vm("other", &spec.to_string()).await.unwrap_err();
    assert!(
        refused.to_string().contains("a template does not run"),
        "{refused}"
    );
}

#[tokio::test]
async fn machine_is_put_under_high_availability_and_kept_so() {
    let world = swept("ha-field").await;
    let mut spec = running();
    spec["highAvailability"] = json!({"state": "started"});
    world.apply_vm("web", &spec.to_string()).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    assert_eq!(world.sent("POST", "/cluster/ha/resources").len(), 1);
    // Somebody takes it out.
    let sid = format!("/cluster/ha/resources/vm:{vmid}");
    world.as_person_by(reqwest::Method::DELETE, &sid, "").await;
    world
        .wait_until("it to be under HA again", async || {
            (world.sent("POST", "/cluster/ha/resources").len() == 2).then_some(())
        })
        .await;
    world.wait_ready("web").await;
    let patch = json!({"spec": {"powerState": "Stopped", "highAvailability": {"state": "stopped"}}});
    world.patch_vm("web", patch).await;
    world
        .wait_guest(vmid, "to be stopped", |guest| !guest.running)
        .await;
    world.wait_ready("web").await;
    let patch = json!({"spec": {"powerState": "Running"}});
    let refused = world.try_patch_vm("web", patch).await.unwrap_err();
    assert!(refused.to_string().contains("contradict"), "{refused}");
    world.passes("web", 2).await;
    assert!(!world.guest("web").await.running);
    world.delete_vm("web").await;
    world.wait_vm_gone("web").await;
    assert_eq!(world.sim.guest(vmid), None);
}
