//! The program `pve-sim`: a simulated Proxmox VE cluster to try Drover (or any other client) against.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use pve_sim::{Playing, Release, Saved, Scenario, Seed, Simulator};
use serde_json::json;

/// Simulates the Proxmox VE API over HTTPS, with a certificate of its own making. No guest runs; their lives are
/// simulated with the delays and errors of the real thing.
///
/// Faults, marks at which requests stop, and what other people do to the guests are ordered over a second, plain HTTP
/// listener on loopback; its calls stand in the crate's README.
#[derive(Debug, Parser)]
#[command(name = "pve-sim", version)]
struct Options {
    /// Number of nodes: pve1, pve2, … [default: 1]
    #[arg(long)]
    nodes: Option<u32>,

    /// Number of guests of other people that stand there from the beginning, named guest-NNN, every second one running
    /// [default: 0]
    #[arg(long)]
    vms: Option<u32>,

    /// Address of the API; port 0 takes a free one [default: 127.0.0.1:8006]
    #[arg(long)]
    listen: Option<SocketAddr>,

    /// Address of the admin API, on loopback; port 0 takes a free one [default: 127.0.0.1:8007]
    #[arg(long)]
    admin: Option<SocketAddr>,

    /// Makes tasks and lags so many times shorter [default: 1]
    #[arg(long)]
    time_scale: Option<f64>,

    /// Full id of the API token with all rights [default: root@pam!drover]
    #[arg(long)]
    token_id: Option<String>,

    /// Its secret; a random one when absent
    #[arg(long, env = "PVE_SIM_TOKEN_SECRET", hide_env_values = true)]
    token_secret: Option<String>,

    /// The password of root@pam; without one nobody can log in as root
    #[arg(long, env = "PVE_SIM_ROOT_PASSWORD", hide_env_values = true)]
    root_password: Option<String>,

    /// A YAML or JSON file with a whole seed (guests, tokens, ISOs, timing); options given here come first
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,

    /// A YAML or JSON file with a scenario that begins at once: steps that wait, and let things happen or go wrong
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// A file with the whole state: read at the start if it is there (then seed and options but the addresses don't
    /// count), written at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Prints what happens, a line each
    #[arg(long)]
    events: bool,

    /// The release of Proxmox VE: 7.4, 8.4 or 9.2 [default: 9.2]
    #[arg(long)]
    release: Option<Release>,

    /// Where to write the address, the token, the fingerprint and the CA as JSON, with mode 0600, once it listens
    #[arg(long, value_name = "FILE")]
    info_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut causes = vec![error.to_string()];
            let mut cause = error.source();
            while let Some(inner) = cause {
                causes.push(inner.to_string());
                cause = inner.source();
            }
            complain(&causes.join(": "));
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

async fn run(options: Options) -> Result<(), Failure> {
    let seed = seed(&options)?;
    let sim = match options.state.as_deref().filter(|file| file.exists()) {
        Some(file) => Simulator::load(Saved::read(&std::fs::read_to_string(file)?)?, &seed).await?,
        None => Simulator::start(seed).await?,
    };
    if let Some(path) = &options.info_file {
        write_info(path, &sim)?;
    }
    announce(&sim);
    let playing = match &options.scenario {
        Some(path) => Some(sim.play(Scenario::read(&std::fs::read_to_string(path)?)?)),
        None => None,
    };
    tokio::select! {
        ended = stopped() => ended?,
        () = watch(playing) => {}
        () = tell(&sim), if options.events => {}
    }
    if let Some(path) = &options.state {
        write_private(path, &sim.save())?;
    }
    sim.shutdown().await;
    Ok(())
}

/// The seed of the file, if there is one, with what the options say.
fn seed(options: &Options) -> Result<Seed, Failure> {
    let mut seed = match &options.seed {
        Some(path) => read_seed(&std::fs::read_to_string(path)?)?,
        None => read_seed("{}")?,
    };
    if let Some(secret) = &options.token_secret {
        seed.token_secret = Some(secret.clone());
    }
    if let Some(password) = &options.root_password {
        seed.root_password = Some(password.clone());
    }
    if let Some(nodes) = options.nodes {
        seed.nodes = nodes;
        // The names of a seed would count before the number.
        seed.node_names.clear();
    }
    seed.foreign_vms = options.vms.unwrap_or(seed.foreign_vms);
    seed.token_id = options.token_id.clone().unwrap_or(seed.token_id);
    seed.timing.time_scale = options.time_scale.unwrap_or(seed.timing.time_scale);
    seed.release = options.release.unwrap_or(seed.release);
    seed.listen = options.listen.unwrap_or(seed.listen);
    seed.admin = options.admin.unwrap_or(seed.admin);
    Ok(seed)
}

/// A seed; the addresses that it doesn't give are Proxmox's port and the one after it, not free ones as in tests.
fn read_seed(text: &str) -> Result<Seed, serde_yaml::Error> {
    let mut fields: serde_yaml::Mapping = serde_yaml::from_str(text)?;
    for (field, address) in [("listen", "127.0.0.1:8006"), ("admin", "127.0.0.1:8007")] {
        fields.entry(field.into()).or_insert_with(|| address.into());
    }
    serde_yaml::from_value(fields.into())
}

/// Says which step of a scenario could not be carried out; goes on for ever.
async fn watch(playing: Option<Playing>) {
    if let Some(playing) = playing
        && let Err(error) = playing.finished().await
    {
        complain(&format!("scenario: {error}"));
    }
    std::future::pending::<()>().await;
}

fn write_info(path: &Path, sim: &Simulator) -> std::io::Result<()> {
    let info = json!({
        "url": sim.url(),
        "port": sim.port(),
        "admin": sim.admin_url(),
        "token_id": sim.token_id(),
        "token_secret": sim.token_secret(),
        "fingerprint": sim.fingerprint(),
        "ca_fingerprint": sim.ca_fingerprint(),
        "ca_pem": sim.ca_pem(),
    });
    write_private(path, &info.to_string())
}

/// Written beside its place and renamed, so that whoever waits for the file never reads half of it.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    // A leftover could have another mode.
    let _ = std::fs::remove_file(&partial);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&partial, path)
}

async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

/// Prints what happens, for ever.
#[allow(clippy::print_stdout, reason = "asked for by --events")]
async fn tell(sim: &Simulator) {
    let mut seen = 0;
    loop {
        for event in sim.next_events(seen).await {
            seen = event.seq;
            println!("{event}");
        }
    }
}

#[allow(clippy::print_stdout, reason = "what the person who started it has to know")]
fn announce(sim: &Simulator) {
    println!("API:         {}", sim.url());
    println!("admin:       {}", sim.admin_url());
    println!("nodes:       {}", sim.node_names().join(" "));
    println!("token:       {}={}", sim.token_id(), sim.token_secret());
    println!("fingerprint: {}", sim.fingerprint());
}

#[allow(clippy::print_stderr, reason = "what goes wrong")]
fn complain(error: &str) {
    eprintln!("pve-sim: {error}");
}
