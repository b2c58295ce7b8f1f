//! The controller of `ProxmoxNode`: declares hosts to the fleet, and says how it stands with them.

mod connection;

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::STATUS;
use super::context::Context;
use super::journal::Entry;
use crate::api::conditions::{self, Truth, reason};
use crate::api::names::{GUEST_FINALIZER, HOST_FINALIZER, MANAGER};
use crate::api::{ProxmoxNode, ProxmoxNodeStatus, VirtualMachine};
use crate::fleet::{HostState, HostView};
use crate::plan::host::{self, Contact, Seen};
use crate::plan::status::{Outcome, Standing};
use crate::runtime::Class;

const KIND: &str = "ProxmoxNode";
/// The readiness check that this controller sets.
pub const HOSTS_SEEN: &str = "hosts";

/// Why a pass ended before it could say so in the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Kubernetes API did not take a write, or did not answer.
    #[error("the Kubernetes API: {0}")]
    Kubernetes(#[from] Box<kube::Error>),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Kubernetes(Box::new(error))
    }
}

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
    let result = pass(&context, host).await;
    let took = context.runtime.clock.instant().duration_since(started);
    let outcome = result.as_ref().map(|_| ()).map_err(class);
    context.runtime.metrics.reconciled(KIND, outcome, took);
    if result.is_ok() {
        let mut tried = context.hosts_tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(name);
    }
    check_hosts_seen(&context);
    result
}

fn class(error: &Error) -> Class {
    let Error::Kubernetes(error) = error;
    match error.as_ref() {
        kube::Error::Api(status) if status.is_conflict() => Class::Conflict,
        kube::Error::Api(status) if status.is_not_found() => Class::NotFound,
        _ => Class::Transient,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the controller wants this signature"
)]
fn on_error(host: Arc<ProxmoxNode>, error: &Error, context: Arc<Context>) -> Action {
    if class(error) == Class::Transient {
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

async fn pass(ctx: &Context, mut host: Arc<ProxmoxNode>) -> Result<Action, Error> {
    let timing = &ctx.settings.timing;
    let name = host.name_any();
    let finalized = host.finalizers().iter().any(|f| f == HOST_FINALIZER);
    let deleting = host.metadata.deletion_timestamp.is_some();
    if deleting && !finalized {
        forget(ctx, &host);
        return Ok(Action::await_change());
    }
    let mut users = None;
    if deleting {
        let found = users_of_host(ctx, &name).await?;
        if found.is_empty() {
            forget(ctx, &host);
            write_finalizers(ctx, &host, false).await?;
            return Ok(Action::await_change());
        }
        users = Some(found);
    } else if !finalized {
        host = write_finalizers(ctx, &host, true).await?;
    }

    let mut status = host.status.clone().unwrap_or_default();
    let spec = connection::host_spec(ctx, &host).await?;
    let (outcome, contact, quorate) = match spec {
        Err(problem) => {
            // Nothing is sent with credentials that were taken away.
            ctx.fleet.forget(&name);
            let unknown = Contact {
                reachable: Truth::Unknown,
                authenticated: Truth::Unknown,
            };
            (problem, unknown, None)
        }
        Ok(spec) => {
            ctx.fleet.declare(&name, spec);
            let view = ctx.fleet.host(&name);
            observe(view.as_ref(), &mut status);
            count(ctx, &name, view.as_ref());
            let judged = judge(view.as_ref());
            let said = status.observed_generation == host.metadata.generation
                && conditions::find(&status.conditions, conditions::READY).is_some();
            if said && users.is_none() && judged.0.reason == reason::CONNECTING {
                // As just after a start: no reason to take back what was said before.
                return Ok(Action::requeue(timing.requeue_busy));
            }
            judged
        }
    };
    let outcome = match users {
        Some(users) => Outcome::progressing(
            reason::IN_USE,
            format!(
                "the host goes when nothing refers to it any more: {}",
                listed(&users)
            ),
        ),
        None => outcome,
    };
    let now = ctx.runtime.clock.now();
    let stood = conditions::find(&status.conditions, conditions::READY).map(|c| c.reason.clone());
    host::conclude(&host, &mut status, &outcome, contact, quorate, now);
    let host = save(ctx, &host, status).await?;
    if stood.as_deref() != Some(outcome.reason) {
        announce(ctx, &host, &outcome).await;
    }
    Ok(Action::requeue(match outcome.standing {
        Standing::Ready => timing.requeue_idle,
        Standing::Progressing => timing.requeue_busy,
        Standing::Unknown | Standing::Stalled => timing.requeue_waiting,
    }))
}

async fn announce(ctx: &Context, host: &ProxmoxNode, outcome: &Outcome) {
    let name = host.name_any();
    let entry = match outcome.standing {
        Standing::Ready => {
            tracing::info!(host.name = name, reason = outcome.reason, "host is usable");
            Entry::normal(outcome.reason, outcome.message.clone())
        }
        Standing::Progressing => return,
        Standing::Unknown | Standing::Stalled => {
            tracing::warn!(host.name = name, reason = outcome.reason, "{}", outcome.message);
            Entry::warning(outcome.reason, outcome.message.clone())
        }
    };
    ctx.journal.publish(host, vec![entry]).await;
}

fn forget(ctx: &Context, host: &ProxmoxNode) {
    let name = host.name_any();
    ctx.fleet.forget(&name);
    ctx.runtime.metrics.forget_host(&name);
    if let Some(uid) = host.uid() {
        ctx.hosts.forget(&uid);
    }
}

fn observe(view: Option<&HostView>, status: &mut ProxmoxNodeStatus) {
    let Some(view) = view.filter(|v| v.state == HostState::Usable) else {
        return;
    };
    let (Some(cluster), Some(node)) = (&view.cluster, &view.node) else {
        return;
    };
    let snapshot = cluster.snapshot();
    if snapshot.taken.is_none() {
        return;
    }
    let seen = Seen {
        cluster: cluster.id(),
        status: &snapshot.status,
        node,
        version: view.version.as_ref(),
        nodes: &snapshot.nodes,
        storages: &snapshot.storages,
    };
    host::observe(status, seen, snapshot.guests.values().map(Arc::as_ref));
}

/// What the metrics show of a host; the fleet's own calls keep it fresh.
fn count(ctx: &Context, name: &str, view: Option<&HostView>) {
    let Some(view) = view else { return };
    let usable = view.state == HostState::Usable;
    ctx.runtime.metrics.host_up(name, usable);
    if let Some(cluster) = view.cluster.as_ref().filter(|_| usable) {
        let guests = cluster.snapshot().guests.len();
        ctx.runtime.metrics.host_guests(name, guests);
    }
}

/// How it stands with a host, as conditions say it.
fn judge(view: Option<&HostView>) -> (Outcome, Contact, Option<bool>) {
    let contact = |reachable, authenticated| Contact {
        reachable,
        authenticated,
    };
    let Some(view) = view else {
        let outcome = Outcome::progressing(reason::CONNECTING, "the host is being connected to");
        return (outcome, contact(Truth::Unknown, Truth::Unknown), None);
    };
    let both = contact(Truth::True, Truth::True);
    match &view.state {
        HostState::Connecting => {
            let outcome = Outcome::progressing(reason::CONNECTING, "the host is being connected to");
            (outcome, contact(Truth::Unknown, Truth::Unknown), None)
        }
        HostState::Usable => usable(view, both),
        HostState::Unreachable { reason: why } => {
            let message =
                format!("{why}; check spec.host and spec.port, the network, and whether pveproxy runs");
            let outcome = Outcome::unknown(reason::HOST_UNREACHABLE, message);
            (outcome, contact(Truth::False, Truth::Unknown), None)
        }
        HostState::Denied { reason: why } => {
            let message =
                format!("{why}; check tokenId and tokenSecret in the Secret, and the token's permissions");
            let outcome = Outcome::stalled(reason::CREDENTIALS_REFUSED, message);
            (outcome, contact(Truth::True, Truth::False), None)
        }
        HostState::Untrusted {
            reason: why,
            fingerprint,
        } => {
            let hint = fingerprint.as_ref().map_or_else(String::new, |f| {
                format!(
                    "; if the node's Certificates page shows the fingerprint {f}, put it into spec.tls.fingerprint"
                )
            });
            let outcome = Outcome::stalled(reason::CERTIFICATE_NOT_TRUSTED, format!("{why}{hint}"));
            (outcome, contact(Truth::True, Truth::Unknown), None)
        }
        HostState::ClusterChanged { expected, found } => {
            let message = format!(
                "the cluster at this address has the identity {found}, and the one recorded in status.cluster.id is \
                 {expected}: nothing is sent, and nothing counts as gone. Let the address lead to the former cluster, \
                 or make another ProxmoxNode for this one"
            );
            (Outcome::stalled(reason::CLUSTER_CHANGED, message), both, None)
        }
        HostState::NodeUnknown { name, members } => {
            let names: Vec<&str> = members.iter().map(crate::model::NodeName::as_str).collect();
            let wanted = name.as_ref().map_or("of its own", |n| n.as_str());
            let message = format!(
                "the cluster has no node {wanted} (spec.nodeName); it has: {}",
                names.join(", ")
            );
            (Outcome::stalled(reason::NODE_NOT_FOUND, message), both, None)
        }
        HostState::NotMember { of } => {
            let message = format!(
                "it shows the same cluster identity as ProxmoxNode '{of}', but is not a member of its cluster: \
                 nothing is sent"
            );
            (Outcome::stalled(reason::CLUSTER_CHANGED, message), both, None)
        }
        HostState::Failed { reason: why } => {
            let outcome = Outcome::unknown(reason::HOST_NOT_READY, why.clone());
            (outcome, contact(Truth::True, Truth::Unknown), None)
        }
    }
}

fn usable(view: &HostView, contact: Contact) -> (Outcome, Contact, Option<bool>) {
    let (Some(cluster), Some(node)) = (&view.cluster, &view.node) else {
        let outcome = Outcome::progressing(reason::CONNECTING, "the host is being looked at");
        return (outcome, contact, None);
    };
    let snapshot = cluster.snapshot();
    if snapshot.taken.is_none() {
        let outcome = Outcome::progressing(reason::CONNECTING, "its guests are being listed");
        return (outcome, contact, None);
    }
    let quorate = snapshot.status.quorate;
    if !quorate {
        let message = "the cluster has no majority: nothing is changed until it has";
        return (
            Outcome::unknown(reason::NOT_QUORATE, message),
            contact,
            Some(false),
        );
    }
    if snapshot.node(node.as_str()).is_some_and(|row| !row.online) {
        let message = format!("node {node} is offline; the rest of its cluster answers");
        return (
            Outcome::unknown(reason::NODE_OFFLINE, message),
            contact,
            Some(true),
        );
    }
    let message = format!("node {node} can be used");
    (Outcome::ready(reason::USABLE, message), contact, Some(true))
}

/// Who refers to a host, asked of the API server itself: the cache may lag.
async fn users_of_host(ctx: &Context, name: &str) -> Result<Vec<String>, Error> {
    let machines: Api<VirtualMachine> = Api::all(ctx.client.clone());
    let machines = machines.list(&ListParams::default()).await?;
    let mut users: Vec<String> = machines
        .iter()
        .filter(|m| m.spec.host_ref.name == name)
        .filter(|m| m.finalizers().iter().any(|f| f == GUEST_FINALIZER))
        .map(|m| {
            format!(
                "VirtualMachine {}/{}",
                m.namespace().unwrap_or_default(),
                m.name_any()
            )
        })
        .collect();
    let hosts: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    let hosts = hosts.list(&ListParams::default()).await?;
    users.extend(
        hosts
            .iter()
            .filter(|h| h.spec.connection_ref.as_ref().is_some_and(|r| r.name == name))
            .map(|h| format!("ProxmoxNode {}", h.name_any())),
    );
    Ok(users)
}

fn listed(users: &[String]) -> String {
    const MOST: usize = 5;
    let more = users.len().saturating_sub(MOST);
    let shown = users[..users.len().min(MOST)].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

async fn write_finalizers(
    ctx: &Context,
    host: &ProxmoxNode,
    wanted: bool,
) -> Result<Arc<ProxmoxNode>, Error> {
    let mut finalizers = host.finalizers().to_vec();
    finalizers.retain(|f| f != HOST_FINALIZER);
    if wanted {
        finalizers.push(HOST_FINALIZER.to_owned());
    }
    let patch = serde_json::json!({
        "metadata": { "resourceVersion": host.meta().resource_version, "finalizers": finalizers }
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    ctx.runtime.metrics.kubernetes_write(KIND, "patch");
    let written = api
        .patch(&host.name_any(), &params, &Patch::Merge(&patch))
        .await?;
    Ok(if wanted {
        ctx.hosts.wrote(written)
    } else {
        Arc::new(written)
    })
}

async fn save(
    ctx: &Context,
    host: &Arc<ProxmoxNode>,
    status: ProxmoxNodeStatus,
) -> Result<Arc<ProxmoxNode>, Error> {
    if host.status.as_ref() == Some(&status) {
        return Ok(Arc::clone(host));
    }
    let mut object = host.as_ref().clone();
    object.status = Some(status);
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let api: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    let written = api.replace_status(&host.name_any(), &params, &object).await;
    if written.is_err()
        && let Some(uid) = host.uid()
    {
        ctx.hosts.forget(&uid);
    }
    ctx.runtime.metrics.kubernetes_write(KIND, STATUS);
    Ok(ctx.hosts.wrote(written?))
}
