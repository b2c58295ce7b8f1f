//! What every floor stands on: error classes, clock, settings, telemetry, shutdown.

mod class;

pub use class::Class;
