//! A host that can't be reached for a while, whatever Drover was at: its machines say so, nothing of them counts as
//! gone, and afterwards each goes on where it was.
//!
//! How long is counted in the tries to reach the host again. They come after 1, 2, 4, 8, 16 and then each 30 s, so that
//! the second is in vain in an outage of a good second, the fifth in one of 30 s, the eighth in one of two minutes; here all
//! these waits are a hundredth.

use std::collections::BTreeMap;
use std::time::Duration;

use pve_sim::{Fault, Hold, Mark, Matcher, Requests, Seed, SeedStorage};
use serde_json::{Value, json};

use super::{BLANK, CLONE, STOPPED, assert_one_guest_each};
use crate::support::World;

/// How a host does not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Connections are refused, and those that there were are cut.
    Refuses,
    /// What is sent to it arrives nowhere.
    IsSilent,
}

use Manner::{IsSilent, Refuses};

/// What brings a machine into a phase.
#[derive(Clone, Copy)]
enum Step {
    Apply(&'static str),
    Change(fn(&World) -> Value),
    Delete,
}

use Step::{Apply, Change, Delete};

/// A phase in which a task runs.
struct Phase {
    name: &'static str,
    /// The machine as it is before; absent: there is none.
    before: Option<&'static str>,
    step: Step,
    /// What it says in the phase.
    reason: &'static str,
}

const BACKED_UP: &str = "{powerState: Stopped, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}], \
                         deletionPolicy: BackupAndDelete}";

const fn phase(name: &'static str, before: &'static str, step: Step, reason: &'static str) -> Phase {
    Phase {
        name,
        before: Some(before),
        step,
        reason,
    }
}

const fn making(name: &'static str, spec: &'static str, reason: &'static str) -> Phase {
    Phase {
        name,
        before: None,
        step: Apply(spec),
        reason,
    }
}

fn starts(_: &World) -> Value {
    json!({"powerState": "Running"})
}

fn stops(_: &World) -> Value {
    json!({"powerState": "Stopped"})
}

fn grows(_: &World) -> Value {
    json!({"disks": [{"name": "scsi0", "size": "2Gi"}]})
}

fn moves(_: &World) -> Value {
    json!({"disks": [{"name": "scsi0", "size": "1Gi", "storage": "local"}]})
}

fn migrates(world: &World) -> Value {
    json!({"hostRef": {"name": second(world)}})
}

const PHASES: [Phase; 9] = [
    phase("starts", STOPPED, Change(starts), "Starting"),
    phase("stops", BLANK, Change(stops), "Stopping"),
    phase("grows", STOPPED, Change(grows), "GrowingDisk"),
    phase("moves", STOPPED, Change(moves), "MovingDisk"),
    phase("migrates", STOPPED, Change(migrates), "Migrating"),
    phase("backs-up", BACKED_UP, Delete, "BackingUp"),
    phase("goes", STOPPED, Delete, "Destroying"),
    making("created", BLANK, "Creating"),
    making("cloned", CLONE, "Cloning"),
];

/// The calls that are under way when the host goes: the machine's name and spec, and where the call stands.
const CALLS: [(&str, &str, &str, &str, Mark); 3] = [
    // It came through, and nobody hears of it.
    ("seals", CLONE, "PUT", "/nodes/*/qemu/*/config", Mark::BeforeAct),
    ("called", BLANK, "POST", "/nodes/*/qemu", Mark::AfterAct),
    // Nothing is reserved yet.
    ("reserves", BLANK, "GET", "/cluster/nextid", Mark::BeforeAct),
];

/// What a whole run sends, and what the host does for it, of the machines in [`PHASES`] and of one that is declared while
/// the host is down.
const SENT: [(&str, usize); 10] = [
    ("DELETE /nodes/N/qemu/N", 2),
    ("POST /nodes/N/qemu", 9),
    ("POST /nodes/N/qemu/N/clone", 1),
    ("POST /nodes/N/qemu/N/migrate", 1),
    ("POST /nodes/N/qemu/N/move_disk", 1),
    ("POST /nodes/N/qemu/N/status/shutdown", 1),
    ("POST /nodes/N/qemu/N/status/start", 5),
    ("POST /nodes/N/vzdump", 1),
    ("PUT /nodes/N/qemu/N/config", 1),
    ("PUT /nodes/N/qemu/N/resize", 1),
];

fn second(world: &World) -> String {
    format!("{}-2", world.name)
}

/// A cluster of two nodes, with both declared.
async fn two_nodes(test: &str, more: &Value) -> World {
    let budget = json!({"tasks": 32, "tasksPerStorage": 32, "clonesPerSource": 8});
    let poll = json!({"tasks": "200ms", "resources": "500ms", "sweep": "1h"});
    let defaults = json!({"storage": "local-lvm", "bridge": "vmbr0", "backupStorage": "local"});
    let with = |mut spec: Value| {
        let more = more.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(more);
        spec
    };
    let world = World::builder(test)
        .seed(|seed| Seed {
            nodes: 2,
            storages: Some(vec![
                SeedStorage::new("local", "dir", &["iso", "backup", "images"]),
                SeedStorage::new("local-lvm", "lvmthin", &["images"]),
            ]),
            ..seed
        })
        .settings(|settings| {
            settings.timing.reconnect_min = Duration::from_millis(10);
            settings.timing.reconnect_max = Duration::from_millis(300);
        })
        .host(with(json!({"budget": budget, "defaults": defaults})))
        .start()
        .await;
    let spec = json!({"nodeName": "pve2", "budget": budget, "poll": poll, "defaults": defaults,
        "allowedNamespaces": {"from": "All"}, "tenancy": {"mode": "Trusted"}});
    world.declare(&second(&world), with(spec)).await;
    for host in [world.name.clone(), second(&world)] {
        world
            .wait_for(&world.hosts(), &host, "Ready", "True", "Usable")
            .await;
    }
    world
}

/// Brings the machines into their phases, in which the host's tasks stand still.
async fn begin(world: &World, manner: Manner) -> Vec<Hold> {
    for phase in &PHASES {
        if let Some(spec) = phase.before {
            world.apply_vm(phase.name, spec).await;
        }
    }
    for phase in PHASES.iter().filter(|phase| phase.before.is_some()) {
        world.wait_ready(phase.name).await;
    }
    let calls: &[_] = if manner == Refuses { &CALLS } else { &[] };
    let mut held = Vec::new();
    let [sealing, last @ ..] = calls else {
        world.sim.hold_tasks();
        step(world).await;
        return held;
    };
    held.push(hold(world, sealing).await);
    world.sim.hold_tasks();
    step(world).await;
    for call in last {
        held.push(hold(world, call).await);
    }
    held
}

async fn hold(world: &World, (name, spec, method, path, mark): &(&str, &str, &str, &str, Mark)) -> Hold {
    let held = world.sim.hold(Matcher::new(*method, *path), *mark);
    world.apply_vm(name, spec).await;
    let what = format!("{name} to call {method} {path}");
    world
        .wait_until(&what, async || held.is_reached().then_some(()))
        .await;
    held
}

async fn step(world: &World) {
    for phase in &PHASES {
        match phase.step {
            Apply(spec) => world.apply_vm(phase.name, spec).await,
            Change(spec) => {
                world.patch_vm(phase.name, json!({"spec": spec(world)})).await;
            }
            Delete => world.delete_vm(phase.name).await,
        }
    }
    for phase in &PHASES {
        let condition = if phase.deletes() { "Deleting" } else { "Ready" };
        world.wait_vm(phase.name, condition, "*", phase.reason).await;
    }
}

impl Phase {
    fn deletes(&self) -> bool {
        matches!(self.step, Delete)
    }
}

/// Requests of one kind that were carried out, by method and path without names and numbers.
fn carried_out(requests: &Requests) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for request in requests.iter().filter(|request| request.status.is_some()) {
        let named = |part: &str| part.starts_with("pve") || part.parse::<u32>().is_ok();
        let path: Vec<&str> = request
            .path
            .split('/')
            .map(|part| if named(part) { "N" } else { part })
            .collect();
        let kind = format!("{} {}", request.method, path.join("/"));
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// An outage of so many tries in vain, in whose middle Drover may be killed; the host's tasks go on meanwhile, or stand still
/// until it is back.
async fn outage(world: &mut World, manner: Manner, tries: u64, tasks_go_on: bool, killed: bool) {
    let held = begin(world, manner).await;
    let mut standing: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    let silence = match manner {
        Refuses => {
            standing.extend(CALLS.map(|(name, ..)| name));
            world.sim.stop_listener();
            None
        }
        IsSilent => {
            let forever = Duration::from_hours(1);
            Some(world.sim.fault(Fault::delay(Matcher::any(), forever)))
        }
    };
    let sent = world.sim.mutations().len();
    drop(held);
    if tasks_go_on {
        world.sim.release_tasks();
    }
    world.apply_vm("late", BLANK).await;
    standing.push("late");
    said(world, &standing).await;
    if killed {
        world.kill_drover();
        world.start_drover();
    }
    let name = world.name.clone();
    world
        .wait_until("the host to be tried in vain", async || {
            (world.vain_probes(&name) >= tries).then_some(())
        })
        .await;
    for name in &standing {
        world.passes(name, 1).await;
    }
    said(world, &standing).await;
    let late = world.vm("late").await;
    assert_eq!(late.status.and_then(|status| status.vmid), None);
    let through = world.sim.mutations().0.into_iter().skip(sent);
    let through: Vec<_> = through.filter(|request| request.status.is_some()).collect();
    assert!(through.is_empty(), "{through:?}");

    match silence {
        Some(silence) => assert!(world.sim.clear_fault(silence)),
        None => world.host_up().await,
    }
    world.sim.release_tasks();
}

/// All machines say that the host can't be reached, and none is let go.
async fn said(world: &World, standing: &[&str]) {
    for host in [world.name.clone(), second(world)] {
        world
            .wait_for(&world.hosts(), &host, "Ready", "Unknown", "HostUnreachable")
            .await;
    }
    for name in standing {
        let deleted = PHASES.iter().any(|phase| phase.name == *name && phase.deletes());
        let (condition, status) = if deleted {
            ("Deleting", "True")
        } else {
            ("Ready", "Unknown")
        };
        let vm = world.wait_vm(name, condition, status, "HostUnreachable").await;
        let message = &crate::support::condition(&vm, condition).unwrap().message;
        assert!(message.contains("nothing counts as gone"), "{name}: {message}");
        let made = vm.status.as_ref().and_then(|status| status.vmid).is_some();
        assert_eq!(
            vm.metadata.finalizers.is_some_and(|f| !f.is_empty()),
            made,
            "{name}"
        );
    }
}

/// Each machine is as it is declared, or gone; each call was sent once, and each task ran once.
async fn assert_went_on(world: &World, manner: Manner) {
    let mut names: Vec<&str> = PHASES.iter().filter(|p| !p.deletes()).map(|p| p.name).collect();
    names.push("late");
    let mut sent: BTreeMap<&str, usize> = SENT.into_iter().collect();
    if manner == Refuses {
        names.extend(CALLS.map(|(name, ..)| name));
        for (call, more) in [
            ("POST /nodes/N/qemu", 2),
            ("POST /nodes/N/qemu/N/clone", 1),
            ("POST /nodes/N/qemu/N/status/start", 3),
            ("PUT /nodes/N/qemu/N/config", 1),
        ] {
            *sent.entry(call).or_default() += more;
        }
    }
    for phase in PHASES.iter().filter(|phase| phase.deletes()) {
        world.wait_vm_gone(phase.name).await;
    }
    for name in &names {
        world.wait_ready(name).await;
    }
    for (name, node, running) in [
        ("starts", "pve1", true),
        ("stops", "pve1", false),
        ("migrates", "pve2", false),
    ] {
        let guest = world.guest(name).await;
        assert_eq!((guest.node.as_str(), guest.running), (node, running), "{name}");
    }
    assert!(world.guest("grows").await.config["scsi0"].contains("size=2G"));
    assert!(world.guest("moves").await.config["scsi0"].starts_with("local:"));
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    assert_one_guest_each(world, &names).await;
    let carried_out = carried_out(&world.sim.mutations());
    let carried_out: BTreeMap<&str, usize> = carried_out.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    assert_eq!(carried_out, sent);
    let tasks = world.sim.tasks();
    let failed: Vec<_> = tasks.iter().filter(|t| t.exit.as_deref() != Some("OK")).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test]
async fn host_that_refuses_for_a_second_finds_its_tasks_still_running() {
    let mut world = two_nodes("refuses-a-second", &json!({"timeout": "30s"})).await;
    outage(&mut world, Refuses, 2, false, false).await;
    assert_went_on(&world, Refuses).await;
}

#[tokio::test]
async fn host_that_is_silent_for_half_a_minute_finds_its_tasks_ended_and_drover_restarted() {
    let mut world = two_nodes("silent-half-a-minute", &json!({"timeout": "1s"})).await;
    outage(&mut world, IsSilent, 5, true, true).await;
    assert_went_on(&world, IsSilent).await;
}

#[tokio::test]
async fn host_that_refuses_for_two_minutes_finds_its_tasks_ended() {
    let mut world = two_nodes("refuses-two-minutes", &json!({"timeout": "30s"})).await;
    outage(&mut world, Refuses, 8, true, false).await;
    assert_went_on(&world, Refuses).await;
}
