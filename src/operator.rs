//! Starts the parts of the operator in order and ends them in order: caches, fleet, controllers.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::Controller;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::api::{ProxmoxNode, VirtualMachine, VirtualMachineClass};
use crate::controllers::{Context, Stores, Wakes, dispatch, proxmox_node, virtual_machine};
use crate::fleet::{CallReport, Fleet, FleetOptions};
use crate::runtime::{Runtime, Settings, Supervisor};

/// The readiness check of the caches.
const CACHES: &str = "caches";

/// Why the operator does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Kubernetes cluster can't be told from others.
    #[error("the namespace kube-system can't be read, whose UID tells this cluster from others")]
    ReadClusterUid(#[source] Box<kube::Error>),
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

/// Runs until the runtime's supervisor is told to shut down, and the passes under way have ended.
pub async fn run(client: Client, settings: Settings, runtime: Runtime) -> Result<(), Error> {
    let health = &runtime.health;
    health.set_not_ready(CACHES, "being filled");
    health.set_not_ready(proxmox_node::HOSTS_SEEN, "not looked at yet");
    served::<ProxmoxNode>(&client).await?;
    served::<VirtualMachine>(&client).await?;
    served::<VirtualMachineClass>(&client).await?;
    let cluster_uid = cluster_uid(&client).await?;

    let host_watch = match &settings.host_selector {
        Some(selector) => watcher::Config::default().labels(selector),
        None => watcher::Config::default(),
    };
    let filled = [CancellationToken::new(), CancellationToken::new()];
    let machines = controller::<VirtualMachine>(&client, watcher::Config::default(), filled[0].clone());
    let hosts = controller::<ProxmoxNode>(&client, host_watch.clone(), filled[1].clone());
    let supervisor = &runtime.supervisor;
    let stores = Stores {
        hosts: hosts.store(),
        machines: machines.store(),
        classes: cache(&client, supervisor, "class cache"),
        namespaces: cache::<PartialObjectMeta<Namespace>>(&client, supervisor, "namespace cache"),
    };
    let token = supervisor.token();
    let (fleet, events) = Fleet::new(fleet_options(&settings, &runtime), token.clone());
    let context = Arc::new(Context::new(
        client,
        settings,
        runtime.clone(),
        fleet.clone(),
        cluster_uid,
        stores.clone(),
        None,
    ));
    let (senders, wakes) = Wakes::new();
    let machine_wakes = stream(wakes.machines);
    let host_wakes = stream(wakes.hosts);

    let ready = {
        let (context, token) = (Arc::clone(&context), token.clone());
        async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = all_ready(&context.stores, &filled) => {
                    context.runtime.health.set_ready(CACHES);
                    proxmox_node::check_hosts_seen(&context);
                }
            }
        }
    };
    supervisor.spawn_finite("readiness", ready);
    supervisor.spawn("wakes", dispatch(Arc::clone(&context), events, senders));
    tokio::join!(
        proxmox_node::run(hosts, Arc::clone(&context), host_wakes, token.clone()),
        virtual_machine::run(machines, Arc::clone(&context), machine_wakes, host_watch, token),
    );
    // Whoever is still at work on a host is known there and in the status; the next start finds it.
    fleet.shutdown().await;
    tracing::info!("controllers and fleet have ended");
    Ok(())
}

fn stream<T: Send + 'static>(
    receiver: tokio::sync::mpsc::Receiver<T>,
) -> impl futures::Stream<Item = T> + Send + 'static {
    futures::stream::unfold(receiver, |mut receiver| async move {
        let item = receiver.recv().await?;
        Some((item, receiver))
    })
}

/// A controller that cancels `filled` once its first list is in the store. Waiting on that store itself would
/// take the wake-up away from the controller, which does so too: it wakes only whoever asked last.
fn controller<K>(client: &Client, config: watcher::Config, filled: CancellationToken) -> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let watch = reflector::reflector(writer, watcher(Api::<K>::all(client.clone()), config));
    let applied = watch
        .inspect(move |event| {
            if matches!(event, Ok(watcher::Event::InitDone)) {
                filled.cancel();
            }
        })
        .applied_objects();
    Controller::for_stream(applied, store)
}

async fn all_ready(stores: &Stores, filled: &[CancellationToken]) {
    // An error means that the writer is gone, which only shutdown does.
    let _ = stores.classes.wait_until_ready().await;
    let _ = stores.namespaces.wait_until_ready().await;
    for token in filled {
        token.cancelled().await;
    }
}

fn fleet_options(settings: &Settings, runtime: &Runtime) -> FleetOptions {
    let metrics = runtime.metrics.clone();
    FleetOptions {
        seed: fastrand::u64(..),
        observe: Some(Arc::new(move |call: &CallReport<'_>| {
            let outcome = call.failure.map_or(Ok(()), Err);
            metrics.host_request(call.host, call.operation, outcome, call.took);
        })),
        list_lag: settings.timing.list_lag,
    }
}

/// Fills a cache in the background.
fn cache<K>(client: &Client, supervisor: &Supervisor, task: &'static str) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let watch = watcher(Api::<K>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .modify(|object| {
            object.managed_fields_mut().clear();
        });
    let token = supervisor.token();
    supervisor.spawn(task, async move {
        reflector::reflector(writer, watch)
            .take_until(token.cancelled_owned())
            .for_each(|event| async move {
                if let Err(error) = event {
                    tracing::debug!(cache = task, error = %error, "a watch failed and is tried again");
                }
            })
            .await;
    });
    store
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
