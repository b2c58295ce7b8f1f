//! What every floor stands on: error classes, clock, settings, telemetry, shutdown.

pub mod admin;
mod class;
mod clock;
mod fence;
mod health;
pub mod leader;
mod metrics;
pub mod selector;
mod settings;
mod supervisor;
pub mod telemetry;

pub use class::Class;
pub use clock::Clock;
pub use fence::{Fence, Fenced};
pub use health::Health;
pub use metrics::Metrics;
pub use settings::{DEFAULT_NAMESPACE, LogFormat, LogSettings, Settings, Timing};
pub use supervisor::{Cause, Failure, Supervisor, Unfinished};

/// What every part is handed at its start; clones share it.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether Drover is ready.
    pub health: Health,
    /// Who owns the background tasks, and when to end.
    pub supervisor: Supervisor,
}

impl Runtime {
    /// A runtime without tasks, checks or counts.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            metrics: Metrics::new(clock.clone()),
            health: Health::new(),
            supervisor: Supervisor::new(),
            clock,
        }
    }
}
