//! Hosts that another Drover acts on. Their machines are seen here too, with every change of theirs: without a
//! memory, each would cost calls to the Kubernetes API.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is believed that a host is another Drover's. One that becomes our own comes into the cache, which
/// is asked first.
const BELIEVED: Duration = Duration::from_secs(30);

/// Names of hosts, and when they were found to be another Drover's.
#[derive(Debug, Default)]
pub(super) struct OthersHosts(Mutex<HashMap<String, Instant>>);

impl OthersHosts {
    /// Notes that a host is another Drover's.
    pub(super) fn note(&self, host: &str, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, since| now.saturating_duration_since(*since) < BELIEVED);
        all.insert(host.to_owned(), now);
    }

    /// Whether a host was found to be another Drover's a short while ago.
    pub(super) fn has(&self, host: &str, now: Instant) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(host)
            .is_some_and(|since| now.saturating_duration_since(*since) < BELIEVED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_looked_up_again_after_a_while() {
        let others = OthersHosts::default();
        let now = Instant::now();
        assert!(!others.has("pve1", now));
        others.note("pve1", now);
        assert!(others.has("pve1", now + Duration::from_secs(29)));
        assert!(!others.has("pve1", now + BELIEVED));
        others.note("pve2", now + BELIEVED);
        assert!(others.has("pve2", now + BELIEVED) && !others.has("pve1", now));
    }
}
