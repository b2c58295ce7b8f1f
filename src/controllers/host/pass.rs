//! One pass over a host: its connection is declared to the fleet, and what the fleet saw goes into the status.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::controller::Action;

use super::claim::{self, Whose};
use super::{connection, discover, judge, privileges, record};
use crate::api::conditions::{self, Truth, reason};
use crate::api::names::HOST_FINALIZER;
use crate::api::{Host, HostStatus, MaintenanceMode, VirtualMachine};
use crate::controllers::journal::Entry;
use crate::controllers::{Context, Error};
use crate::fleet::{HostState, HostView};
use crate::model::Power;
use crate::plan::guest_id;
use crate::plan::host::{self, Contact, Seen};
use crate::plan::maintenance;
use crate::plan::status::{Outcome, Standing};

pub(super) async fn run(ctx: &Context, cached: Arc<Host>) -> Result<Action, Error> {
    let timing = &ctx.settings.timing;
    let mut host = Arc::clone(&cached);
    let name = host.key();
    let finalized = host.finalizers().iter().any(|f| f == HOST_FINALIZER);
    let deleting = host.metadata.deletion_timestamp.is_some();
    if deleting && !finalized {
        forget(ctx, &host);
        return Ok(Action::await_change());
    }
    host = match claim::claim(ctx, host).await? {
        Whose::Ours(host) => host,
        Whose::Theirs(why) => {
            ctx.fleet.forget(&name);
            keep_away(ctx, &cached, why).await;
            return Ok(Action::requeue(claim::LOOK));
        }
    };
    let mut users = None;
    if deleting {
        let found = record::users(ctx, &host).await?;
        if found.is_empty() {
            forget(ctx, &host);
            record::write_finalizers(ctx, &host, false).await?;
            return Ok(Action::await_change());
        }
        users = Some(found);
    } else if !finalized {
        host = record::write_finalizers(ctx, &host, true).await?;
    }

    let mut status = host.status.clone().unwrap_or_default();
    let recorded = status.cluster.is_some();
    let Some(looked) = look(ctx, &host, &mut status, users.is_none()).await? else {
        // As just after a start: no reason to take back what was said before.
        return Ok(Action::requeue(timing.requeue_busy));
    };
    let Looked {
        outcome,
        contact,
        quorate,
        mut more,
    } = looked;
    let outcome = match users {
        Some(users) => Outcome::progressing(
            reason::IN_USE,
            format!(
                "the host goes when nothing refers to it any more: {}",
                record::listed(&users)
            ),
        ),
        None => outcome,
    };
    let now = ctx.runtime.clock.now();
    let released = host::release_deletions(&host, &mut status, now);
    let stood = conditions::find(&status.conditions, conditions::READY).map(|c| c.reason.clone());
    let maintained =
        |conditions: &[Condition]| conditions::find(conditions, conditions::MAINTENANCE).cloned();
    let maintained_before = maintained(&status.conditions);
    host::conclude(&host, &mut status, &outcome, contact, quorate, now);
    let maintained = maintained(&status.conditions);
    // Nobody wakes a host for what becomes of its machines.
    let maintained_now = status.maintenance.as_ref();
    let moving = maintained_now.is_some_and(|m| m.mode != MaintenanceMode::Cordon);
    let host = record::save(ctx, &host, status).await?;
    let stage = |condition: &Option<Condition>| condition.as_ref().map(|c| c.reason.clone());
    if let Some(now) = maintained
        .as_ref()
        .filter(|_| stage(&maintained) != stage(&maintained_before))
    {
        let known = reason::ALL.iter().find(|known| **known == now.reason);
        let entry = Entry::normal(known.copied().unwrap_or(reason::CORDONED), now.message.clone());
        ctx.journal.publish_on_host(&host, vec![entry]).await;
    }
    if !recorded && host.status.as_ref().is_some_and(|s| s.cluster.is_some()) {
        // Written first, looked at then: who does the same at the same time through another node is seen by one of the two.
        if divided(ctx, &host, host.status.as_ref(), true).await?.is_none() {
            ctx.claims.clear(&name);
        }
        more = true;
    }
    if stood.as_deref() != Some(outcome.reason) {
        announce(ctx, &host, &outcome).await;
    }
    if let Some(note) = released {
        tracing::warn!(host.name = name, "{note}");
        let entry = Entry::normal(reason::DELETIONS_RELEASED, note);
        ctx.journal.publish_on_host(&host, vec![entry]).await;
    }
    Ok(Action::requeue(match outcome.standing {
        Standing::Ready if moving || more => timing.requeue_busy,
        Standing::Ready => timing.requeue_idle,
        Standing::Progressing => timing.requeue_busy,
        Standing::Unknown | Standing::Stalled => timing.requeue_waiting,
    }))
}

/// How it stands with a host.
struct Looked {
    outcome: Outcome,
    contact: Contact,
    quorate: Option<bool>,
    /// Whether something is to be done soon.
    more: bool,
}

/// Declares a host to the fleet, if its whole cluster is this shard's, and takes over what was seen of it; nothing where
/// there is nothing to say yet.
async fn look(
    ctx: &Context,
    host: &Arc<Host>,
    status: &mut HostStatus,
    stays: bool,
) -> Result<Option<Looked>, Error> {
    let name = host.key();
    let unknown = |outcome| Looked {
        outcome,
        contact: Contact {
            reachable: Truth::Unknown,
            authenticated: Truth::Unknown,
        },
        quorate: None,
        more: false,
    };
    let recorded = status.cluster.is_some();
    if let Some(outcome) = divided(ctx, host, Some(status), false).await? {
        return Ok(Some(unknown(outcome)));
    }
    if recorded {
        ctx.claims.clear(&name);
    }
    let spec = match connection::host_spec(ctx, host).await? {
        Ok(spec) => spec,
        Err(problem) => {
            // Nothing is sent with credentials that were taken away.
            ctx.fleet.forget(&name);
            return Ok(Some(unknown(problem)));
        }
    };
    let (fingerprint, sweep) = (spec.fingerprint, spec.poll.sweep);
    ctx.fleet.declare(&name, spec);
    let view = ctx.fleet.host(&name);
    let mut more = false;
    if let Some(view) = view.as_ref().filter(|v| v.state == HostState::Usable) {
        privileges::observe(ctx, host, fingerprint, sweep, view, status).await;
        more = ctx.claims.is_clear(&name) && found(ctx, host, view).await;
    }
    observe(ctx, host, view.as_ref(), status);
    count(ctx, &name, view.as_ref());
    if !recorded && let Some(outcome) = divided(ctx, host, Some(status), true).await? {
        return Ok(Some(unknown(outcome)));
    }
    let (outcome, contact, quorate) = judge::judge(host.kind(), view.as_ref());
    let said = status.observed_generation == host.metadata.generation
        && conditions::find(&status.conditions, conditions::READY).is_some();
    if said && stays && outcome.reason == reason::CONNECTING {
        return Ok(None);
    }
    Ok(Some(Looked {
        outcome,
        contact,
        quorate,
        more,
    }))
}

/// Whether the cluster of a host is another shard's, through another node: then nothing is asked of it. `fresh`: it was
/// only just seen which cluster it is.
async fn divided(
    ctx: &Context,
    host: &Host,
    status: Option<&HostStatus>,
    fresh: bool,
) -> Result<Option<Outcome>, Error> {
    let Some(cluster) = status.and_then(|s| s.cluster.as_ref()) else {
        return Ok(None);
    };
    let why = claim::split(ctx, host, &cluster.id, fresh).await?;
    Ok(why.map(|why| {
        let name = host.key();
        ctx.claims.refuse(&name);
        ctx.fleet.forget(&name);
        Outcome::stalled(reason::CLUSTER_DIVIDED, why)
    }))
}

/// Makes resources for what none speaks of; whether more is to be done. That it can't is told, and holds nothing up.
async fn found(ctx: &Context, host: &Host, view: &HostView) -> bool {
    let (Some(cluster), Some(node)) = (&view.cluster, &view.node) else {
        return false;
    };
    if cluster.snapshot().taken.is_none() || host.metadata.deletion_timestamp.is_some() {
        return false;
    }
    match discover::discover(ctx, host, cluster, node).await {
        Ok(more) => more,
        Err(error) => {
            let told = format!("what was found on the host can't be shown: {error}");
            tracing::warn!(host.name = host.key(), "{told}");
            let entry = Entry::warning(reason::DISCOVERED, told);
            ctx.journal.publish_on_host(host, vec![entry]).await;
            false
        }
    }
}

/// Says, once, that a host is another shard's. Its status is that one's to write.
async fn keep_away(ctx: &Context, host: &Host, why: String) {
    if ctx.claims.refuse(&host.key()) {
        tracing::warn!(host.name = host.key(), "{why}");
        let entry = Entry::warning(reason::CLAIMED_BY_ANOTHER, why);
        ctx.journal.publish_on_host(host, vec![entry]).await;
    }
}

async fn announce(ctx: &Context, host: &Host, outcome: &Outcome) {
    let name = host.key();
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
    ctx.journal.publish_on_host(host, vec![entry]).await;
}

/// Forgets a host that is gone, or is no longer selected.
pub fn forget(ctx: &Context, host: &Host) {
    let name = host.key();
    ctx.claims.forget(&name);
    ctx.fleet.forget(&name);
    ctx.runtime.metrics.forget_host(&name);
    if let Some(uid) = host.uid() {
        ctx.hosts.forget(&uid);
    }
}

fn observe(ctx: &Context, host: &Host, view: Option<&HostView>, status: &mut HostStatus) {
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
    let mode = host.spec.maintenance.as_ref().map(|m| m.mode).unwrap_or_default();
    if mode == MaintenanceMode::None && status.maintenance.is_none() {
        return;
    }
    let all = ctx.all_machines();
    let id = cluster.id().as_str();
    let of_cluster = |m: &&VirtualMachine| m.status.as_ref().and_then(|s| s.cluster.as_deref()) == Some(id);
    let machines = || all.iter().map(Arc::as_ref).filter(of_cluster);
    let owned: BTreeSet<crate::model::GuestId> = machines()
        .filter_map(|m| guest_id::current(m.status.as_ref()?))
        .collect();
    let rows = snapshot
        .guests
        .values()
        .filter(|row| row.node == *node && row.power == Power::Running);
    let others = rows.filter(|row| !owned.contains(&row.id)).count();
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    status.maintenance = maintenance::report(mode, node.as_str(), machines(), others);
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
