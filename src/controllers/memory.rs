//! What this process remembers of each machine between passes. Losing it is safe: everything that matters
//! stands in the status or on the host, and what is not remembered is looked up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::plan::status::Outcome;

/// What is remembered of one machine.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// The calls that this process sent to make the machine, for the reservation that stands now.
    pub making: Making,
    /// When the configuration was read that was found to be as declared.
    pub compared: Option<Instant>,
    /// A lock without a task was seen in the pass before.
    pub stale_lock: bool,
    /// Whether a mutation may be under way that the status does not name: its answer was lost, or this
    /// process has just started.
    pub settled: bool,
    /// The last failure, while it holds further tries back.
    pub failure: Option<Failure>,
}

/// The calls that were sent for one reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Making {
    /// The number was reserved by this process, so it knows all calls for it.
    pub reserved_here: bool,
    /// The host took a call, or may have taken it.
    pub maybe_taken: bool,
    /// When a call was sent whose answer was lost.
    pub unknown: Option<Timestamp>,
}

impl Making {
    /// Whether the host took none of the calls: what stands under the number is not the machine.
    #[must_use]
    pub const fn none_taken(&self) -> bool {
        self.reserved_here && !self.maybe_taken
    }
}

/// A failure that is tried again later.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How often in a row.
    pub count: u32,
    /// What is said about it.
    pub outcome: Outcome,
    /// When it is tried again.
    pub not_before: Instant,
    /// The generation for which it failed: a changed declaration is tried at once.
    pub generation: Option<i64>,
}

/// What is remembered of all machines, by the UID of their resources.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<String, Remembered>>);

impl Memory {
    /// What is remembered of a machine.
    pub fn get(&self, uid: &str) -> Remembered {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of a machine.
    pub fn note(&self, uid: &str, change: impl FnOnce(&mut Remembered)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(uid.to_owned()).or_default());
    }

    /// Forgets a machine whose resource is gone.
    pub fn forget(&self, uid: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(uid);
    }
}
