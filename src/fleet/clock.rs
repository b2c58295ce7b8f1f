//! The present by tokio's clock, which tests can stop and move.

use std::time::Instant;

/// The present.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits for a moment; returns at once if there is none, so guard it with a condition.
pub(super) async fn sleep_until(moment: Option<tokio::time::Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment).await;
    }
}
