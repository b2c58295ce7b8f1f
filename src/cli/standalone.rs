//! `drover standalone`: flags, checks, and what a person is told when it runs.

#![allow(
    clippy::doc_markdown,
    reason = "the doc comments of flags are shown as --help, without markup"
)]

use std::{
    fmt::Write,
    fs::{self, DirBuilder},
    net::Ipv4Addr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use secrecy::SecretString;

use super::{Failure, mistakes::Mistakes, options::Options, run::supervise, say};
use crate::{
    runtime::telemetry,
    standalone::{self, HostAccess, HostCredentials, Running, Search, Simulate, Standalone, Trust},
};

/// What ending the control plane may take, after the operator has ended.
const CONTROL_PLANE_ALLOWANCE: Duration = Duration::from_secs(45);

const ASSETS_DIR: &str = "--assets-dir (DROVER_ASSETS_DIR)";

/// The flags of `drover standalone`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where everything that lasts is kept [default: $XDG_DATA_HOME/drover or ~/.local/share/drover]
    #[arg(long, env = "DROVER_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where etcd, kube-apiserver, kube-controller-manager and kubectl are [default: in this order
    /// $KUBEBUILDER_ASSETS, what `make tools` built, beside drover, $PATH]
    #[arg(long, env = "DROVER_ASSETS_DIR", value_name = "DIR")]
    assets_dir: Option<PathBuf>,
    /// Add a simulated Proxmox VE cluster (the program pve-sim) with a few guests, to try Drover without hardware
    #[arg(long, env = "DROVER_SIMULATE", value_parser = clap::builder::FalseyValueParser::new())]
    simulate: bool,
    /// How much faster than a real host's the simulator's tasks are
    #[arg(
        long,
        env = "DROVER_SIMULATE_TIME_SCALE",
        value_name = "NUMBER",
        default_value = "1"
    )]
    simulate_time_scale: String,
    #[command(flatten)]
    options: Options,
    // Last, because its heading would stand over whatever follows.
    #[command(flatten)]
    host: Host,
}

/// One Proxmox VE host, declared at start. For the owner of one box, who puts these into a file .env.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "One Proxmox VE host, declared at start")]
struct Host {
    /// Its address, such as https://192.168.1.100:8006
    #[arg(long = "proxmox-url", env = "PROXMOX_URL", value_name = "URL")]
    url: Option<String>,
    /// An API token, such as root@pam!drover
    #[arg(long = "proxmox-token-id", env = "PROXMOX_TOKEN_ID", value_name = "ID")]
    token_id: Option<String>,
    /// The token's secret; better in the environment or in .env than here, where `ps` shows it
    #[arg(
        long = "proxmox-token-secret",
        env = "PROXMOX_TOKEN_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    token_secret: Option<String>,
    /// A user such as root@pam, in place of a token; one without a second factor
    #[arg(long = "proxmox-username", env = "PROXMOX_USERNAME", value_name = "USER")]
    username: Option<String>,
    /// The user's password; better in the environment or in .env than here, where `ps` shows it
    #[arg(
        long = "proxmox-password",
        env = "PROXMOX_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    password: Option<String>,
    /// The SHA-256 fingerprint of its certificate, if no authority that this machine trusts has signed it
    #[arg(long = "proxmox-fingerprint", env = "PROXMOX_FINGERPRINT", value_name = "HEX")]
    fingerprint: Option<String>,
    /// Whether its certificate is checked at all; false is for a closed network
    #[arg(
        long = "proxmox-verify-ssl",
        env = "VERIFY_SSL",
        value_name = "BOOL",
        default_value = "true"
    )]
    verify_ssl: String,
    /// The node's name, if the host can't tell which of its cluster it is
    #[arg(long = "proxmox-node", env = "NODE_NAME", value_name = "NAME")]
    node: Option<String>,
}

pub(super) fn main(arguments: Args, mut mistakes: Mistakes) -> Result<(), Failure> {
    let mut settings = arguments.options.settings(Ipv4Addr::LOCALHOST, &mut mistakes);
    // The data directory admits one process.
    settings.election = None;
    if let Some(named) = arguments.assets_dir.as_ref().filter(|path| !path.is_dir()) {
        let wrong = format!("{} is not a directory", named.display());
        mistakes.add(ASSETS_DIR, wrong, "name the one that has the programs");
    }
    let search = search(arguments.assets_dir);
    if let Err(missing) = search.assets() {
        mistakes.add(
            "--assets-dir (DROVER_ASSETS_DIR)",
            missing,
            "or name their directory",
        );
    }
    let time_scale = mistakes.take(
        "--simulate-time-scale (DROVER_SIMULATE_TIME_SCALE)",
        time_scale(&arguments.simulate_time_scale),
        "give a number above 0, such as 10",
    );
    if arguments.simulate && search.find("pve-sim").is_none() {
        mistakes.add(
            "--simulate (DROVER_SIMULATE)",
            "pve-sim is neither beside drover, nor in --assets-dir, nor on PATH",
            "build it with `cargo build -p pve-sim` in a checkout of Drover",
        );
    }
    let host = arguments.host.access(&mut mistakes);
    let data_dir = data_dir(arguments.data_dir, &mut mistakes);
    mistakes.check()?;

    telemetry::init(&settings.log);
    let standalone = Standalone {
        control_plane: standalone::Options::new(data_dir, search),
        simulate: arguments.simulate.then(|| Simulate {
            time_scale,
            ..Simulate::default()
        }),
        host,
    };
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    let allowance = settings.shutdown_grace + CONTROL_PLANE_ALLOWANCE;
    tokio.block_on(supervise(&settings.clone(), allowance, async |runtime| {
        Ok(
            Box::pin(standalone::run(standalone, settings, runtime, |running| {
                say(&instructions(running));
            }))
            .await?,
        )
    }))?;
    Ok(())
}

impl Host {
    /// The host, if one is named; all or nothing.
    fn access(self, mistakes: &mut Mistakes) -> Option<HostAccess> {
        let given = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let token = (given(self.token_id), given(self.token_secret));
        let user = (given(self.username), given(self.password));
        let any = [&token.0, &token.1, &user.0, &user.1]
            .iter()
            .any(|value| value.is_some());
        let Some(url) = given(self.url) else {
            if any {
                let place = "--proxmox-url (PROXMOX_URL)";
                mistakes.add(place, "credentials are given but no host", "give its address too");
            }
            return None;
        };
        let (host, port) = mistakes.take(
            "--proxmox-url (PROXMOX_URL)",
            host_and_port(&url),
            "give one such as https://192.168.1.100:8006",
        );
        let credentials = credentials(token, user, mistakes);
        let verify = mistakes.take(
            "--proxmox-verify-ssl (VERIFY_SSL)",
            yes_or_no(&self.verify_ssl),
            "give true or false",
        );
        let trust = match given(self.fingerprint) {
            Some(fingerprint) if is_fingerprint(&fingerprint) => Trust::Fingerprint(fingerprint),
            Some(_) => {
                let place = "--proxmox-fingerprint (PROXMOX_FINGERPRINT)";
                let right = "give 64 hexadecimal digits, as `pvenode cert info` shows them";
                mistakes.add(place, "it is not a SHA-256 fingerprint", right);
                Trust::System
            }
            None if verify => Trust::System,
            None => Trust::Insecure,
        };
        let node_name = given(self.node);
        // A Proxmox VE node may have capitals in its name, a resource not.
        let name = node_name
            .as_deref()
            .map_or_else(|| "proxmox".to_owned(), str::to_ascii_lowercase);
        Some(HostAccess {
            secret: name.clone(),
            name,
            host,
            port,
            node_name,
            credentials,
            trust,
        })
    }
}

/// A token, unless a user is given and no token.
fn credentials(
    token: (Option<String>, Option<String>),
    user: (Option<String>, Option<String>),
    mistakes: &mut Mistakes,
) -> HostCredentials {
    let mut needed = |value: Option<String>, place: &str, right: &str| {
        value.unwrap_or_else(|| {
            mistakes.add(place, "a host is given but not this", right);
            String::new()
        })
    };
    let by_user = user.0.is_some() || user.1.is_some();
    if by_user && token.0.is_none() && token.1.is_none() {
        return HostCredentials::Password {
            username: needed(
                user.0,
                "--proxmox-username (PROXMOX_USERNAME)",
                "give the user with its realm, such as root@pam",
            ),
            password: SecretString::from(needed(
                user.1,
                "--proxmox-password (PROXMOX_PASSWORD)",
                "give the user's password",
            )),
        };
    }
    HostCredentials::Token {
        id: needed(
            token.0,
            "--proxmox-token-id (PROXMOX_TOKEN_ID)",
            "give an API token such as root@pam!drover, or --proxmox-username and --proxmox-password",
        ),
        secret: SecretString::from(needed(
            token.1,
            "--proxmox-token-secret (PROXMOX_TOKEN_SECRET)",
            "give the token's secret",
        )),
    }
}

/// `https://host:8006`, the scheme and the port optional; a path, as `/api2/json`, is no matter.
fn host_and_port(url: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{url:?} is not an address of Proxmox VE");
    let rest = match url.split_once("://") {
        Some(("https", rest)) => rest,
        Some(_) => return Err(format!("{url:?} does not begin with https://")),
        None => url,
    };
    let authority: axum::http::uri::Authority = rest
        .split('/')
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|_| wrong())?;
    let host = authority.host().trim_matches(['[', ']']);
    if host.is_empty() || authority.as_str().contains('@') {
        return Err(wrong());
    }
    Ok((host.to_owned(), authority.port_u16().unwrap_or(8006)))
}

fn is_fingerprint(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) && number > 0.0 => Ok(number),
        _ => Err(format!("{text:?} is not a number above 0")),
    }
}

/// Where programs are looked for.
fn search(assets_dir: Option<PathBuf>) -> Search {
    let cache = directory("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("drover/tools/current"));
    let beside = std::env::current_exe().ok();
    Search {
        assets_dir,
        kubebuilder_assets: std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from),
        cache,
        beside: beside.and_then(|program| program.parent().map(Path::to_owned)),
        path: std::env::var_os("PATH"),
    }
}

/// A directory of the XDG base directory specification.
fn directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(below_home)))
}

fn data_dir(given: Option<PathBuf>, mistakes: &mut Mistakes) -> PathBuf {
    let place = "--data-dir (DROVER_DATA_DIR)";
    let default = || directory("XDG_DATA_HOME", ".local/share").map(|data| data.join("drover"));
    let Some(path) = given.filter(|path| !path.as_os_str().is_empty()).or_else(default) else {
        mistakes.add(
            place,
            "there is no home directory to put it into",
            "name a directory",
        );
        return PathBuf::new();
    };
    if let Err(wrong) = writable(&path) {
        let wrong = format!("can't write to {}: {wrong}", path.display());
        mistakes.add(place, wrong, "name a directory that you may write to");
    }
    path
}

fn writable(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let probe = path.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, "")?;
    fs::remove_file(probe)
}

/// How a person goes on from here.
fn instructions(running: &Running) -> String {
    let kubectl = running.kubectl.as_deref().unwrap_or(Path::new("kubectl"));
    let mut text = format!(
        "\nDrover runs, with a Kubernetes API of its own. In another terminal:\n\n  \
         export KUBECONFIG={}\n  {} get proxmoxnodes,virtualmachines -A\n\n",
        running.kubeconfig.display(),
        kubectl.display(),
    );
    // Writing to a String can't fail.
    if let Some((url, file)) = &running.simulator {
        let _ = write!(
            text,
            "A simulated Proxmox VE answers at {url}; it is declared as in\n  {}\n\n",
            file.display()
        );
    }
    if !running.hosts.is_empty() {
        let _ = writeln!(text, "Hosts declared: {}.", running.hosts.join(", "));
    }
    text += "Ctrl-C ends everything in order; what was declared is kept.\n\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        host: Host,
    }

    fn access(arguments: &[&str]) -> (Option<HostAccess>, String) {
        let line = Line::parse_from(std::iter::once("drover").chain(arguments.iter().copied()));
        let mut mistakes = Mistakes::default();
        (line.host.access(&mut mistakes), mistakes.to_string())
    }

    #[test]
    fn address_is_taken_as_people_write_it() {
        for (url, expected) in [
            ("https://192.168.1.100:8006", ("192.168.1.100", 8006)),
            ("https://pve.lan/api2/json", ("pve.lan", 8006)),
            ("pve.lan:443", ("pve.lan", 443)),
            ("https://[fd00::1]:8006/", ("fd00::1", 8006)),
        ] {
            assert_eq!(
                host_and_port(url),
                Ok((expected.0.to_owned(), expected.1)),
                "{url}"
            );
        }
        for url in ["http://pve.lan", "https://", "https://root@pve.lan"] {
            assert!(host_and_port(url).is_err(), "{url}");
        }
    }

    #[test]
    fn host_without_token_is_refused_with_both_parts_named() {
        let (_, text) = access(&["--proxmox-url=https://pve.lan"]);
        assert!(text.contains("PROXMOX_TOKEN_ID") && text.contains("PROXMOX_TOKEN_SECRET"));
        let (_, text) = access(&["--proxmox-token-id=root@pam!drover"]);
        assert!(text.contains("PROXMOX_URL"));
    }

    #[test]
    fn a_user_stands_for_a_token() {
        let user = ["--proxmox-url=pve.lan", "--proxmox-username=root@pam"];
        let (host, text) = access(&[&user[..], &["--proxmox-password=x"]].concat());
        assert!(text.starts_with("drover: 0 mistakes"), "{text}");
        let credentials = host.map(|host| host.credentials);
        assert!(
            matches!(credentials, Some(HostCredentials::Password { username, .. }) if username == "root@pam")
        );
        let (_, text) = access(&user);
        assert!(
            text.contains("PROXMOX_PASSWORD") && !text.contains("TOKEN"),
            "{text}"
        );
    }

    #[test]
    fn no_host_is_no_mistake() {
        let (host, text) = access(&[]);
        assert!(host.is_none());
        assert!(text.starts_with("drover: 0 mistakes"));
    }

    #[test]
    fn fingerprint_is_checked_and_preferred() {
        let with = |more: &str| {
            access(&[
                "--proxmox-url=pve.lan",
                "--proxmox-token-id=a@pam!b",
                "--proxmox-token-secret=c",
                "--proxmox-verify-ssl=false",
                more,
            ])
        };
        let fingerprint = ["AB"; 32].join(":");
        let (host, _) = with(&format!("--proxmox-fingerprint={fingerprint}"));
        assert_eq!(host.unwrap().trust, Trust::Fingerprint(fingerprint));
        let (host, _) = with("--proxmox-node=pve1");
        let host = host.unwrap();
        assert_eq!((host.trust, host.name.as_str()), (Trust::Insecure, "pve1"));
        let (_, text) = with("--proxmox-fingerprint=AB:CD");
        assert!(text.contains("64 hexadecimal digits"));
    }
}
