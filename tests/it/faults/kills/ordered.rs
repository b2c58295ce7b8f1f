//! Drover is killed while it makes machines.

use std::time::Duration;

use pve_sim::{Mark, Matcher};
use serde_json::json;

use crate::faults::{BLANK, CLONE, assert_one_guest_each};
use crate::support::World;

/// When the program is killed.
#[derive(Clone, Copy, Debug)]
enum Instant {
    /// The host has a call, and did nothing yet.
    BeforeAct(&'static str, &'static str),
    /// The host has done it, and did not answer yet.
    AfterAct(&'static str, &'static str),
    /// The host was asked so many things since the machine was applied.
    Requests(u64),
    /// The finalizer is there.
    Finalizer,
    /// The number is in the status.
    Reservation,
}

use Instant::{AfterAct, BeforeAct, Finalizer, Requests, Reservation};

const CREATE: (&str, &str) = ("POST", "/nodes/*/qemu");
const COPY: (&str, &str) = ("POST", "/nodes/*/qemu/9000/clone");
const SEAL: (&str, &str) = ("PUT", "/nodes/*/qemu/*/config");
const START: (&str, &str) = ("POST", "/nodes/*/qemu/*/status/start");

/// Whether a copy is made, and when the program is killed.
const KILLS: [(bool, Instant); 20] = [
    (false, BeforeAct(CREATE.0, CREATE.1)),
    (true, BeforeAct(COPY.0, COPY.1)),
    (false, AfterAct(CREATE.0, CREATE.1)),
    (true, AfterAct(COPY.0, COPY.1)),
    (true, BeforeAct(SEAL.0, SEAL.1)),
    (true, AfterAct(SEAL.0, SEAL.1)),
    (false, BeforeAct(START.0, START.1)),
    (false, AfterAct(START.0, START.1)),
    (true, AfterAct(COPY.0, COPY.1)),
    (false, AfterAct(CREATE.0, CREATE.1)),
    (false, Finalizer),
    (true, Finalizer),
    (false, Reservation),
    (true, Reservation),
    (false, Requests(2)),
    (true, Requests(4)),
    (false, Requests(7)),
    (true, Requests(10)),
    (false, Requests(13)),
    (true, Requests(17)),
];

#[tokio::test]
async fn twenty_kills_during_creates_leave_one_guest_each() {
    let world = World::builder("kills")
        .seed(|seed| seed.with_foreign_vms(4))
        .host(json!({
            "budget": {"tasks": 16, "tasksPerStorage": 16, "clonesPerSource": 16},
            "destroyLimit": {"guests": 1000, "window": "1m"},
        }))
        .without_drover()
        .start()
        .await;
    let foreign = world.sim.guests();
    let mut names = Vec::new();
    for (number, (copy, instant)) in KILLS.into_iter().enumerate() {
        let name = format!("vm-{number}");
        let process = world.drover_process().await;
        world.wait_host("Ready", "True", "*").await;
        kill_at(&world, process, &name, if copy { CLONE } else { BLANK }, instant).await;
        names.push(name);
    }

    let _last = world.drover_process().await;
    for name in &names {
        world.wait_ready(name).await;
    }
    assert_one_guest_each(&world, &names).await;
    for before in foreign {
        assert_eq!(world.sim.guest(before.vmid), Some(before), "a foreign guest");
    }
}

async fn kill_at(world: &World, process: crate::support::Process, name: &str, spec: &str, instant: Instant) {
    let hold = match instant {
        BeforeAct(method, path) => Some(world.sim.hold(Matcher::new(method, path), Mark::BeforeAct)),
        AfterAct(method, path) => Some(world.sim.hold(Matcher::new(method, path), Mark::AfterAct)),
        _ => None,
    };
    let position = world.sim.position();
    world.apply_vm(name, spec).await;
    match (instant, &hold) {
        (_, Some(hold)) => {
            let reached = tokio::time::timeout(Duration::from_secs(30), hold.reached());
            reached
                .await
                .unwrap_or_else(|_| panic!("{name}: no call was held at {instant:?}"));
        }
        (Requests(count), None) => {
            world
                .wait_until("the host to be asked", async || {
                    (world.sim.position() >= position + count).then_some(())
                })
                .await;
        }
        (Finalizer, None) => {
            world
                .wait_until("the finalizer", async || {
                    world.vm(name).await.metadata.finalizers.map(drop)
                })
                .await;
        }
        (_, None) => {
            world
                .wait_until("the reservation", async || {
                    world.vm(name).await.status.and_then(|s| s.vmid)
                })
                .await;
        }
    }
    process.kill();
    // What the host has in its hands, it does, though nobody listens any more.
    drop(hold);
}
