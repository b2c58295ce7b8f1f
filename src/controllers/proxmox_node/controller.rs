//! Runs the passes over hosts: what triggers one, when a failed one is repeated, and when all were tried.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use tokio_util::sync::CancellationToken;

use super::pass;
use crate::api::ProxmoxNode;
use crate::controllers::{Context, Error};
use crate::fleet::HostState;
use crate::runtime::Class;

/// The label of metrics.
pub(super) const KIND: &str = "ProxmoxNode";
/// The readiness check that this controller sets.
pub const HOSTS_SEEN: &str = "hosts";

/// Runs the controller until the token is cancelled and the passes under way have ended.
pub async fn run(
    controller: Controller<ProxmoxNode>,
    context: Arc<Context>,
    wakes: impl Stream<Item = ObjectRef<ProxmoxNode>> + Send + 'static,
    token: CancellationToken,
) {
    let mut controller = controller.with_config(Config::default().concurrency(context.settings.workers));
    // Only names and versions of Secrets are watched, and only where credentials may lie.
    for namespace in &context.settings.credentials_namespaces {
        let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(context.client.clone(), namespace);
        let of_secret = {
            let (context, namespace) = (Arc::clone(&context), namespace.clone());
            move |secret: PartialObjectMeta<Secret>| users_of(&context, &namespace, &secret.name_any())
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

/// The hosts that use a Secret, by themselves or through another one.
fn users_of(context: &Context, namespace: &str, secret: &str) -> Vec<ObjectRef<ProxmoxNode>> {
    let hosts = context.stores.hosts.state();
    let direct: Vec<String> = hosts
        .iter()
        .filter(|h| {
            let named = h.spec.credentials_ref.as_ref();
            named.is_some_and(|r| r.namespace == namespace && r.name == secret)
        })
        .map(|h| h.name_any())
        .collect();
    hosts
        .iter()
        .filter(|h| {
            let through = h.spec.connection_ref.as_ref();
            direct.contains(&h.name_any()) || through.is_some_and(|r| direct.contains(&r.name))
        })
        .map(|h| ObjectRef::from_obj(h.as_ref()))
        .collect()
}

async fn reconcile(cached: Arc<ProxmoxNode>, context: Arc<Context>) -> Result<Action, Error> {
    let host = context.hosts.newest(cached);
    let name = host.name_any();
    let started = context.runtime.clock.instant();
    let result = pass::run(&context, host).await;
    let took = context.runtime.clock.instant().duration_since(started);
    let outcome = result.as_ref().map(|_| ()).map_err(Error::class);
    context.runtime.metrics.reconciled(KIND, outcome, took);
    if result.is_ok() {
        let mut tried = context.hosts_tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(name);
    }
    check_hosts_seen(&context);
    result
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the controller wants this signature"
)]
fn on_error(host: Arc<ProxmoxNode>, error: &Error, context: Arc<Context>) -> Action {
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
        .stores
        .hosts
        .state()
        .iter()
        .map(|h| h.name_any())
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
