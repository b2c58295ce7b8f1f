//! `drover standalone`: a control plane of one's own around the operator, and, if asked for, a host.

use std::{path::PathBuf, time::Duration};

use super::{
    ControlPlane, Error, HostAccess, InstallCrds, Options, Simulate, install_crds, simulator::Simulator,
};
use crate::{
    api, operator,
    runtime::{Runtime, Settings},
};

/// How long the API server may take to serve a kind.
const CRDS_WITHIN: Duration = Duration::from_secs(30);

/// What `drover standalone` is told.
#[derive(Clone, Debug)]
pub struct Standalone {
    /// The control plane.
    pub control_plane: Options,
    /// Whether there is a simulated host, and what it is like.
    pub simulate: Option<Simulate>,
    /// The host that the environment names.
    pub host: Option<HostAccess>,
}

/// What a person needs to know of a running standalone Drover.
#[derive(Clone, Debug)]
pub struct Running {
    /// For kubectl.
    pub kubeconfig: PathBuf,
    /// Where kubectl is, if it was found.
    pub kubectl: Option<PathBuf>,
    /// Where the simulator answers, and the file that declares it.
    pub simulator: Option<(String, PathBuf)>,
    /// The names of the hosts that were declared.
    pub hosts: Vec<String>,
}

/// Why standalone Drover ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its own part failed.
    #[error(transparent)]
    Standalone(#[from] Error),
    /// The definitions of the kinds could not be installed.
    #[error(transparent)]
    Crds(#[from] InstallCrds),
    /// The operator failed.
    #[error(transparent)]
    Operator(#[from] operator::Error),
}

/// Runs until the runtime's supervisor is told to shut down; then ends the operator, the simulator and the
/// control plane, in this order. `ready` is called once, when a person can begin.
pub async fn run(
    standalone: Standalone,
    settings: Settings,
    runtime: Runtime,
    ready: impl FnOnce(&Running),
) -> Result<(), RunError> {
    let token = runtime.supervisor.token();
    let grace = settings.shutdown_grace;
    let search = standalone.control_plane.search.clone();
    let started = tokio::select! {
        started = ControlPlane::start(standalone.control_plane) => started?,
        // Asked to end before it had begun: nothing depends on the programs yet, so their order is no matter.
        () = token.cancelled() => return Ok(()),
    };
    let mut simulator = None;
    let work = async {
        if let Some(settings) = &standalone.simulate {
            simulator = Some(Simulator::start(&started, &search, settings).await?);
        }
        let client = started.client().await?;
        install_crds(&client, &api::crds(), CRDS_WITHIN).await?;
        let running = declare(&started, simulator.as_ref(), standalone.host, &client).await?;
        ready(&running);
        let operator = operator::run(client, settings, runtime.clone());
        tokio::pin!(operator);
        if let Some(simulator) = &simulator {
            tokio::select! {
                ended = &mut operator => return Ok(ended?),
                () = simulator.ended() => tracing::error!(
                    "the simulator ended: its host stays down until drover standalone is started again"
                ),
            }
        }
        Ok(operator.await?)
    };
    let result = work.await;
    if let Err(unfinished) = runtime.supervisor.shutdown(grace).await {
        tracing::warn!(error = %unfinished, "the operator did not end in order");
    }
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    started.stop().await;
    result
}

async fn declare(
    plane: &ControlPlane,
    simulator: Option<&Simulator>,
    host: Option<HostAccess>,
    client: &kube::Client,
) -> Result<Running, Error> {
    let mut running = Running {
        kubeconfig: plane.kubeconfig(),
        kubectl: plane.assets().kubectl.clone(),
        simulator: None,
        hosts: Vec::new(),
    };
    let mut hosts = Vec::from_iter(host);
    if let Some(simulator) = simulator {
        let access = simulator.access();
        let file = plane.data_dir().join("simulated-host.yaml");
        super::data_dir::write_private(&file, &access.manifest()?)?;
        tracing::info!(file = %file.display(), "wrote how the simulated host is declared");
        running.simulator = Some((simulator.info.url.clone(), file));
        hosts.push(access);
    }
    for access in hosts {
        access.declare(client).await?;
        running.hosts.push(access.name);
    }
    Ok(running)
}
