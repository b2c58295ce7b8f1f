//! What the driver changes on a host, over one connection.
//!
//! Each call passes `changer`, where fence, proof and domain are asked. What outlasts a call is a task (`tasks`): `make` and
//! `disks` define a domain before its volumes, `remove` takes its volumes before the domain, so that at no time there is a
//! volume whose owner can't be told.

mod change;
mod changer;
mod disks;
mod live;
mod make;
mod media;
mod power;
mod references;
mod remove;
mod tasks;
#[cfg(test)]
mod tests;
mod volumes;

pub(super) use changer::Changer;
pub(super) use tasks::Tasks;
