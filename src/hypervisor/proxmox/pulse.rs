//! Whether a transfer still moves: a file may take its time, and what counts is how long nothing went on.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// When something last moved.
#[derive(Clone, Debug)]
pub(super) struct Pulse(watch::Sender<Instant>);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Instant::now()))
    }

    /// Something moves.
    pub(super) fn beat(&self) {
        self.0.send_replace(Instant::now());
    }

    /// Ends when nothing has moved for so long.
    pub(super) async fn stalled(&self, patience: Duration) {
        loop {
            let end = *self.0.borrow() + patience;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_beat_gives_all_the_time_anew() {
        let (pulse, start) = (Pulse::new(), Instant::now());
        let patience = Duration::from_secs(30);
        let beats = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                pulse.beat();
            }
        };
        tokio::join!(beats, pulse.stalled(patience));
        assert_eq!(start.elapsed(), Duration::from_secs(90));
    }
}
