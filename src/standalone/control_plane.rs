//! A real Kubernetes control plane as child processes: etcd, kube-apiserver and kube-controller-manager, for
//! one person or one test run, on the loopback interface.
//!
//! There are no nodes: what is stored is stored, and garbage collection, namespaces and service accounts
//! work, but no pod runs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use tokio::time::Instant;

use super::{
    Error,
    assets::{Assets, Search},
    child::Kept,
    credentials::{ADMIN, CONTROLLER_MANAGER, Credentials, DROVER},
    data_dir::{DataDir, write_private},
    kubeconfig, process,
    programs::Programs,
};
use crate::runtime::{DEFAULT_NAMESPACE, Supervisor};

/// The simulator outlives a killed Drover, as a real host does; who started it ends or adopts it.
pub(super) const SIMULATOR: &str = "pve-sim";

/// How long a leftover may take to end before it is killed.
const LEFTOVER_GRACE: Duration = Duration::from_secs(10);
/// A program that ends this often before the API server is ready will not start.
const HOPELESS: u32 = 3;

/// What is started, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// What lasts between runs: stored objects, keys, logs. Made if absent.
    pub data_dir: PathBuf,
    /// Where the programs are.
    pub search: Search,
    /// Whether etcd waits for the disk. Without, a power cut may lose everything: for tests.
    pub fsync: bool,
    /// End the programs with the thread that started them, however it ends (needs `setpriv`); for tests, so
    /// that neither a panic nor SIGKILL leaves any behind. It is the *thread* that counts, so start with
    /// [`super::Background`] then: a worker of a test's tokio runtime ends with that one test.
    pub die_with_parent: bool,
    /// How long the API server may take to be ready.
    pub ready_timeout: Duration,
}

impl Options {
    /// What `drover standalone` uses.
    #[must_use]
    pub fn new(data_dir: PathBuf, search: Search) -> Self {
        Self {
            data_dir,
            search,
            fsync: true,
            die_with_parent: false,
            ready_timeout: Duration::from_mins(1),
        }
    }

    /// What a test run uses: fast, and gone with the process.
    #[must_use]
    pub fn ephemeral(data_dir: PathBuf, search: Search) -> Self {
        Self {
            fsync: false,
            die_with_parent: true,
            ..Self::new(data_dir, search)
        }
    }
}

/// A running control plane. [`ControlPlane::stop`] ends it in order; dropped, its programs are asked to end all
/// at once, and killed if the tokio runtime ends first.
#[derive(Debug)]
pub struct ControlPlane {
    data: DataDir,
    assets: Assets,
    credentials: Credentials,
    port: u16,
    supervisor: Supervisor,
    /// In the order in which they were started.
    programs: Vec<Kept>,
}

impl ControlPlane {
    /// Takes the data directory, ends what an earlier run left there, starts the programs and waits until the
    /// API server is ready and has the namespace `drover-system`.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let assets = options.search.assets()?;
        if assets.kubectl.is_none() {
            tracing::warn!("kubectl not found: Drover does without it, people will want it");
        }
        let data = DataDir::open(&options.data_dir)?;
        process::end_leftovers(&data.run(), &[SIMULATOR], LEFTOVER_GRACE).await?;
        let credentials = Credentials::load_or_create(&data.pki())?;
        let port = data.port("kube-apiserver")?;
        let render = |user| kubeconfig::render(port, &credentials.ca, user, credentials.token(user)?);
        write_private(&data.kubeconfig(), &render(ADMIN)?)?;
        write_private(
            &data.pki().join("controller-manager.kubeconfig"),
            &render(CONTROLLER_MANAGER)?,
        )?;

        tracing::info!(
            data = %data.root().display(), port, programs = ?assets.kube_apiserver.parent(),
            "starting etcd, kube-apiserver and kube-controller-manager"
        );
        let supervisor = Supervisor::new();
        let programs = Programs {
            data: &data,
            assets: &assets,
            credentials: &credentials,
            port,
            options: &options,
        };
        let programs = [
            programs.etcd(),
            programs.kube_apiserver(),
            programs.kube_controller_manager(),
        ]
        .map(|program| Kept::start(program, &supervisor));
        let started = Self {
            programs: programs.into(),
            data,
            assets,
            credentials,
            port,
            supervisor,
        };
        match started.become_ready(options.ready_timeout).await {
            Ok(()) => Ok(started),
            Err(error) => {
                started.stop().await;
                Err(error)
            }
        }
    }

    /// The directory that lasts.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data.root()
    }

    /// The file that kubectl needs; its user may do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.data.kubeconfig()
    }

    /// The programs that were found.
    #[must_use]
    pub const fn assets(&self) -> &Assets {
        &self.assets
    }

    /// Where the API server listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The configuration of Drover's own client, as the user `drover`.
    pub async fn client_config(&self) -> Result<kube::Config, Error> {
        let token = self.credentials.token(DROVER)?;
        kubeconfig::client_config(self.port, &self.credentials.ca, DROVER, token).await
    }

    /// A client of Drover's own.
    pub async fn client(&self) -> Result<kube::Client, Error> {
        kube::Client::try_from(self.client_config().await?).map_err(Error::kubernetes("a client"))
    }

    /// The process of a program, such as `kube-apiserver`, while it runs; tests send it signals.
    #[must_use]
    pub fn pid(&self, program: &str) -> Option<u32> {
        self.programs.iter().find(|kept| kept.name == program)?.pid()
    }

    /// Ends the programs one after the other, the last started first, so that none loses what it stands on.
    pub async fn stop(self) {
        for program in self.programs.iter().rev() {
            program.stop().await;
        }
        if let Err(unfinished) = self.supervisor.shutdown(Duration::from_secs(1)).await {
            tracing::warn!(error = %unfinished, "the control plane did not end in order");
        }
    }

    async fn become_ready(&self, within: Duration) -> Result<(), Error> {
        let client = self.client().await?;
        let hopeless = futures::future::select_all(
            self.programs
                .iter()
                .map(|program| Box::pin(program.ended_times(HOPELESS))),
        );
        tokio::select! {
            ready = tokio::time::timeout(within, ready(&client)) => ready.map_err(|_elapsed| Error::NotReady {
                after: within,
                logs: self.data.logs(),
            })?,
            ((), index, _) = hopeless => {
                let program = &self.programs[index];
                return Err(Error::Program {
                    program: program.name,
                    log: program.log.clone(),
                    last_words: program.last_words(),
                });
            }
        }
        ensure_namespace(&client, DEFAULT_NAMESPACE).await
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.supervisor.token().cancel();
    }
}

/// Asks `/readyz` until it says ok; the caller sets the deadline.
async fn ready(client: &kube::Client) {
    const INTERVAL: Duration = Duration::from_millis(100);
    const PATIENCE: Duration = Duration::from_secs(2);
    let mut next = Instant::now();
    loop {
        let mut request = axum::http::Request::new(Vec::new());
        *request.uri_mut() = axum::http::Uri::from_static("/readyz");
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, client.request_text(request)).await {
            return;
        }
        next = (next + INTERVAL).max(Instant::now());
        tokio::time::sleep_until(next).await;
    }
}

async fn ensure_namespace(client: &kube::Client, name: &str) -> Result<(), Error> {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let made = Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await;
    match made {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(Error::kubernetes(format!("the namespace {name}"))(error)),
    }
}
