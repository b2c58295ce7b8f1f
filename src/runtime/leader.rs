//! Leader election over a `Lease` of `coordination.k8s.io`: of the replicas for the same hosts one acts.
//!
//! Expiry is measured from when this process saw the record change, by its own clock: clocks of two machines are
//! never compared. Writes carry the resourceVersion, so of two who take an expired lease one is refused.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, PostParams},
};

use uuid::Uuid;

use super::{Clock, Fence, fence::MARGIN};

/// The shortest lease: what is left between two renewals beyond the margin must suffice for a slow API server.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(10);
/// The longest lease: how long a crash leaves the hosts alone.
pub const LONGEST_LEASE: Duration = Duration::from_mins(5);

/// The lease of all who act on the same hosts.
#[must_use]
pub fn lease_name(host_selector: Option<&str>) -> String {
    host_selector.map_or_else(
        || "drover".to_owned(),
        |selector| {
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, selector.as_bytes());
            format!("drover-{}", id.simple())
        },
    )
}

/// Which lease is held, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectionSettings {
    /// The namespace of the lease.
    pub namespace: String,
    /// How long a lease holds without renewal; from [`SHORTEST_LEASE`] to [`LONGEST_LEASE`].
    pub lease: Duration,
}

/// What is to be done about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is free, expired, or one's own: write it.
    Take,
    /// It is another's, and not expired before this time is over.
    Wait(Duration),
}

/// What a lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    holder: String,
    lease: Duration,
    version: Option<String>,
}

impl Record {
    fn of(lease: &Lease, default: Duration) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok());
        Self {
            holder: spec.holder_identity.unwrap_or_default(),
            lease: seconds.map_or(default, Duration::from_secs),
            version: lease.resource_version(),
        }
    }
}

/// Decides about a record that was seen to change at `seen`.
fn decide(record: Option<&Record>, me: &str, seen: Duration, now: Duration) -> Step {
    match record {
        Some(record) if !record.holder.is_empty() && record.holder != me => {
            match (seen + record.lease).checked_sub(now) {
                Some(left) if !left.is_zero() => Step::Wait(left),
                _ => Step::Take,
            }
        }
        _ => Step::Take,
    }
}

/// One who stands for election.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    me: String,
    lease: Duration,
    clock: Clock,
    fence: Fence,
    /// The newest record, and when it was first seen.
    seen: Option<(Record, Duration)>,
    stored: Option<Lease>,
}

impl Candidate {
    /// Stands for the lease of this name. `fence` is opened while it is held.
    #[must_use]
    pub fn new(
        client: Client,
        settings: &ElectionSettings,
        name: String,
        clock: Clock,
        fence: Fence,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &settings.namespace),
            name,
            me: identity(),
            lease: settings.lease,
            clock,
            fence,
            seen: None,
            stored: None,
        }
    }

    /// Waits until the lease is this process's.
    pub async fn lead(&mut self) {
        loop {
            let wait = match self.step().await {
                Ok(None) => {
                    tracing::info!(lease = self.name, holder = self.me, "leading");
                    return;
                }
                Ok(Some(left)) => left.min(self.pause()),
                Err(error) => {
                    tracing::warn!(lease = self.name, error = %error, "the lease can't be had and is tried again");
                    self.pause()
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Renews the lease until it is lost: taken by another, or not renewed in time.
    pub async fn keep(&mut self) {
        let taken = self.seen.as_ref().map(|(_, began)| *began);
        let mut end = taken.map_or(Duration::ZERO, |began| began + self.lease);
        loop {
            tokio::time::sleep(self.pause()).await;
            let before = self.clock.since_boot();
            if before + MARGIN > end {
                break;
            }
            match self.step().await {
                Ok(None) => end = before + self.lease,
                Ok(Some(_)) => break,
                Err(error) => {
                    tracing::warn!(lease = self.name, error = %error, "the lease was not renewed, and is tried again");
                }
            }
        }
        self.fence.close();
        tracing::error!(lease = self.name, "the lease is lost");
    }

    /// Lets another replica lead at once. Only when nothing is under way any more.
    pub async fn release(mut self) {
        self.fence.close();
        let Some(lease) = self.stored.take() else {
            return;
        };
        let released = async {
            match self.free(lease).await {
                // A renewal that was broken off may have arrived all the same.
                Err(kube::Error::Api(status)) if status.is_conflict() => {
                    self.free(self.api.get(&self.name).await?).await
                }
                other => other,
            }
        };
        match tokio::time::timeout(self.pause(), released).await {
            Ok(Ok(true)) => tracing::info!(lease = self.name, "the lease is released"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::warn!(lease = self.name, error = %error, "the lease is not released"),
            Err(_) => tracing::warn!(lease = self.name, "the lease is not released: no answer"),
        }
    }

    /// Writes that nobody holds the lease, if it is this process's and nobody wrote since; whether it was.
    async fn free(&self, mut lease: Lease) -> Result<bool, kube::Error> {
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(self.me.as_str()) {
            return Ok(false);
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        self.api
            .replace(&self.name, &PostParams::default(), &lease)
            .await?;
        Ok(true)
    }

    /// Between two looks.
    fn pause(&self) -> Duration {
        (self.lease / 6).min(Duration::from_secs(2))
    }

    /// Reads the lease, and writes it if it may. `None` when it is held now; else how long it is another's.
    async fn step(&mut self) -> Result<Option<Duration>, Error> {
        let stored = timely(self.pause(), self.api.get_opt(&self.name)).await?;
        let now = self.clock.since_boot();
        let record = stored.as_ref().map(|lease| Record::of(lease, self.lease));
        let known = self
            .seen
            .as_ref()
            .filter(|(known, _)| Some(known) == record.as_ref());
        let seen = known.map_or(now, |(_, at)| *at);
        self.seen = record.clone().map(|record| (record, seen));
        if let Step::Wait(left) = decide(record.as_ref(), &self.me, seen, now) {
            return Ok(Some(left));
        }
        // The lease counts from before it is written: others count from after they saw it.
        let began = self.clock.since_boot();
        let wanted = self.wanted(stored.as_ref());
        let params = PostParams::default();
        let written = if stored.is_some() {
            timely(self.pause(), self.api.replace(&self.name, &params, &wanted)).await?
        } else {
            timely(self.pause(), self.api.create(&params, &wanted)).await?
        };
        self.fence.hold_until(began + self.lease);
        self.seen = Some((Record::of(&written, self.lease), began));
        self.stored = Some(written);
        Ok(None)
    }

    fn wanted(&self, stored: Option<&Lease>) -> Lease {
        let before = stored.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let mine = before.holder_identity.as_deref() == Some(self.me.as_str());
        let now = MicroTime(self.clock.now());
        let transitions = before.lease_transitions.unwrap_or(0);
        let spec = LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(self.lease.as_secs()).ok(),
            renew_time: Some(now.clone()),
            acquire_time: before.acquire_time.filter(|_| mine).or(Some(now)),
            lease_transitions: Some(if mine {
                transitions
            } else {
                transitions.saturating_add(1)
            }),
            ..LeaseSpec::default()
        };
        let metadata = stored.map_or_else(
            || ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            |lease| lease.metadata.clone(),
        );
        Lease {
            metadata,
            spec: Some(spec),
        }
    }
}

/// Why a lease could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Kubernetes(Arc<kube::Error>),
    #[error("the Kubernetes API does not answer")]
    Silent,
}

async fn timely<T>(within: Duration, call: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(within, call).await {
        Ok(answer) => answer.map_err(|error| Error::Kubernetes(Arc::new(error))),
        Err(_) => Err(Error::Silent),
    }
}

/// Another one for each process, so that a restarted one does not take itself for its predecessor.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{}", host.trim(), uuid::Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: &str) -> Record {
        Record {
            holder: holder.to_owned(),
            lease: Duration::from_secs(15),
            version: Some("7".to_owned()),
        }
    }

    const SEEN: Duration = Duration::from_secs(100);

    #[test]
    fn free_released_and_own_leases_are_taken() {
        assert_eq!(decide(None, "me", SEEN, SEEN), Step::Take);
        assert_eq!(decide(Some(&record("")), "me", SEEN, SEEN), Step::Take);
        assert_eq!(decide(Some(&record("me")), "me", SEEN, SEEN), Step::Take);
    }

    #[test]
    fn anothers_lease_is_waited_for_from_when_it_was_seen_to_change() {
        let other = record("other");
        let at = |seconds| decide(Some(&other), "me", SEEN, SEEN + Duration::from_secs(seconds));
        assert_eq!(at(0), Step::Wait(Duration::from_secs(15)));
        assert_eq!(at(14), Step::Wait(Duration::from_secs(1)));
        assert_eq!(at(15), Step::Take);
        assert_eq!(at(99), Step::Take);
    }
}
