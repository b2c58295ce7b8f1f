//! A control plane on a thread of its own, shared by the tests of one process.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use super::{Assets, ControlPlane, Error, Options};

/// A control plane whose programs end with this value, or, with [`Options::die_with_parent`], with the process,
/// in whatever way it ends: the thread that started them lives that long.
#[derive(Debug)]
pub struct Background {
    data_dir: PathBuf,
    kubeconfig: PathBuf,
    url: String,
    assets: Assets,
    config: kube::Config,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts it, and blocks until it is ready.
    pub fn start(options: Options) -> Result<Self, Error> {
        let (report, reported) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("control-plane".to_owned())
            .spawn(move || run(options, &report, stopped))
            .map_err(|source| Error::file(Path::new("control-plane thread"), source))?;
        let mut ready = reported.recv().map_err(|_gone| Error::Thread)??;
        ready.stop = Some(stop);
        ready.thread = Some(thread);
        Ok(ready)
    }

    /// The directory that lasts.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The file that kubectl needs.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the API server listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The programs that were found.
    #[must_use]
    pub const fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The configuration of a client that may do everything. Make a client in each test: its connections
    /// belong to the runtime that made it.
    #[must_use]
    pub fn client_config(&self) -> kube::Config {
        self.config.clone()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Dropping the sender is the signal.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the control plane's thread panicked");
        }
    }
}

/// One thread for everything: the one that the programs are bound to.
fn run(options: Options, report: &mpsc::SyncSender<Result<Background, Error>>, stop: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            let _nobody_waits = report.send(Err(Error::file(Path::new("control-plane runtime"), source)));
            return;
        }
    };
    runtime.block_on(async {
        let started = async {
            let plane = ControlPlane::start(options).await?;
            let ready = Background {
                data_dir: plane.data_dir().to_owned(),
                kubeconfig: plane.kubeconfig(),
                url: plane.url(),
                assets: plane.assets().clone(),
                config: plane.client_config().await?,
                stop: None,
                thread: None,
            };
            Ok((plane, ready))
        };
        match started.await {
            Ok((plane, ready)) => {
                let _nobody_waits = report.send(Ok(ready));
                let _dropped_is_the_signal = stop.await;
                plane.stop().await;
            }
            Err(error) => {
                let _nobody_waits = report.send(Err(error));
            }
        }
    });
}
