//! The right to change anything on a host, as a value that runs out: a leader that was paused past its lease must
//! start nothing, though nobody told it yet that another one leads (`docs/identity.md`, "Who leads").

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::Clock;

/// How much of the lease must be left when a change is sent.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// Whether changes may be sent now; clones share it.
#[derive(Clone, Debug)]
pub struct Fence(Gate);

#[derive(Clone, Debug)]
enum Gate {
    /// Nobody else is there who could lead.
    Open,
    Until(Arc<AtomicU64>, Clock),
}

/// Nothing may be changed: the lease is another replica's, or soon may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this replica does not lead, or its lease is about to end")]
pub struct Fenced;

impl Fence {
    /// For a process that is alone by other means: it is never refused.
    #[must_use]
    pub const fn open() -> Self {
        Self(Gate::Open)
    }

    /// Closed until a lease is held.
    #[must_use]
    pub fn closed(clock: Clock) -> Self {
        Self(Gate::Until(Arc::default(), clock))
    }

    /// Whether a change may be sent now. To be asked at the last moment before it is written.
    pub fn check(&self) -> Result<(), Fenced> {
        let Gate::Until(end, clock) = &self.0 else {
            return Ok(());
        };
        let end = Duration::from_nanos(end.load(Ordering::SeqCst));
        if clock.since_boot() + MARGIN <= end {
            Ok(())
        } else {
            Err(Fenced)
        }
    }

    /// The lease is held until then, by [`Clock::since_boot`].
    pub(super) fn hold_until(&self, end: Duration) {
        if let Gate::Until(until, _) = &self.0 {
            let nanos = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
            until.store(nanos, Ordering::SeqCst);
        }
    }

    /// The lease is held no longer.
    pub(super) fn close(&self) {
        self.hold_until(Duration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn changes_pass_only_with_the_margin_left() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let fence = Fence::closed(clock.clone());
        assert_eq!(fence.check(), Err(Fenced));
        fence.hold_until(clock.since_boot() + Duration::from_secs(15));
        clock.advance(Duration::from_secs(10));
        assert_eq!(fence.clone().check(), Ok(()));
        clock.advance(Duration::from_millis(1));
        assert_eq!(fence.check(), Err(Fenced));
        fence.hold_until(clock.since_boot() + Duration::from_secs(15));
        fence.close();
        assert_eq!(fence.check(), Err(Fenced));
    }
}
