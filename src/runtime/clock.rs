//! The one place that asks what time it is, so that a test can hold the clock still or move it.
//!
//! Waiting is not this module's: tasks wait with `tokio::time`, which has a pause of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

/// A source of wall-clock and monotonic time; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Shifted(SignedDuration),
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    timestamp: Timestamp,
    instant: Instant,
    /// Nanoseconds since the start; 584 years fit.
    elapsed: AtomicU64,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The machine's clock, with a wall-clock time that is off by so much: time passes as ever.
    #[must_use]
    pub const fn shifted(by: SignedDuration) -> Self {
        Self(Source::Shifted(by))
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Manual {
            timestamp: start,
            instant: Instant::now(),
            elapsed: AtomicU64::new(0),
        })))
    }

    /// The wall-clock time: for what people and other programs read, never for measuring.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the place the others are sent to"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Shifted(by) => {
                let now = Timestamp::now();
                now.checked_add(*by).unwrap_or(now)
            }
            // Past the end of jiff's calendar (year 9999) the clock stands still.
            Source::Manual(manual) => manual
                .timestamp
                .checked_add(manual.elapsed())
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// The monotonic time: for measuring how long something took or is old.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Source::System | Source::Shifted(_) => Instant::now(),
            Source::Manual(manual) => manual.instant + manual.elapsed(),
        }
    }

    /// The time since the machine started, counting what it slept and what this process was stopped: for what must
    /// not outlive its time, such as a lease. [`Instant`] does not count a suspended machine.
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        match &self.0 {
            Source::System | Source::Shifted(_) => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
                Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
            }
            Source::Manual(manual) => manual.elapsed(),
        }
    }

    /// Moves a manual clock forward; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            manual.elapsed.fetch_add(nanos, Ordering::SeqCst);
        }
    }
}

impl Manual {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_both_times_together_and_for_every_clone() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let before = clock.instant();
        clock.clone().advance(Duration::from_secs(90));
        assert_eq!(clock.now().as_second(), 90);
        assert_eq!(clock.instant() - before, Duration::from_secs(90));
    }

    #[test]
    fn shifted_clock_is_off_and_runs_as_ever() {
        let clock = Clock::shifted(SignedDuration::from_hours(-1));
        let behind = Clock::system().now().duration_since(clock.now());
        assert!((behind - SignedDuration::from_hours(1)).abs() < SignedDuration::from_mins(1));
        let since = Clock::system()
            .instant()
            .saturating_duration_since(clock.instant());
        assert!(since < Duration::from_mins(1));
    }

    #[test]
    fn manual_clock_stands_still_by_itself() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.instant(), clock.instant());
        assert_eq!(clock.now(), clock.now());
    }
}
