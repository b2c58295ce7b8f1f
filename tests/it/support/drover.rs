//! A Drover within the test's process, on a runtime of its own, so that it can be killed as by SIGKILL.

use std::sync::Arc;
use std::time::Duration;

use drover::{
    operator,
    runtime::{Clock, Metrics, Runtime, Settings, Supervisor, Timing},
};
use tokio::task::JoinHandle;

use super::between::Between;
use super::plane::plane;

/// A running Drover; dropped, it is killed.
pub(crate) struct InProcess {
    tokio: Option<tokio::runtime::Runtime>,
    supervisor: Supervisor,
    metrics: Metrics,
    running: JoinHandle<Result<(), operator::Error>>,
}

/// Small intervals: everything that takes minutes on a real host takes a second here.
pub(crate) fn timing() -> Timing {
    Timing {
        create_settle: Duration::from_secs(2),
        requeue_error_min: Duration::from_millis(100),
        requeue_error_max: Duration::from_secs(1),
        requeue_task: Duration::from_millis(200),
        requeue_busy: Duration::from_millis(200),
        requeue_waiting: Duration::from_millis(500),
        requeue_idle: Duration::from_secs(5),
        list_lag: Duration::from_secs(1),
        reconnect_min: Duration::from_millis(100),
        reconnect_max: Duration::from_secs(1),
    }
}

/// The settings of a Drover that acts on the hosts with a label.
pub(crate) fn settings(host_selector: &str) -> Settings {
    Settings {
        host_selector: Some(host_selector.to_owned()),
        election: None,
        timing: timing(),
        ..Settings::default()
    }
}

impl InProcess {
    /// Starts one, with whatever stands between it and the Kubernetes API.
    pub(crate) fn start(settings: Settings, clock: Clock, between: Option<Arc<dyn Between>>) -> Self {
        if std::env::var_os("RUST_LOG").is_some() {
            tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
                .with_writer(std::io::stderr)
                .try_init()
                .ok();
        }
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let runtime = Runtime::new(clock);
        let (supervisor, metrics) = (runtime.supervisor.clone(), runtime.metrics.clone());
        let running = tokio.spawn(async move {
            let client = plane().client();
            let client = match between {
                Some(between) => between.client(client),
                None => client,
            };
            operator::run(client, settings, runtime).await
        });
        Self {
            tokio: Some(tokio),
            supervisor,
            metrics,
            running,
        }
    }

    /// The value of a counter, by its name and labels as `/metrics` writes them; none is 0.
    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = self.metrics.encode().unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Ends it in order, as SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.supervisor.token().cancel();
        let ended = tokio::time::timeout(Duration::from_secs(30), &mut self.running).await;
        ended.expect("Drover ends when it is told to").unwrap().unwrap();
    }

    /// Ends it at whatever it does, as SIGKILL does.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(tokio) = self.tokio.take() {
            tokio.shutdown_background();
        }
    }
}
