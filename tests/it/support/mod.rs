//! The harness: one control plane a test run, and for each test a world of its own: a namespace, a simulated
//! host, a Drover that acts on this host only. Everything ends with the test, also when it panics.

mod between;
mod contention;
mod drover;
mod gate;
mod hands;
mod plane;
mod process;
mod refusals;
mod waiting;
mod waits;
mod world;

pub(crate) use contention::Contention;
pub(crate) use drover::settings;
pub(crate) use gate::Gate;
pub(crate) use plane::{plane, search};
pub(crate) use process::{Ended, Process, drover};
pub(crate) use refusals::Refusals;
pub(crate) use waiting::{until, within};
pub(crate) use world::{Conditioned, World, condition};
