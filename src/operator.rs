//! Starts the parts of the operator in order and ends them in order: caches, fleet, controllers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::Controller;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::api::{LibvirtHost, ProxmoxNode, VirtualMachine, VirtualMachineClass};
use crate::controllers::{Context, HostStores, Stores, Wakes, dispatch, host, virtual_machine};
use crate::fleet::{CallReport, Fleet, FleetEvents, FleetOptions};
use crate::runtime::{
    Fence, Runtime, Settings, Supervisor,
    leader::{Candidate, lease_name},
};

/// The readiness check of the caches.
pub const CACHES: &str = "caches";

/// Why the operator does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Kubernetes cluster can't be told from others.
    #[error("the namespace kube-system can't be read, whose UID tells this cluster from others")]
    ReadClusterUid(#[source] Box<kube::Error>),
    /// Another replica leads, or will soon.
    #[error(
        "the lease is lost: another replica leads, or the Kubernetes API did not let it be renewed in time"
    )]
    LeaseLost,
    /// A kind is not served.
    #[error(
        "{kind} is not served by the Kubernetes API: install the CRDs first (drover crds | kubectl apply -f -)"
    )]
    KindMissing {
        /// The kind.
        kind: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Runs until the runtime's supervisor is told to shut down, and the passes under way have ended; with an election,
/// it acts only while it leads.
pub async fn run(client: Client, settings: Settings, runtime: Runtime) -> Result<(), Error> {
    let Some(election) = settings.election.clone() else {
        return Box::pin(act(client, settings, runtime, Fence::open())).await;
    };
    let token = runtime.supervisor.token();
    let (clock, fence) = (runtime.clock.clone(), Fence::closed(runtime.clock.clone()));
    let name = lease_name(settings.host_selector.as_deref());
    let mut candidate = Candidate::new(client.clone(), &election, name, clock, fence.clone());
    let (health, metrics) = (runtime.health.clone(), runtime.metrics.clone());
    // One that stands by is ready: it is what takes over.
    health.remove(CACHES);
    metrics.leading(false);
    tracing::info!(lease.namespace = election.namespace, "standing for leader");
    if token.run_until_cancelled(candidate.lead()).await.is_none() {
        candidate.release().await;
        return Ok(());
    }
    metrics.leading(true);
    let result = {
        let keeping = candidate.keep();
        // Dropped on a loss, and with it all passes under way: as after a crash, the next leader finds what was begun.
        tokio::select! {
            biased;
            () = keeping => Err(Error::LeaseLost),
            result = Box::pin(act(client, settings, runtime, fence)) => result,
        }
    };
    metrics.leading(false);
    if !matches!(result, Err(Error::LeaseLost)) {
        candidate.release().await;
    }
    result
}

async fn act(client: Client, settings: Settings, runtime: Runtime, fence: Fence) -> Result<(), Error> {
    let health = &runtime.health;
    health.set_not_ready(CACHES, "being filled");
    health.set_not_ready(host::HOSTS_SEEN, "not looked at yet");
    served::<ProxmoxNode>(&client).await?;
    served::<LibvirtHost>(&client).await?;
    served::<VirtualMachine>(&client).await?;
    served::<VirtualMachineClass>(&client).await?;
    let cluster_uid = cluster_uid(&client).await?;

    let host_watch = match &settings.host_selector {
        Some(selector) => watcher::Config::default().labels(selector),
        None => watcher::Config::default(),
    };
    let token = runtime.supervisor.token();
    let nodes = Watched::<ProxmoxNode>::new(&client, host_watch.clone());
    let libvirt = Watched::<LibvirtHost>::new(&client, host_watch.clone());
    let machines = Watched::<VirtualMachine>::new(&client, watcher::Config::default());
    let classes = Watched::<VirtualMachineClass>::new(&client, watcher::Config::default());
    let namespaces = Watched::<PartialObjectMeta<Namespace>>::new(&client, watcher::Config::default());
    let stores = Stores {
        hosts: HostStores {
            proxmox: nodes.store.clone(),
            libvirt: libvirt.store.clone(),
        },
        machines: machines.store.clone(),
        classes: classes.store.clone(),
        namespaces: namespaces.store.clone(),
    };
    let filled = [
        &nodes.filled,
        &libvirt.filled,
        &machines.filled,
        &classes.filled,
        &namespaces.filled,
    ]
    .map(Clone::clone);
    let referred = [classes.filled.clone(), namespaces.filled.clone()];
    classes.keep(&runtime.supervisor, "class cache");
    namespaces.keep(&runtime.supervisor, "namespace cache");
    let (fleet, events) = observed_fleet(&settings, &runtime, token.clone());
    let context = Arc::new(Context::new(
        client,
        settings,
        runtime.clone(),
        fleet.clone(),
        cluster_uid,
        fence,
        stores,
    ));
    let (senders, wakes) = Wakes::new();
    let machine_wakes = stream(wakes.machines);
    let node_wakes = stream(wakes.nodes);
    let libvirt_wakes = stream(wakes.libvirt);

    let ready = {
        let (context, token) = (Arc::clone(&context), token.clone());
        async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = all(&filled) => {
                    context.runtime.health.set_ready(CACHES);
                    host::check_hosts_seen(&context);
                }
            }
        }
    };
    runtime.supervisor.spawn_finite("readiness", ready);
    runtime
        .supervisor
        .spawn("wakes", dispatch(Arc::clone(&context), events, senders));
    // A pass would take a class or a namespace that is not cached yet for one that does not exist.
    let start = token.run_until_cancelled(all(&referred)).await;
    if start.is_some() {
        let hosts_cached = [nodes.filled.clone(), libvirt.filled.clone()];
        let machines_filled = machines.filled.clone();
        let run_nodes = run_hosts(nodes, &context, node_wakes, &token);
        let run_libvirt = run_hosts(libvirt, &context, libvirt_wakes, &token);
        let run_machines = virtual_machine::run(
            machines.controller(virtual_machine::version, {
                let context = Arc::clone(&context);
                move |gone| virtual_machine::forget(&context, gone)
            }),
            Arc::clone(&context),
            machine_wakes,
            host_watch,
            token.clone(),
        );
        tokio::join!(run_nodes, run_libvirt, async {
            // A machine whose host is not cached yet would be asked after one by one.
            if token.run_until_cancelled(all(&hosts_cached)).await.is_some() {
                until_ended(run_machines, machines_filled, token.clone()).await;
            }
        },);
    }
    // Whoever is still at work on a host is known there and in the status; the next start finds it.
    fleet.shutdown().await;
    tracing::info!("controllers and fleet have ended");
    Ok(())
}

/// Runs the controller of a kind of hosts.
async fn run_hosts<K: host::Resource>(
    watched: Watched<K>,
    context: &Arc<Context>,
    wakes: impl futures::Stream<Item = ObjectRef<K>> + Send + 'static,
    token: &CancellationToken,
) {
    let filled = watched.filled.clone();
    let controller = watched.controller(predicates::resource_version, {
        let context = Arc::clone(context);
        move |gone: &K| host::forget(&context, &gone.clone().into())
    });
    let run = host::run(controller, Arc::clone(context), wakes, token.clone());
    until_ended(run, filled, token.clone()).await;
}

fn stream<T: Send + 'static>(
    receiver: tokio::sync::mpsc::Receiver<T>,
) -> impl futures::Stream<Item = T> + Send + 'static {
    futures::stream::unfold(receiver, |mut receiver| async move {
        let item = receiver.recv().await?;
        Some((item, receiver))
    })
}

/// Runs a controller to its orderly end. One that is told to end before its first list is there would wait for
/// that list for ever; it has run no pass yet, and is dropped.
async fn until_ended(run: impl Future<Output = ()>, filled: CancellationToken, token: CancellationToken) {
    let early = async {
        token.cancelled().await;
        if filled.is_cancelled() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = run => {}
        () = early => {}
    }
}

/// Waits until all of these have happened.
async fn all(latches: &[CancellationToken]) {
    for latch in latches {
        latch.cancelled().await;
    }
}

/// A fleet whose calls are counted.
fn observed_fleet(settings: &Settings, runtime: &Runtime, token: CancellationToken) -> (Fleet, FleetEvents) {
    let metrics = runtime.metrics.clone();
    // The observer is part of the fleet that it looks into.
    let itself: Arc<OnceLock<Fleet>> = Arc::default();
    let looked_into = Arc::clone(&itself);
    let observe = move |call: &CallReport<'_>| {
        metrics.host_request(
            call.host,
            call.operation,
            call.failure.map_or(Ok(()), Err),
            call.took,
        );
        let listed = call.operation == "overview" && call.failure.is_none();
        let cluster = || looked_into.get()?.host(call.host)?.cluster;
        if let Some(cluster) = listed.then(cluster).flatten() {
            metrics.host_snapshot(call.host);
            metrics.host_guests(call.host, cluster.snapshot().guests.len());
            metrics.tasks_running(call.host, cluster.tasks_followed());
        }
    };
    let options = FleetOptions {
        seed: fastrand::u64(..),
        list_lag: settings.timing.list_lag,
        reconnect_min: settings.timing.reconnect_min,
        reconnect_max: settings.timing.reconnect_max,
        observe: Some(Arc::new(observe)),
    };
    let (fleet, events) = Fleet::new(options, token);
    // A new cell takes its first value.
    let _ = itself.set(fleet.clone());
    (fleet, events)
}

/// A watch that fills a cache.
///
/// The cache's own `wait_until_ready` wakes only one of those who wait for it, and the controller waits too:
/// that the cache is filled is noted here instead.
struct Watched<K: Resource<DynamicType = ()> + Clone + 'static> {
    stream: BoxStream<'static, watcher::Result<watcher::Event<K>>>,
    store: Store<K>,
    filled: CancellationToken,
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    fn new(client: &Client, config: watcher::Config) -> Self {
        let (store, writer) = reflector::store();
        let filled = CancellationToken::new();
        let note = filled.clone();
        let stream = watcher(Api::<K>::all(client.clone()), config)
            .default_backoff()
            .modify(|object| object.managed_fields_mut().clear())
            .reflect(writer)
            .inspect_ok(move |event| {
                if matches!(event, watcher::Event::InitDone) {
                    note.cancel();
                }
            })
            .boxed();
        Self {
            stream,
            store,
            filled,
        }
    }

    /// A controller that this watch triggers when `version` of an object changes. What is gone triggers no pass, and is told to
    /// `gone`.
    fn controller(
        self,
        version: impl Predicate<K> + Send + 'static,
        gone: impl Fn(&K) + Send + 'static,
    ) -> Controller<K> {
        let stream = self.stream.inspect_ok(move |event| {
            if let watcher::Event::Delete(object) = event {
                gone(object);
            }
        });
        let changed = stream
            .applied_objects()
            .predicate_filter(version, PredicateConfig::default());
        Controller::for_stream(changed, self.store)
    }

    /// Keeps the cache filled in the background.
    fn keep(self, supervisor: &Supervisor, task: &'static str) {
        let token = supervisor.token();
        let stream = self.stream;
        supervisor.spawn(task, async move {
            stream
                .take_until(token.cancelled_owned())
                .for_each(|event| async move {
                    if let Err(error) = event {
                        tracing::debug!(cache = task, error = %error, "a watch failed and is tried again");
                    }
                })
                .await;
        });
    }
}

/// A new CRD takes a moment until it is served.
async fn served<K>(client: &Client) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(250);
    let api: Api<K> = Api::all(client.clone());
    let mut pause = tokio::time::interval(PAUSE);
    let mut tries = 0;
    loop {
        pause.tick().await;
        tries += 1;
        match api.list(&kube::api::ListParams::default().limit(1)).await {
            Ok(_) => return Ok(()),
            Err(source) if tries >= TRIES => {
                return Err(Error::KindMissing {
                    kind: K::kind(&()).into_owned(),
                    source: Box::new(source),
                });
            }
            Err(_) => {}
        }
    }
}

async fn cluster_uid(client: &Client) -> Result<String, Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces
        .get("kube-system")
        .await
        .map_err(|error| Error::ReadClusterUid(Box::new(error)))?;
    Ok(namespace.uid().unwrap_or_default())
}
