//! Two replicas for the same hosts: one acts, the other takes over.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, Response};
use drover::operator;
use drover::runtime::leader::ElectionSettings;
use drover::runtime::{Clock, Runtime, Settings};
use kube::client::Body;
use kube::{Client, ResourceExt};
use pve_sim::{Mark, Matcher};
use tokio::sync::watch;

use crate::support::{Gate, Process, World, plane, settings, within};

const SPEC: &str = "{powerState: Running, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}]}";
const LEASE: &str = "--lease-duration=10s";

async fn replica(world: &World) -> Process {
    Process::start(&world.selector(), &["--create-settle=2s", LEASE]).await
}

async fn leads(process: &Process) -> bool {
    let (_, metrics) = process.get("/metrics").await;
    metrics.lines().any(|line| line == "drover_leader 1")
}

async fn two_replicas(test: &str) -> (World, Process, Process) {
    let world = World::builder(test).without_drover().start().await;
    let first = replica(&world).await;
    world
        .wait_until("the first replica to lead", async || {
            leads(&first).await.then_some(())
        })
        .await;
    let second = replica(&world).await;
    (world, first, second)
}

#[tokio::test]
async fn second_replica_stands_by_is_ready_and_takes_over_at_once_after_an_orderly_end() {
    let (world, mut first, second) = two_replicas("leader-ends").await;
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    assert!(!leads(&second).await);
    assert_eq!(second.get("/readyz").await.0, 200);
    assert!(first.terminate().await.success());
    assert!(
        first.log_text().contains("the lease is released"),
        "{}",
        first.log_text()
    );
    world
        .wait_until("the second replica to lead", async || {
            leads(&second).await.then_some(())
        })
        .await;
    world.apply_vm("late", SPEC).await;
    world.wait_ready("late").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 2);
}

#[tokio::test]
async fn second_replica_takes_over_after_a_kill() {
    let (world, first, second) = two_replicas("leader-killed").await;
    first.kill();
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    assert!(leads(&second).await);
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}

#[tokio::test]
async fn leader_that_was_stopped_past_its_lease_changes_nothing_more() {
    let (world, mut first, second) = two_replicas("leader-stopped").await;
    first.signal("STOP");
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    assert!(leads(&second).await);
    let position = world.sim.position();
    first.signal("CONT");
    let status = world
        .wait_until("the old leader to end", async || first.ended())
        .await;
    assert_eq!(status.code(), Some(1), "{}", first.log_text());
    let sent = world.sim.mutations().since(position);
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
    assert!(leads(&second).await);
}

/// As a Deployment does: a replica that ended is started again.
async fn keep_up(gate: &Gate, world: &World, replicas: &mut Vec<Process>) {
    for replica in replicas {
        if replica.ended().is_some() {
            *replica = Process::start_by(
                &gate.kubeconfig(),
                &world.selector(),
                &["--create-settle=2s", LEASE],
            )
            .await;
        }
    }
}

#[tokio::test]
async fn kubernetes_api_that_is_away_for_a_minute_costs_nobody_a_machine() {
    let world = World::builder("leader-outage").without_drover().start().await;
    let mut gate = Gate::open().await;
    let mut replicas = Vec::new();
    for _ in 0..2 {
        replicas.push(
            Process::start_by(
                &gate.kubeconfig(),
                &world.selector(),
                &["--create-settle=2s", LEASE],
            )
            .await,
        );
    }
    world.apply_vm("web", SPEC).await;
    world.wait_ready("web").await;
    let web = world.vmid("web").await;

    // It goes away in the middle of a create: the call was sent, its answer can't be written down.
    let create = world
        .sim
        .hold(Matcher::new("POST", "/nodes/*/qemu"), Mark::BeforeAct);
    world.apply_vm("late", SPEC).await;
    create.reached().await;
    gate.shut();
    create.release();
    world.sim.power_off(web).unwrap();
    let ended = within(Duration::from_mins(1), async || {
        replicas
            .iter_mut()
            .any(|replica| replica.ended().is_some())
            .then_some(())
    });
    assert!(ended.await.is_some(), "who can't renew its lease ends");
    // Whoever led has ended, and nobody leads: nothing is done, whatever happens on the host.
    let position = world.sim.position();
    world.delete_vm("web").await;
    let sent = || world.sim.mutations().since(position);
    let any = async || (!sent().is_empty()).then_some(());
    let acted = within(Duration::from_secs(40), any).await;
    assert!(acted.is_none(), "{:?}", sent());
    assert!(world.sim.guest(web).is_some());

    gate.reopen().await;
    keep_up(&gate, &world, &mut replicas).await;
    world.wait_vm_gone("web").await;
    world.wait_ready("late").await;
    assert_eq!(world.sim.guest(web), None);
    assert_eq!(
        world.sent("POST", "/nodes/*/qemu").len(),
        2,
        "web and late, once each"
    );
    assert_eq!(world.sim.guests().len(), 2, "the template and late");
    assert_eq!(world.sent("DELETE", "/nodes/*/qemu/*").len(), 1);
}

/// A way to the API server that goes dead in the middle of a pass: what is sent after the number of a machine was named gets no
/// answer, and that it was named is not heard either.
struct Dying {
    named: watch::Sender<bool>,
}

impl Dying {
    fn client(self: &Arc<Self>, inner: Client) -> Client {
        let (namespace, dying) = (inner.default_namespace().to_owned(), Arc::clone(self));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (inner, dying) = (inner.clone(), Arc::clone(&dying));
            async move { dying.send(&inner, request).await }
        });
        Client::new(service, namespace)
    }

    async fn send(&self, inner: &Client, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let names = request.method() == Method::PATCH && request.uri().path().contains("/virtualmachines/");
        let dead = *self.named.borrow();
        let answered = if dead {
            None
        } else {
            Some(inner.send(request).await)
        };
        if names {
            self.named.send_replace(true);
        }
        match answered {
            Some(response) if !names => response,
            _ => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn leader_that_is_cut_off_in_the_middle_of_a_pass_ends_before_its_lease_and_the_next_goes_on() {
    let world = World::builder("leader-cut-off").without_drover().start().await;
    let settings = Settings {
        election: Some(ElectionSettings {
            lease: Duration::from_secs(10),
            ..ElectionSettings::default()
        }),
        ..settings(&world.selector())
    };
    let dying = Arc::new(Dying {
        named: watch::Sender::new(false),
    });
    let client = dying.client(plane().client());
    let first = Box::pin(operator::run(client, settings, Runtime::new(Clock::system())));
    let second = async {
        world.apply_vm("web", SPEC).await;
        let mut named = dying.named.subscribe();
        named.wait_for(|named| *named).await.unwrap();
        replica(&world).await
    };
    let (ended, second) = tokio::join!(first, second);
    assert!(matches!(ended, Err(operator::Error::LeaseLost)), "{ended:?}");
    assert!(!leads(&second).await, "it ends before its lease does");
    let vm = world.vm("web").await;
    assert!(!vm.finalizers().is_empty() && vm.status.and_then(|s| s.vmid).is_none());
    assert!(world.sim.mutations().is_empty());

    world.wait_ready("web").await;
    assert_eq!(world.sent("POST", "/nodes/*/qemu").len(), 1);
}
