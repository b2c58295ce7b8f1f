//! The fleet as a whole against a hypervisor in memory, in tokio's paused time.

mod guests;
mod hosts;
mod idle;
mod members;
mod outages;
mod presence;
mod tasks;

use std::time::Duration;

use super::{FleetEvent, FleetEvents};

use crate::model::Vmid;

/// Lets so many seconds go by.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// The numbers of the guests that were announced.
fn announced(events: &mut FleetEvents) -> Vec<u32> {
    events
        .take_waiting()
        .into_iter()
        .filter_map(|event| match event {
            FleetEvent::Guest { id, .. } => id.number().map(Vmid::get),
            FleetEvent::Host(_) => None,
        })
        .collect()
}
