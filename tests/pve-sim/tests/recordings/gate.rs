//! When tasks end: not before the recorder waited for them.

use std::time::Duration;

use pve_sim::Simulator;

/// How long tasks are waited for. One that takes longer is found running by what follows.
const DEADLINE: Duration = Duration::from_secs(10);

/// Lets all tasks go on to their end before a request, unless it was sent while they ran, and holds those to come.
pub(crate) async fn before(sim: &Simulator, still_running: bool) {
    if !still_running {
        sim.release_tasks();
        sim.idle(DEADLINE).await;
        sim.hold_tasks();
    }
}
