//! What is remembered of the claims on hosts: which were looked into, and since when other shards' leases stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::api::{Host, HostKind};

/// How long a list of all hosts serves.
const FRESH: Duration = Duration::from_secs(30);

/// What is remembered of the claims on hosts.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Inner>);

/// The hosts of a kind, as the API server had them.
pub(super) type Listed = Arc<Vec<Arc<Host>>>;

#[derive(Debug, Default)]
struct Inner {
    cleared: BTreeSet<String>,
    refused: BTreeSet<String>,
    leases: BTreeMap<String, (Option<String>, Instant)>,
    listed: BTreeMap<&'static str, (Instant, Listed)>,
}

impl Claims {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host and its whole cluster are this shard's: its machines may be acted on.
    pub(super) fn clear(&self, host: &str) {
        let mut inner = self.inner();
        inner.cleared.insert(host.to_owned());
        inner.refused.remove(host);
    }

    /// They are not; whether that is news.
    pub(super) fn refuse(&self, host: &str) -> bool {
        let mut inner = self.inner();
        inner.cleared.remove(host);
        inner.refused.insert(host.to_owned())
    }

    /// Nothing is known of the host any more.
    pub(super) fn forget(&self, host: &str) {
        let mut inner = self.inner();
        inner.cleared.remove(host);
        inner.refused.remove(host);
    }

    /// Whether the host and its whole cluster are this shard's.
    pub(super) fn is_clear(&self, host: &str) -> bool {
        self.inner().cleared.contains(host)
    }

    /// For how long a lease has stood still, by this process's own clock: clocks of two machines are never compared.
    pub(super) fn still(&self, lease: &str, renewed: Option<String>, now: Instant) -> Duration {
        let mut inner = self.inner();
        match inner.leases.get(lease) {
            Some((known, since)) if *known == renewed => now.saturating_duration_since(*since),
            _ => {
                inner.leases.insert(lease.to_owned(), (renewed, now));
                Duration::ZERO
            }
        }
    }

    /// All hosts, as they were listed a short while ago.
    pub(super) fn listed(&self, kind: HostKind, now: Instant) -> Option<Listed> {
        let inner = self.inner();
        let (at, hosts) = inner.listed.get(kind.as_str())?;
        (now.saturating_duration_since(*at) < FRESH).then(|| Arc::clone(hosts))
    }

    /// Keeps a list of all hosts.
    pub(super) fn list(&self, kind: HostKind, hosts: Listed, now: Instant) {
        self.inner().listed.insert(kind.as_str(), (now, hosts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_stands_still_from_when_it_was_seen_unchanged() {
        let (claims, now) = (Claims::default(), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(claims.still("a/eu", Some("1".into()), now), Duration::ZERO);
        assert_eq!(
            claims.still("a/eu", Some("1".into()), later(9)),
            Duration::from_secs(9)
        );
        assert_eq!(claims.still("a/eu", Some("2".into()), later(10)), Duration::ZERO);
        assert_eq!(claims.still("a/eu", None, later(11)), Duration::ZERO);
        assert_eq!(claims.still("a/eu", None, later(13)), Duration::from_secs(2));
    }

    #[test]
    fn refusal_is_news_once() {
        let claims = Claims::default();
        claims.clear("pve1");
        assert!(claims.is_clear("pve1") && claims.refuse("pve1") && !claims.refuse("pve1"));
        assert!(!claims.is_clear("pve1"));
    }
}
