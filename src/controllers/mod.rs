//! One file or folder a kind: the loop between Kubernetes and a hypervisor.
//!
//! Each pass is `observe → plan → act → status`. What a pass decides is decided in `plan/`; here are the
//! reads before it and the writes after it. The controllers don't know each other: they meet in the
//! Kubernetes API and in the fleet.

mod claims;
mod context;
mod error;
pub mod host;
mod hosts;
mod journal;
mod latest;
mod memory;
mod numbers;
mod others;
pub mod virtual_machine;
mod wake;

pub use context::{Context, Stores};
pub use error::Error;
pub use hosts::HostStores;
pub use wake::{Wakes, dispatch};
