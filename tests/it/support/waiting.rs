//! Waiting for what must come, with a deadline far beyond what it takes.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
const INTERVAL: Duration = Duration::from_millis(25);

/// Waits until something is there.
pub(crate) async fn until<T>(what: impl Display, look: impl AsyncFnMut() -> Option<T>) -> T {
    let seen = within(DEADLINE, look).await;
    seen.unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// Waits until something is there, or the time is over.
pub(crate) async fn within<T>(deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + deadline;
    loop {
        if let Some(seen) = look().await {
            return Some(seen);
        }
        if Instant::now() > deadline {
            return None;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
