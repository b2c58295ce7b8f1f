//! The simulator of Proxmox VE beside a control plane of one's own (`--simulate`).
//!
//! It plays the real host: a Drover that is killed leaves it running, and the next one takes it over with
//! whatever it holds. Only an orderly end ends it too. It is not started again when it dies: a new one would
//! be an empty host under the same address, and every guest would count as lost.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::{
    Error, Search,
    child::{self, Program},
    control_plane::{ControlPlane, SIMULATOR},
    host::{HostAccess, HostCredentials, Trust},
    process::{Process, Record},
};

/// How long it may take to say where it listens.
const START: Duration = Duration::from_secs(20);
const END: Duration = Duration::from_secs(5);

/// The running simulator.
#[derive(Debug)]
pub(super) struct Simulator {
    process: Process,
    record: PathBuf,
    pub(super) info: Info,
}

/// What the simulator writes about itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Info {
    pub(super) url: String,
    port: u16,
    token_id: String,
    #[serde(deserialize_with = "secret")]
    token_secret: SecretString,
    fingerprint: String,
}

/// How the simulator is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulate {
    /// How many nodes its cluster has.
    pub nodes: u16,
    /// How many guests are there from the start, which are nobody's.
    pub guests: u16,
    /// How much faster its tasks are than a real host's.
    pub time_scale: f64,
}

impl Default for Simulate {
    fn default() -> Self {
        Self {
            nodes: 3,
            guests: 12,
            time_scale: 1.0,
        }
    }
}

impl Simulator {
    /// Takes over the one that still runs on this data directory, or starts one.
    pub(super) async fn start(
        plane: &ControlPlane,
        search: &Search,
        settings: &Simulate,
    ) -> Result<Self, Error> {
        let data = plane.data_dir();
        let record = data.join("run").join(format!("{SIMULATOR}.json"));
        let info_file = data.join("pve-sim.json");
        let log = data.join("logs").join(format!("{SIMULATOR}.log"));
        if let Some(process) = Record::read(&record).and_then(|record| record.open())
            && let Some(info) = Info::read(&info_file)
        {
            tracing::info!(
                pid = process.pid,
                url = info.url,
                "taking over the running simulator"
            );
            return Ok(Self {
                process,
                record,
                info,
            });
        }
        let path = search.find(SIMULATOR).ok_or(Error::NoSimulator)?;
        // The address stays what it was, as a real host's does; a port in use is given up for another.
        let last_port = Info::read(&info_file).map_or(0, |info| info.port);
        for port in [last_port, 0] {
            remove(&info_file)?;
            child::rotate(&log);
            let program = program(&path, data, &info_file, &log, port, settings);
            if let Some(process) = launch(&program, &record)?
                && let Some(info) = introduction(&process, &info_file).await
            {
                tracing::info!(pid = process.pid, url = info.url, "started the simulator");
                return Ok(Self {
                    process,
                    record,
                    info,
                });
            }
        }
        Err(Error::Simulator(log))
    }

    /// How Drover reaches it.
    pub(super) fn access(&self) -> HostAccess {
        HostAccess {
            name: "pve1".to_owned(),
            secret: "simulated".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: self.info.port,
            node_name: None,
            credentials: HostCredentials::Token {
                id: self.info.token_id.clone(),
                secret: self.info.token_secret.clone(),
            },
            trust: Trust::Fingerprint(self.info.fingerprint.clone()),
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&self) {
        self.process.ended().await;
    }

    /// Ends it in order.
    pub(super) async fn stop(self) {
        if !self.process.end(END).await {
            tracing::warn!(pid = self.process.pid, "the simulator does not end");
        }
        if let Err(error) = remove(&self.record) {
            tracing::warn!(%error, "can't remove the record of a process");
        }
    }
}

impl Info {
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
    }
}

fn program(
    path: &Path,
    data: &Path,
    info_file: &Path,
    log: &Path,
    port: u16,
    settings: &Simulate,
) -> Program {
    let mut args: Vec<_> = [
        format!("--listen=127.0.0.1:{port}"),
        "--admin=127.0.0.1:0".to_owned(),
        format!("--nodes={}", settings.nodes),
        format!("--vms={}", settings.guests),
        format!("--time-scale={}", settings.time_scale),
        "--info-file".to_owned(),
    ]
    .map(Into::into)
    .into();
    args.push(info_file.into());
    Program {
        name: SIMULATOR,
        path: path.to_owned(),
        args,
        directory: data.to_owned(),
        log: log.to_owned(),
        record: data.join("run").join(format!("{SIMULATOR}.json")),
        die_with_parent: false,
        grace: END,
    }
}

/// Starts it and lets go of it. None if it ended at once.
fn launch(program: &Program, record: &Path) -> Result<Option<Process>, Error> {
    let child = program
        .spawn_detached()
        .map_err(|source| Error::file(&program.path, source))?;
    let Some(running) = child.id().and_then(|pid| Record::of(SIMULATOR, pid)) else {
        return Ok(None);
    };
    running.write(record)?;
    // The dropped handle leaves it to tokio to collect it when it ends.
    Ok(running.open())
}

/// Waits for the simulator's file. None if it ended, or said nothing in time.
async fn introduction(process: &Process, info_file: &Path) -> Option<Info> {
    let written = async {
        let mut interval = tokio::time::interval(Duration::from_millis(50));
        loop {
            interval.tick().await;
            if let Some(info) = Info::read(info_file) {
                return info;
            }
        }
    };
    tokio::select! {
        info = tokio::time::timeout(START, written) => match info {
            Ok(info) => Some(info),
            Err(_elapsed) => {
                process.end(END).await;
                None
            }
        },
        () = process.ended() => None,
    }
}

fn secret<'de, D: Deserializer<'de>>(text: D) -> Result<SecretString, D::Error> {
    String::deserialize(text).map(SecretString::from)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path, error)),
        _ => Ok(()),
    }
}
