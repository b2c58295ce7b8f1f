//! The right to change one guest, as a value: it can only be had by reading the guest's configuration and
//! judging it, and every mutating call on an existing guest asks for it (`docs/identity.md`).

use std::time::{Duration, Instant};

use crate::model::GuestAddress;

/// How old the judged configuration may be when a call is sent that carries no digest.
pub const MAX_AGE: Duration = Duration::from_secs(2);

/// Proof that the guest at an address was read and found to be the resource's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    at: GuestAddress,
    digest: String,
    read_at: Instant,
}

impl Ownership {
    /// Only the judgement of this folder makes one.
    pub(super) const fn new(at: GuestAddress, digest: String, read_at: Instant) -> Self {
        Self { at, digest, read_at }
    }

    /// The guest that was judged.
    #[must_use]
    pub const fn address(&self) -> &GuestAddress {
        &self.at
    }

    /// The digest of the configuration that was judged.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the judgement is too old for a call without digest.
    #[must_use]
    pub fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.read_at) > MAX_AGE
    }

    /// A proof out of thin air, for the tests of drivers.
    #[cfg(test)]
    #[must_use]
    pub fn for_tests(at: GuestAddress, digest: &str) -> Self {
        Self::new(at, digest.to_owned(), Instant::now())
    }

    /// Likewise, of a configuration that was read so long ago.
    #[cfg(test)]
    #[must_use]
    pub fn aged_for_tests(at: GuestAddress, digest: &str, age: Duration) -> Self {
        let read_at = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        Self::new(at, digest.to_owned(), read_at)
    }
}
