//! What a person sees who only has kubectl: columns, conditions, and Events that tell the story, each once.

use serde_json::json;

use crate::{
    create::{BLANK, SMALL},
    support::World,
};

/// A table of kubectl, as rows of its cells.
fn table(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[tokio::test]
async fn get_answers_the_first_questions() {
    let host = serde_json::json!({"displayName": "Production Server"});
    let world = World::builder("get").host(host).start().await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    let address = world
        .wait_until("an address", async || {
            Some(world.vm("web").await.status?.addresses.first()?.address.clone())
        })
        .await;
    let vmid = world.vmid("web").await.to_string();

    let rows = table(&world.kubectl(&["get", "dvm"]));
    assert_eq!(
        rows[0],
        [
            "NAME", "READY", "REASON", "POWER", "VMID", "NODE", "ADDRESS", "AGE"
        ]
    );
    assert_eq!(
        rows[1][..7],
        ["web", "True", "Running", "Running", &vmid, "pve1", &address]
    );
    let wide = world.kubectl(&["get", "dvm", "-o", "wide"]);
    for part in [
        "CPUS",
        "MEMORY",
        "HOST",
        "MESSAGE",
        "1Gi",
        &world.name,
        "the machine is as declared",
    ] {
        assert!(wide.contains(part), "{part} in\n{wide}");
    }
    let wide = world.kubectl(&["get", "pxn", &world.name, "-o", "wide"]);
    assert!(
        wide.contains("Production Server") && wide.contains("127.0.0.1"),
        "{wide}"
    );
    let rows = table(&world.kubectl(&["get", "pxn", &world.name]));
    assert_eq!(
        rows[0],
        [
            "NAME",
            "READY",
            "REASON",
            "NODE",
            "VERSION",
            "CLUSTER",
            "MAINTENANCE",
            "VMS",
            "AGE"
        ]
    );
    // A node on its own has no cluster's name.
    assert_eq!(rows[1][..4], [world.name.as_str(), "True", "Usable", "pve1"]);
    assert!(
        world
            .kubectl(&["get", "drover"])
            .contains("virtualmachine.drover.dev/web")
    );
}

#[tokio::test]
async fn describe_tells_the_story() {
    let world = World::new("describe").await;
    let spec = "
powerState: Running
source: {clone: {name: debian-12-template}}
memory: {size: 1Gi}
disks: [{name: scsi0, size: 10Gi}]
";
    world.apply_vm("web", spec).await;
    world.wait_ready("web").await;
    let vmid = world.vmid("web").await;
    world.sim.power_off(vmid).unwrap();
    world
        .wait_guest(vmid, "a second start", |guest| guest.starts == 2)
        .await;
    world.wait_ready("web").await;
    world
        .patch_vm("web", json!({"spec": {"memory": {"size": "2Gi"}}}))
        .await;
    world
        .wait_vm("web", "RebootRequired", "True", "PendingChanges")
        .await;
    let told = [
        "Cloned",
        "Sealed",
        "Configured",
        "DiskGrown",
        "Started",
        "ChangedOnHost",
        "PendingChanges",
    ];
    let described = world
        .wait_until("the whole story", async || {
            let text = world.kubectl(&["describe", "dvm", "web"]);
            told.iter().all(|reason| text.contains(reason)).then_some(text)
        })
        .await;
    for part in [
        "Reboot Required", // or as the condition's type
        "memory waits for the next reboot",
        &format!("machine {vmid}"),
        "drover.dev/guest",
    ] {
        assert!(
            described.contains(part) || described.contains(&part.replace(' ', "")),
            "{part} in\n{described}"
        );
    }
    world.wait_event("web", "Started", "").await;
    let reasons: Vec<String> = world
        .events("web")
        .await
        .into_iter()
        .map(|(_, reason, _)| reason)
        .collect();
    let position = |reason: &str| reasons.iter().position(|r| r == reason).unwrap();
    assert!(
        position("Cloned") < position("Sealed") && position("Sealed") < position("Started"),
        "{reasons:?}"
    );
    assert_eq!(reasons.iter().filter(|r| *r == "Cloned").count(), 1);
    assert!(
        described.contains("from drover") || described.contains("drover  "),
        "who says it:\n{described}"
    );
}

#[tokio::test]
async fn nothing_is_told_twice() {
    let world = World::new("once").await;
    world.apply_vm("web", SMALL).await;
    world.wait_ready("web").await;
    world
        .apply_vm("stuck", "source: {clone: {name: no-such-template}}")
        .await;
    world.wait_vm("stuck", "Stalled", "True", "SourceNotFound").await;
    world.wait_event("web", "Created", "").await;
    world.wait_event("stuck", "SourceNotFound", "").await;
    let before = (world.events("web").await, world.events("stuck").await);
    assert_eq!(before.1.len(), 1, "{before:?}");
    world.passes("web", 10).await;
    world.passes("stuck", 10).await;
    let after = (world.events("web").await, world.events("stuck").await);
    assert_eq!(after, before);
    let counted = world.kubectl(&[
        "get",
        "events.events.k8s.io",
        "-o",
        "jsonpath={.items[*].series.count}",
    ]);
    assert_eq!(counted.trim(), "", "none was counted up either");
}

#[tokio::test]
async fn usual_start_has_no_warnings() {
    let world = World::new("calm").await;
    world.apply_vm("web", BLANK).await;
    world.wait_ready("web").await;
    world.wait_event("web", "Started", "").await;
    let events = world.events("web").await;
    assert!(events.iter().all(|(type_, ..)| type_ == "Normal"), "{events:?}");
}
