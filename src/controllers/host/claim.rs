//! Lays claim to a host before anything is asked of it, and keeps away from what is another shard's.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, ListParams};

use super::controller::Resource;
use super::record;
use crate::api::{Host, HostClaim, HostKind, LibvirtHost, ProxmoxNode};
use crate::controllers::{Context, Error};
use crate::plan::claim::{self, Holder, Step};

/// How long a lease lasts that says nothing of that.
const LEASE: Duration = Duration::from_secs(15);
/// After so many of its terms without renewal a shard counts as gone.
const TERMS: u32 = 3;

/// How often it is looked whether another shard's host is free.
pub(super) const LOOK: Duration = Duration::from_secs(15);

/// Whose a host is.
pub(super) enum Whose {
    /// This shard's.
    Ours(Arc<Host>),
    /// Another's; why, and what a person can do.
    Theirs(String),
}

/// Claims a host, unless another shard has.
pub(super) async fn claim(ctx: &Context, host: Arc<Host>) -> Result<Whose, Error> {
    let held = host.status.as_ref().and_then(|s| s.claimed_by.as_ref());
    let holder = match held {
        Some(held) if !ctx.shard.holds(held) => holder(ctx, &host, held).await?,
        _ => Holder::Alive,
    };
    match claim::decide(&ctx.shard, held, holder) {
        Step::Go => Ok(Whose::Ours(host)),
        Step::Refuse(why) => Ok(Whose::Theirs(why)),
        Step::Take => {
            if let Some(held) = held {
                tracing::info!(
                    host.name = host.key(),
                    shard = held.shard,
                    "taken over from another Drover"
                );
            }
            let mut status = host.status.clone().unwrap_or_default();
            status.claimed_by = Some(ctx.shard.claim(ctx.runtime.clock.now()));
            record::save(ctx, &host, status).await.map(Whose::Ours)
        }
    }
}

async fn holder(ctx: &Context, host: &Host, held: &HostClaim) -> Result<Holder, Error> {
    if let Some(selector) = &held.selector {
        let named = ListParams::default()
            .fields(&format!("metadata.name={}", host.name_any()))
            .labels(selector);
        if listed(ctx, host.kind(), &named).await?.is_empty() {
            return Ok(Holder::Left);
        }
    }
    // One without a lease can't be asked for a sign of life.
    let Some(namespace) = &held.namespace else {
        return Ok(Holder::Alive);
    };
    let leases: Api<Lease> = Api::namespaced(ctx.client.clone(), namespace);
    let lease = match leases.get_opt(&held.shard).await {
        Ok(lease) => lease.and_then(|lease| lease.spec),
        Err(error) => {
            tracing::debug!(lease = held.shard, error = %error, "whether another Drover lives can't be told");
            return Ok(Holder::Alive);
        }
    };
    let renewed = lease
        .as_ref()
        .and_then(|l| l.renew_time.as_ref())
        .map(|t| t.0.to_string());
    let seconds = lease.and_then(|l| l.lease_duration_seconds);
    let term = seconds
        .and_then(|s| u64::try_from(s).ok())
        .map_or(LEASE, Duration::from_secs);
    let name = format!("{namespace}/{}", held.shard);
    let still = ctx.claims.still(&name, renewed, ctx.runtime.clock.instant());
    Ok(if still > term * TERMS {
        Holder::Dead
    } else {
        Holder::Alive
    })
}

/// Whether the cluster of a host is another shard's already. `fresh`: its cluster was written just now, and somebody else may
/// have done the same; who lists after writing, sees the other.
pub(super) async fn split(
    ctx: &Context,
    host: &Host,
    cluster: &str,
    fresh: bool,
) -> Result<Option<String>, Error> {
    let now = ctx.runtime.clock.instant();
    let all = if let Some(all) = ctx.claims.listed(host.kind(), now).filter(|_| !fresh) {
        all
    } else {
        let all = Arc::new(listed(ctx, host.kind(), &ListParams::default()).await?);
        ctx.claims.list(host.kind(), Arc::clone(&all), now);
        all
    };
    Ok(claim::split(&ctx.shard, host, cluster, &all))
}

/// The hosts of a kind, as the API server has them.
async fn listed(ctx: &Context, kind: HostKind, which: &ListParams) -> Result<Vec<Arc<Host>>, Error> {
    let client = ctx.client.clone();
    Ok(match kind {
        HostKind::ProxmoxNode => of_kind::<ProxmoxNode>(client, which).await?,
        HostKind::LibvirtHost => of_kind::<LibvirtHost>(client, which).await?,
    })
}

async fn of_kind<K: Resource>(client: Client, which: &ListParams) -> Result<Vec<Arc<Host>>, kube::Error> {
    let found = Api::<K>::all(client).list(which).await?;
    Ok(found
        .items
        .into_iter()
        .map(|host| Arc::new(host.into()))
        .collect())
}
