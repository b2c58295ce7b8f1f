//! Holds deletions back when too many come at once: what began lately is noted with a host of the cluster, before
//! anything is sent.

use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::ledger;
use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use crate::api::conditions::reason;
use crate::api::names::RELEASE_DELETIONS;
use crate::api::{DestroyBegun, Host, HostStatus};
use crate::controllers::journal::Entry;
use crate::plan::removal::limit::{self, Admission, Begun, Limit};
use crate::plan::status::Outcome;

/// The longest window that a host may name: older notes count nowhere.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// How many notes a host's status takes.
const MOST: usize = 1000;

/// Goes on if the machine may be destroyed now, and has that noted.
pub(super) async fn admit(pass: &Pass<'_>, site: &Site) -> Flow<()> {
    let Some(deleted) = pass.vm.metadata.deletion_timestamp.as_ref() else {
        return Ok(());
    };
    // As a status stores it.
    let now = pass.ctx.runtime.clock.now();
    let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    let hosts = of_cluster(pass, site);
    let Some(book) = hosts.first() else { return Ok(()) };
    let limit = limit_of(&site.host);
    let statuses = || hosts.iter().filter_map(|host| host.status.as_ref());
    let begun: Vec<Begun> = statuses().flat_map(begun_in).collect();
    let stops: Vec<limit::Stop> = statuses().filter_map(stop_in).collect();
    match limit::admit(
        &pass.uid,
        deleted.0,
        limit,
        begun.iter(),
        stops.iter().copied(),
        now,
    ) {
        Admission::Free => Ok(()),
        Admission::Count => {
            let mut noted: Vec<DestroyBegun> = book.status.clone().map(|s| s.destroys).unwrap_or_default();
            noted.retain(|d| d.uid != pass.uid && now.duration_since(d.time.0) < LONGEST);
            noted.push(DestroyBegun {
                uid: pass.uid.clone(),
                time: Time(now),
            });
            let surplus = noted.len().saturating_sub(MOST);
            noted.drain(..surplus);
            let written = ledger::note(pass, book, json!({ "destroys": noted })).await;
            written.map(|_| ()).map_err(Stop::Error)
        }
        Admission::Trip => {
            let held = json!({ "deletionsHeld": { "since": Time(now), "releasedAt": null } });
            let host = ledger::note(pass, book, held).await.map_err(Stop::Error)?;
            let note = format!(
                "{} machines were to be destroyed within {:#}, more than spec.destroyLimit allows: {}",
                limit.guests + 1,
                limit.window,
                what_to_do(&host, now),
            );
            tracing::warn!(host.name = host.name_any(), "{note}");
            let entry = Entry::warning(reason::DELETION_HELD, note);
            pass.ctx.journal.publish_on_host(&host, vec![entry]).await;
            Err(held_back(&host, now).into())
        }
        Admission::Held(since) => {
            let stopped = |host: &&Arc<Host>| {
                let stop = host.status.as_ref().and_then(stop_in);
                stop.is_some_and(|s| s.since == since && s.released.is_none())
            };
            Err(held_back(hosts.iter().find(stopped).unwrap_or(book), since).into())
        }
    }
}

fn held_back(host: &Host, since: jiff::Timestamp) -> End {
    let message = format!(
        "too many machines of this cluster were to be destroyed at once, and this one is not destroyed: {}",
        what_to_do(host, since)
    );
    End::new(Outcome::stalled(reason::DELETION_HELD, message), Again::Waiting)
}

/// Says how a person lets the held deletions go.
fn what_to_do(host: &Host, since: jiff::Timestamp) -> String {
    format!(
        "all deletions wait. If they are meant, run 'kubectl annotate --overwrite {} {} {RELEASE_DELETIONS}={}': it lets \
         those go that were deleted by then. 'kubectl get dvm -A' shows which are being deleted",
        host.kind().short(),
        host.name_any(),
        name_of(since),
    )
}

/// A time as a status stores it: in whole seconds.
pub(in crate::controllers) fn name_of(since: jiff::Timestamp) -> String {
    format!("{since:.0}")
}

/// The hosts of the cluster; the first one keeps the book.
fn of_cluster(pass: &Pass<'_>, site: &Site) -> Vec<Arc<Host>> {
    let id = site.cluster.id().as_str();
    let own = site.host.key();
    let is_here = |host: &Arc<Host>| {
        let status = host.status.as_ref();
        let cluster = status.and_then(|s| s.cluster.as_ref());
        cluster.is_some_and(|c| c.id == id) || host.key() == own
    };
    let mut hosts: Vec<_> = pass.ctx.all_hosts().into_iter().filter(is_here).collect();
    hosts.sort_by_key(|host| host.key());
    hosts
}

fn limit_of(host: &Host) -> Limit {
    let default = Limit::default();
    let Some(given) = &host.spec.destroy_limit else {
        return default;
    };
    let window = given.window.as_ref().and_then(|w| w.duration().ok());
    Limit {
        guests: given
            .guests
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(default.guests),
        window: window
            .and_then(|w| SignedDuration::try_from(w).ok())
            .unwrap_or(default.window),
    }
}

fn begun_in(status: &HostStatus) -> impl Iterator<Item = Begun> + '_ {
    status.destroys.iter().map(|begun| Begun {
        uid: begun.uid.clone(),
        at: begun.time.0,
    })
}

fn stop_in(status: &HostStatus) -> Option<limit::Stop> {
    status.deletions_held.as_ref().map(|held| limit::Stop {
        since: held.since.0,
        released: held.released_at.as_ref().map(|t| t.0),
    })
}
