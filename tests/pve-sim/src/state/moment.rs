//! An instant that survives being saved: it is written as the seconds that have passed since.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

/// A moment of the past.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    at: Instant,
    /// What had passed before the simulator that loaded it began.
    before: Duration,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            before: Duration::ZERO,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.before + self.at.elapsed()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.elapsed().as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(from)?;
        let before = Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)?;
        Ok(Self {
            at: Instant::now(),
            before,
        })
    }
}
