//! What fields of a host do that belong to no other subject: its budget, whom it lets in, its defaults, what it is called.

use pve_sim::{Mark, Matcher, Seed, SeedStorage};
use serde_json::{Value, json};

use crate::{
    create::SMALL,
    support::{World, condition},
};

const CLONE: &str = "{source: {clone: {vmid: 9000}}}";
const ELSEWHERE: &str = "{memory: {size: 64Mi}, disks: [{name: scsi0, size: 1Gi, storage: other}]}";

/// With that budget and all tasks standing still, so many of the machines are begun, and the others wait; then all are
/// made, never more at once.
async fn begun(test: &str, budget: Value, specs: &[&str], count: usize) {
    let world = World::builder(test)
        .seed(|seed| Seed {
            storages: Some(vec![
                SeedStorage::new("local", "dir", &["iso"]),
                SeedStorage::new("local-lvm", "lvmthin", &["images"]),
                SeedStorage::new("other", "lvmthin", &["images"]),
            ]),
            ..seed
        })
        .host(json!({"budget": budget}))
        .start()
        .await;
    world.sim.hold_tasks();
    let names: Vec<String> = (0..specs.len()).map(|number| format!("vm-{number}")).collect();
    for (name, spec) in names.iter().zip(specs) {
        world.apply_vm(name, spec).await;
    }
    let queued = async || {
        let mut queued = Vec::new();
        for name in &names {
            let vm = world.vm(name).await;
            let ready = condition(&vm, "Ready").cloned();
            queued.extend(ready.filter(|c| c.reason == "Queued").map(|c| c.message));
        }
        queued
    };
    let running = || {
        world
            .sim
            .tasks()
            .iter()
            .filter(|task| task.exit.is_none())
            .count()
    };
    let held = async || {
        let rest = specs.len() - count;
        (queued().await.len() == rest && running() == count).then_some(())
    };
    world
        .wait_until("some to be begun, and the others to wait", held)
        .await;
    for name in &names {
        world.passes(name, 2).await;
    }
    assert_eq!((queued().await.len(), running()), (specs.len() - count, count));
    world.sim.release_tasks();
    for name in &names {
        world.wait_ready(name).await;
    }
    assert_eq!(world.sim.tasks().len(), specs.len(), "one each");
    assert!(world.sim.most_tasks_at_once() <= count);
}

#[tokio::test]
async fn no_more_tasks_are_begun_than_the_budget_of_a_host_allows() {
    let budget = json!({"tasks": 2, "tasksPerStorage": 16, "clonesPerSource": 16});
    begun("budget-tasks", budget, &[SMALL, ELSEWHERE, SMALL, ELSEWHERE], 2).await;
}

#[tokio::test]
async fn no_more_tasks_write_to_a_storage_than_the_budget_of_a_host_allows() {
    let budget = json!({"tasks": 16, "tasksPerStorage": 1, "clonesPerSource": 16});
    begun("budget-storages", budget, &[SMALL, SMALL, ELSEWHERE, SMALL], 2).await;
}

#[tokio::test]
async fn no_more_copies_read_a_source_than_the_budget_of_a_host_allows() {
    let budget = json!({"tasks": 16, "tasksPerStorage": 16, "clonesPerSource": 1});
    begun("budget-sources", budget, &[CLONE, CLONE, SMALL], 2).await;
}

#[tokio::test]
async fn no_more_requests_are_on_their_way_than_the_budget_of_a_host_allows() {
    let world = World::builder("budget-requests")
        .host(json!({"budget": {"requests": 1}, "timeout": "1m"}))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    let looks = Matcher::new("GET", "/nodes/*/storage/*/content");
    let held = world.sim.hold(looks, Mark::BeforeAct);
    world
        .apply_vm(
            "first",
            &format!("{SMALL}\ncdrom: {{iso: 'local:iso/debian-12.iso'}}"),
        )
        .await;
    world
        .wait_until("the call that takes long", async || {
            held.is_reached().then_some(())
        })
        .await;
    let position = world.sim.position();
    world.apply_vm("second", SMALL).await;
    // The polls go on: they have nobody before them.
    let since = || world.sim.requests().since(position);
    let polled = || since().matching("GET", "/cluster/resources").len() >= 5;
    world
        .wait_until("some polls", async || polled().then_some(()))
        .await;
    let polls = ["/cluster/resources", "/cluster/tasks", "/cluster/status"];
    let others = since().filter(|request| !polls.contains(&request.path.as_str()));
    assert!(others.is_empty(), "{others:?}");
    held.release();
    world.wait_ready("first").await;
    world.wait_ready("second").await;
}

#[tokio::test]
async fn namespaces_are_let_in_by_expressions_over_their_labels() {
    let label = |values: &[&str]| {
        json!({"spec": {"allowedNamespaces": {"from": "Selector", "selector": {"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": values}]}}}})
    };
    let world = World::builder("expressions")
        .host(json!({"allowedNamespaces": null}))
        .start()
        .await;
    world.patch_host(&world.name, label(&["somewhere", "else"])).await;
    world.apply_vm("web", SMALL).await;
    world
        .wait_vm("web", "Stalled", "True", "NamespaceNotAllowed")
        .await;
    assert!(world.sim.mutations().is_empty());
    world
        .patch_host(&world.name, label(&["somewhere", &world.name]))
        .await;
    world.wait_ready("web").await;
}

#[tokio::test]
async fn defaults_of_a_host_are_taken_where_a_machine_says_nothing_and_missed_by_name() {
    let world = World::builder("defaults")
        .seed(|seed| Seed {
            storages: Some(vec![
                SeedStorage::new("local", "dir", &["iso"]),
                SeedStorage::new("local-lvm", "lvmthin", &["images"]),
                SeedStorage::new("other", "lvmthin", &["images"]),
            ]),
            ..seed
        })
        .host(json!({"defaults": null}))
        .start()
        .await;
    world.wait_host("Ready", "True", "Usable").await;
    world
        .apply_vm("web", &format!("{SMALL}\nnetworks: [{{name: net0}}]"))
        .await;
    for (default, value) in [("bridge", "vmbr1"), ("storage", "other")] {
        let missed = world.wait_vm("web", "Stalled", "True", "InvalidSpec").await;
        let message = &condition(&missed, "Ready").unwrap().message;
        assert!(message.contains(&format!("default {default}")), "{message}");
        world
            .patch_host(&world.name, json!({"spec": {"defaults": {default: value}}}))
            .await;
        world.passes("web", 1).await;
    }
    world.wait_ready("web").await;
    let config = world.guest("web").await.config;
    assert!(
        config["scsi0"].starts_with("other:") && config["net0"].contains("bridge=vmbr1"),
        "{config:?}"
    );
}
