//! Waits that grow, and waits that are never quite equal, so that many hosts and many replicas do not ask
//! in step. Seeded, so that a run can be repeated.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// Spreads the waits of one task.
#[derive(Clone, Debug)]
pub(super) struct Jitter(fastrand::Rng);

impl Jitter {
    /// The jitter of the task `name`.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, name).hash(&mut hasher);
        Self(fastrand::Rng::with_seed(hasher.finish()))
    }

    /// An interval, longer by up to two in a hundred: never shorter, so that the number of requests an hour
    /// stays below what the interval says.
    pub(super) fn stretch(&mut self, interval: Duration) -> Duration {
        interval.mul_f64(1.0 + 0.02 * self.0.f64())
    }

    /// A moment within an interval, at which to begin.
    pub(super) fn phase(&mut self, interval: Duration) -> Duration {
        interval.mul_f64(self.0.f64())
    }
}

/// Doubles the wait after each failure.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    cap: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits from about `first` to at most `cap`.
    pub(super) const fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            next: first,
        }
    }

    /// The wait before the next attempt: three to four quarters of the full one.
    pub(super) fn wait(&mut self, jitter: &mut Jitter) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.cap);
        full.mul_f64(0.75 + 0.25 * jitter.0.f64())
    }

    /// Begins anew, after a success that lasted.
    pub(super) const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_begin_anew() {
        let mut jitter = Jitter::new(1, "host");
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let waits: Vec<f64> = (0..8).map(|_| backoff.wait(&mut jitter).as_secs_f64()).collect();
        for (wait, full) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]) {
            assert!((full * 0.75..=full).contains(wait), "{wait} of {full}");
        }
        backoff.reset();
        assert!(backoff.wait(&mut jitter) <= Duration::from_secs(1));
    }

    #[test]
    fn one_seed_gives_one_run() {
        let interval = Duration::from_secs(10);
        let mut jitter = Jitter::new(7, "a");
        assert_eq!(jitter.phase(interval), Jitter::new(7, "a").phase(interval));
        assert!(jitter.stretch(interval) >= interval);
    }
}
