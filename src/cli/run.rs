//! `drover run`: the operator against a cluster; and what every way of running shares: the log, the admin
//! server, signals, an orderly end.

use std::{io, net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Failure,
    mistakes::Mistakes,
    options::{ADMIN_LISTEN, Options},
};
use crate::{
    api, operator,
    runtime::{Clock, Runtime, Settings, Supervisor, admin::AdminServer, telemetry},
    standalone::install_crds,
};

/// How long the admin server may take to end, after everything else has.
const ADMIN_GRACE: Duration = Duration::from_secs(2);
const CRDS_WITHIN: Duration = Duration::from_secs(30);

/// The flags of `drover run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the cluster is reached; several files are separated by `:`, as kubectl has it
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<String>,
    /// The kubeconfig's context to use [default: its current one]
    #[arg(long, env = "DROVER_CONTEXT", value_name = "NAME")]
    context: Option<String>,
    /// Install or update the definitions of Drover's kinds first; takes the right to write them
    #[arg(long, env = "DROVER_INSTALL_CRDS", value_parser = clap::builder::FalseyValueParser::new())]
    install_crds: bool,
    #[command(flatten)]
    options: Options,
}

pub(super) fn main(arguments: Args, mut mistakes: Mistakes) -> Result<(), Failure> {
    let settings = arguments.options.settings(Ipv4Addr::UNSPECIFIED, &mut mistakes);
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    let cluster = cluster(arguments.kubeconfig.as_deref(), arguments.context);
    let cluster = tokio
        .block_on(cluster)
        .map_err(|wrong| {
            mistakes.add(
                "--kubeconfig (KUBECONFIG)",
                format_args!("{wrong:#}"),
                "give the file that reaches the cluster, or run Drover in one",
            );
        })
        .ok();
    mistakes.check()?;
    let Some(cluster) = cluster else {
        return Ok(());
    };

    telemetry::init(&settings.log);
    let install = arguments.install_crds;
    tokio.block_on(supervise(
        &settings.clone(),
        settings.shutdown_grace,
        async move |runtime| {
            tracing::info!(cluster.url = %cluster.cluster_url, "running against a cluster");
            if settings.election.is_none() {
                tracing::warn!(
                    "this must be the only replica of Drover for these hosts: --leader-elect=false"
                );
            }
            let client = kube::Client::try_from(cluster).context("can't make a Kubernetes client")?;
            if install {
                install_crds(&client, &api::crds(), CRDS_WITHIN).await?;
            }
            Ok(operator::run(client, settings, runtime).await?)
        },
    ))?;
    Ok(())
}

/// The readiness check that stands until the operator sets its own.
const STARTING: &str = operator::CACHES;

/// How the cluster is reached: what was named, else the cluster around us, else a person's own kubeconfig.
pub(super) async fn cluster(
    kubeconfig: Option<&str>,
    context: Option<String>,
) -> anyhow::Result<kube::Config> {
    let options = KubeConfigOptions {
        context,
        ..KubeConfigOptions::default()
    };
    let Some(files) = kubeconfig.filter(|files| !files.is_empty()) else {
        if options.context.is_none() {
            return match kube::Config::incluster() {
                Ok(config) => Ok(config),
                Err(_) => Ok(kube::Config::infer().await?),
            };
        }
        return Ok(kube::Config::from_kubeconfig(&options).await?);
    };
    let mut merged = Kubeconfig::default();
    for file in files
        .split(':')
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
    {
        let next = Kubeconfig::read_from(&file).with_context(|| format!("can't read {}", file.display()))?;
        merged = merged.merge(next)?;
    }
    Ok(kube::Config::from_custom_kubeconfig(merged, &options).await?)
}

/// Binds the admin server, runs `work` with a fresh runtime, and ends both in order on SIGTERM, SIGINT, or
/// when a background task fails. A second signal ends without waiting, as does `allowance` after the first.
pub(super) async fn supervise<W>(settings: &Settings, allowance: Duration, work: W) -> anyhow::Result<()>
where
    W: AsyncFnOnce(Runtime) -> anyhow::Result<()>,
{
    let admin = AdminServer::bind(settings.admin_listen)
        .await
        .context(ADMIN_LISTEN)?;
    let runtime = Runtime::new(Clock::system());
    // Until the operator itself says how far it is.
    runtime
        .health
        .set_not_ready(STARTING, "the Kubernetes API is not reached yet");
    // What must answer until the very end has a supervisor of its own, ended last.
    let front = Supervisor::new();
    let signals = count_signals(&front).context("can't listen for signals")?;
    let serving = admin.serve(runtime.health.clone(), runtime.metrics.clone(), front.token());
    front.spawn("admin server", async {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the admin server failed");
        }
    });
    let result = tokio::select! {
        biased;
        () = arrived(&signals, 2) => Err(anyhow::anyhow!("ended by a second signal, without waiting")),
        result = until_told(&runtime, &front, &signals, allowance, work) => result,
    };
    if let Err(unfinished) = front.shutdown(ADMIN_GRACE).await {
        tracing::warn!(error = %unfinished, "the admin server did not end in order");
    }
    result
}

async fn until_told<W>(
    runtime: &Runtime,
    front: &Supervisor,
    signals: &watch::Receiver<u32>,
    allowance: Duration,
    work: W,
) -> anyhow::Result<()>
where
    W: AsyncFnOnce(Runtime) -> anyhow::Result<()>,
{
    let supervisor = &runtime.supervisor;
    let working = work(runtime.clone());
    tokio::pin!(working);
    let mut failure = None;
    let finished = tokio::select! {
        result = &mut working => Some(result),
        () = arrived(signals, 1) => None,
        failed = supervisor.failed() => { failure = Some(failed); None }
        failed = front.failed() => { failure = Some(failed); None }
    };
    tracing::info!("shutting down");
    runtime.health.set_not_ready("shutdown", "shutting down");
    let deadline = Instant::now() + allowance;
    supervisor.token().cancel();
    let result = match finished {
        Some(result) => result,
        None => timeout_at(deadline, working)
            .await
            .unwrap_or_else(|_elapsed| Err(anyhow::anyhow!("did not end within {} s", allowance.as_secs()))),
    };
    let remaining = deadline.saturating_duration_since(Instant::now());
    if let Err(unfinished) = supervisor.shutdown(remaining).await {
        tracing::warn!(error = %unfinished, "not everything ended in time");
    }
    match failure {
        Some(failure) => result.and(Err(failure.into())),
        None => result,
    }
}

/// Counts SIGTERM and SIGINT from now on.
fn count_signals(front: &Supervisor) -> io::Result<watch::Receiver<u32>> {
    let (sender, count) = watch::channel(0);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = front.token();
    front.spawn("signals", async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = token.cancelled() => return,
            }
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok(count)
}

async fn arrived(signals: &watch::Receiver<u32>, number: u32) {
    let mut signals = signals.clone();
    // An error means that nobody counts any more: none will arrive.
    if signals.wait_for(|count| *count >= number).await.is_err() {
        std::future::pending::<()>().await;
    }
}
