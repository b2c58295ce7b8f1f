//! What this process remembers of each machine between passes. Losing it is safe: everything that matters
//! stands in the status or on the host, and what is not remembered is looked up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::plan::guest::Action;
use crate::plan::status::Outcome;

/// What is remembered of one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    /// The calls that this process sent to make the machine, for the reservation that stands now.
    pub(super) making: Making,
    /// Since when this process knows that the machine has no number: only a list of guests that is newer shows
    /// all that may be the machine's own.
    pub(super) seeking_since: Option<Instant>,
    /// When the configuration was read that was found to be as declared.
    pub(super) compared: Option<Instant>,
    /// A lock without a task was seen in the pass before.
    pub(super) stale_lock: bool,
    /// Whether a mutation may be under way that the status does not name: its answer was lost, or this
    /// process has just started.
    pub(super) settled: bool,
    /// The last change that went through: planned again at once, it had no effect.
    pub(super) done: Option<Action>,
    /// When this process started the machine last, and how often in a row it stopped again soon after.
    pub(super) started: Option<(Instant, u32)>,
    /// When this process put the machine into a pool: an older list does not show it.
    pub(super) pooled: Option<Instant>,
    /// When a task that moved the machine ended: an older list may show it where it was.
    pub(super) moved: Option<Instant>,
    /// A reboot was asked for in vain.
    pub(super) reboot_failed: bool,
    /// The last failure, while it holds further tries back.
    pub(super) failure: Option<Failure>,
}

/// The calls that were sent for one reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Making {
    /// The number was reserved by this process, so it knows all calls for it.
    pub(super) reserved_here: bool,
    /// The host refused a call because the number exists: it is to be looked at who has it.
    pub(super) refused: bool,
    /// The host took a call, or may have taken it.
    pub(super) maybe_taken: bool,
    /// When a call was sent whose answer was lost.
    pub(super) unknown: Option<Timestamp>,
}

impl Making {
    /// Whether the host took none of the calls: what stands under the number is not the machine.
    #[must_use]
    pub(super) const fn none_taken(&self) -> bool {
        self.reserved_here && !self.maybe_taken
    }
}

/// A failure that is tried again later.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// How often in a row.
    pub(super) count: u32,
    /// What is said about it.
    pub(super) outcome: Outcome,
    /// When it is tried again.
    pub(super) not_before: Instant,
    /// The generation for which it failed: a changed declaration is tried at once.
    pub(super) generation: Option<i64>,
}

/// What is remembered of all machines, by the UID of their resources.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Remembered>>);

impl Memory {
    /// What is remembered of a machine.
    pub(super) fn get(&self, uid: &str) -> Remembered {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of a machine.
    pub(super) fn note(&self, uid: &str, change: impl FnOnce(&mut Remembered)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(uid.to_owned()).or_default());
    }

    /// Forgets a machine whose resource is gone.
    pub(super) fn forget(&self, uid: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(uid);
    }
}
