//! Runs the passes over hosts: what triggers one, when a failed one is repeated, and when all were tried.

use std::fmt::Debug;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures::{Stream, StreamExt};
use k8s_openapi::ClusterResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{connection, pass};
use crate::api::{Host, HostKind, LibvirtHost, ProxmoxNode, SecretRef};
use crate::controllers::{Context, Error};
use crate::fleet::HostState;
use crate::runtime::Class;

/// A kind of hosts.
pub trait Resource:
    kube::Resource<DynamicType = (), Scope = ClusterResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + Into<Host>
    + 'static
{
    /// Which it is.
    const KIND: HostKind;
}

impl Resource for ProxmoxNode {
    const KIND: HostKind = HostKind::ProxmoxNode;
}

impl Resource for LibvirtHost {
    const KIND: HostKind = HostKind::LibvirtHost;
}

/// The readiness check that this controller sets.
pub const HOSTS_SEEN: &str = "hosts";

/// Runs the controller until the token is cancelled and the passes under way have ended.
pub async fn run<K: Resource>(
    controller: Controller<K>,
    context: Arc<Context>,
    wakes: impl Stream<Item = ObjectRef<K>> + Send + 'static,
    token: CancellationToken,
) {
    let mut controller = controller.with_config(Config::default().concurrency(context.settings.workers));
    // Only names and versions of Secrets are watched, and only where credentials may lie.
    for namespace in &context.settings.credentials_namespaces {
        let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(context.client.clone(), namespace);
        let of_secret = {
            let (context, namespace) = (Arc::clone(&context), namespace.clone());
            move |secret: PartialObjectMeta<Secret>| users_of::<K>(&context, &namespace, &secret.name_any())
        };
        controller = controller.watches(api, watcher::Config::default(), of_secret);
    }
    controller
        .reconcile_on(wakes)
        .graceful_shutdown_on(token.cancelled_owned())
        .run(reconcile, on_error, context)
        .for_each(|result| async move {
            if let Err(kube::runtime::controller::Error::QueueError(error)) = result {
                tracing::warn!(error = %error, "the watch of hosts failed and is tried again");
            }
        })
        .await;
}

/// The hosts of a kind that use a Secret, by themselves or through another one.
fn users_of<K: Resource>(context: &Context, namespace: &str, secret: &str) -> Vec<ObjectRef<K>> {
    let hosts = context.hosts.all();
    let uses = |named: &SecretRef| named.namespace == namespace && named.name == secret;
    let direct: Vec<String> = hosts
        .iter()
        .filter(|h| connection::credentials_ref(h).is_some_and(uses))
        .map(|h| h.key())
        .collect();
    let through = |host: &Host| {
        let named = host.proxmox().and_then(|node| node.spec.connection_ref.as_ref());
        named.is_some_and(|r| direct.contains(&HostKind::ProxmoxNode.key(&r.name)))
    };
    hosts
        .iter()
        .filter(|h| h.kind() == K::KIND && (direct.contains(&h.key()) || through(h)))
        .map(|h| ObjectRef::new(&h.name_any()))
        .collect()
}

async fn reconcile<K: Resource>(cached: Arc<K>, context: Arc<Context>) -> Result<Action, Error> {
    let name = cached.name_any();
    // One that the cache lost meanwhile is dealt with by the watch.
    let Some(host) = context.hosts.get(K::KIND, &name) else {
        return Ok(Action::await_change());
    };
    let started = context.runtime.clock.instant();
    let result = pass::run(&context, host).await;
    let took = context.runtime.clock.instant().duration_since(started);
    let outcome = result.as_ref().map(|_| ()).map_err(Error::class);
    context
        .runtime
        .metrics
        .reconciled(K::KIND.as_str(), outcome, took);
    if result.is_ok() {
        let mut tried = context.hosts_tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(K::KIND.key(&name));
    }
    check_hosts_seen(&context);
    result
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the controller wants this signature"
)]
fn on_error<K: Resource>(host: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    if error.class() == Class::Transient {
        tracing::warn!(host.name = host.name_any(), error = %error, "a pass failed and is tried again");
    }
    Action::requeue(context.settings.timing.requeue_error_min)
}

/// Ready once every host was tried: one that is down does not keep Drover from serving the others.
pub fn check_hosts_seen(context: &Context) {
    let tried = context
        .hosts_tried
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let waiting: Vec<String> = context
        .hosts
        .all()
        .iter()
        .map(|h| h.key())
        .filter(|name| {
            let view = context.fleet.host(name);
            !tried.contains(name) || view.is_some_and(|v| v.state == HostState::Connecting)
        })
        .collect();
    // Once ready, it stays: a host that is added later says in its own conditions how it stands.
    if waiting.is_empty() {
        context.hosts_seen.store(true, Ordering::Relaxed);
    }
    if context.hosts_seen.load(Ordering::Relaxed) {
        context.runtime.health.set_ready(HOSTS_SEEN);
    } else {
        let reason = format!("not answered yet: {}", waiting.join(", "));
        context.runtime.health.set_not_ready(HOSTS_SEEN, reason);
    }
}
