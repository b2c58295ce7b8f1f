//! The flags that `run` and `standalone` share, and how they become [`Settings`].
//!
//! Values are taken as text and checked here, not by clap, which would stop at the first mistake.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::mistakes::Mistakes;
use crate::runtime::{
    DEFAULT_NAMESPACE, LogFormat, LogSettings, Settings,
    leader::{self, ElectionSettings},
    selector, telemetry,
};

/// Where Kubernetes tells a pod its namespace.
const POD_NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(super) const ADMIN_LISTEN: &str = "--admin-listen (DROVER_ADMIN_LISTEN)";

/// The shared flags.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Act only on hosts with these labels, such as `region=eu`; whole clusters, never parts of one
    #[arg(long, env = "DROVER_HOST_SELECTOR", value_name = "SELECTOR")]
    host_selector: Option<String>,
    /// Kubernetes clusters that are lost, by the UID of their namespace kube-system: their machines are taken over by
    /// resources of the same namespace and name
    #[arg(
        long,
        env = "DROVER_RECOVER_FROM",
        value_name = "UID,…",
        value_delimiter = ','
    )]
    recover_from: Vec<String>,
    /// Namespaces that the credentialsRef of a host may point into [default: Drover's own]
    #[arg(
        long,
        env = "DROVER_CREDENTIALS_NAMESPACES",
        value_name = "NAME,…",
        value_delimiter = ','
    )]
    credentials_namespaces: Vec<String>,
    /// Where /metrics, /livez and /readyz are served; port 0 takes a free one [default: port 9090, of all
    /// addresses with `run`, of the loopback interface with `standalone`]
    #[arg(long, env = "DROVER_ADMIN_LISTEN", value_name = "ADDRESS:PORT")]
    admin_listen: Option<String>,
    /// Lines for people (text) or for machines (json)
    #[arg(
        long,
        env = "DROVER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    log_format: String,
    /// What is logged, such as `info,drover=debug`
    #[arg(
        long,
        env = "DROVER_LOG_FILTER",
        value_name = "DIRECTIVES",
        default_value = "info"
    )]
    log_filter: String,
    /// How long running work may take to end, or to be recorded, after SIGTERM
    #[arg(
        long,
        env = "DROVER_SHUTDOWN_GRACE",
        value_name = "TIME",
        default_value = "25s"
    )]
    shutdown_grace: String,
    /// How many resources of a kind are reconciled at the same time
    #[arg(long, env = "DROVER_WORKERS", value_name = "NUMBER", default_value = "32")]
    workers: String,
    /// Act only while holding the lease, so that several replicas may run; `standalone` needs none
    #[arg(
        long,
        env = "DROVER_LEADER_ELECT",
        value_name = "BOOL",
        default_value = "true",
        action = clap::ArgAction::Set
    )]
    leader_elect: bool,
    /// How long a lease holds without renewal: how long a crash of the leader leaves the hosts alone
    #[arg(
        long,
        env = "DROVER_LEASE_DURATION",
        value_name = "TIME",
        default_value = "15s"
    )]
    lease_duration: String,
    /// How long after a create whose answer was lost nothing under the number counts as proof that nothing was made
    #[arg(long, env = "DROVER_CREATE_SETTLE", value_name = "TIME", default_value = "2m")]
    create_settle: String,
}

impl Options {
    /// The settings, with a default in place of each value that is a mistake. Where nothing else is said, the
    /// admin server listens on `listener`.
    pub(super) fn settings(self, listener: Ipv4Addr, mistakes: &mut Mistakes) -> Settings {
        let defaults = Settings::default();
        let default_listen = SocketAddr::from((listener, defaults.admin_listen.port()));
        let host_selector = self.host_selector.filter(|text| !text.trim().is_empty());
        if let Some(Err(wrong)) = host_selector.as_deref().map(selector::check) {
            let place = "--host-selector (DROVER_HOST_SELECTOR)";
            mistakes.add(place, wrong, "give a label selector such as region=eu,tier!=test");
        }
        let given = self.admin_listen.as_deref().map_or(Ok(default_listen), address);
        let admin_listen = given.unwrap_or_else(|wrong| {
            mistakes.add(ADMIN_LISTEN, wrong, "give one such as 0.0.0.0:9090 or [::1]:0");
            default_listen
        });
        let shutdown_grace = mistakes.take(
            "--shutdown-grace (DROVER_SHUTDOWN_GRACE)",
            duration(&self.shutdown_grace),
            "give a time such as 25s or 1m",
        );
        let lease = mistakes.take(
            "--lease-duration (DROVER_LEASE_DURATION)",
            duration(&self.lease_duration).and_then(|time| {
                let fits = (leader::SHORTEST_LEASE..=leader::LONGEST_LEASE).contains(&time)
                    && time.subsec_nanos() == 0;
                fits.then_some(time).ok_or_else(|| {
                    format!(
                        "{:?} is not from 10s to 5m, in whole seconds",
                        self.lease_duration
                    )
                })
            }),
            "give a time such as 15s",
        );
        let election = self.leader_elect.then(|| ElectionSettings {
            namespace: own_namespace(),
            lease,
        });
        let mut timing = defaults.timing;
        timing.create_settle = mistakes.take(
            "--create-settle (DROVER_CREATE_SETTLE)",
            duration(&self.create_settle),
            "give a time such as 2m",
        );
        Settings {
            recover_from: clusters(&self.recover_from, mistakes),
            credentials_namespaces: credentials_namespaces(&self.credentials_namespaces, mistakes),
            log: log(&self.log_format, self.log_filter, mistakes),
            workers: mistakes.take(
                "--workers (DROVER_WORKERS)",
                workers(&self.workers),
                "give a number from 1 to 256",
            ),
            host_selector,
            admin_listen,
            shutdown_grace,
            election,
            timing,
        }
    }
}

fn log(format: &str, filter: String, mistakes: &mut Mistakes) -> LogSettings {
    let format = mistakes.take(
        "--log-format (DROVER_LOG_FORMAT)",
        <LogFormat as clap::ValueEnum>::from_str(format, true)
            .map_err(|_| format!("{format:?} is not a format")),
        "give text or json",
    );
    if let Err(wrong) = telemetry::filter(&filter) {
        let place = "--log-filter (DROVER_LOG_FILTER)";
        mistakes.add(place, wrong, "give directives such as info,drover=debug");
    }
    LogSettings { format, filter }
}

pub(super) fn clusters(given: &[String], mistakes: &mut Mistakes) -> Vec<String> {
    let given = given.iter().map(|uid| uid.trim()).filter(|uid| !uid.is_empty());
    let given: Vec<String> = given.map(str::to_owned).collect();
    for uid in given.iter().filter(|uid| uid.parse::<uuid::Uuid>().is_err()) {
        mistakes.add(
            "--recover-from (DROVER_RECOVER_FROM)",
            format_args!("{uid:?} is not the UID of a namespace"),
            "give the cluster's UID from the mark in the machines' notes, such as 6f1c2b7e-0a52-4a6e-9d2c-3d1f5b8f0c11",
        );
    }
    given
}

fn credentials_namespaces(given: &[String], mistakes: &mut Mistakes) -> Vec<String> {
    let given: Vec<_> = given
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .collect();
    for name in given.iter().filter(|name| !is_namespace(name)) {
        mistakes.add(
            "--credentials-namespaces (DROVER_CREDENTIALS_NAMESPACES)",
            format_args!("{name:?} is not a namespace's name"),
            "give lower-case letters, digits and -, at most 63",
        );
    }
    if given.is_empty() {
        return vec![own_namespace()];
    }
    given.into_iter().map(str::to_owned).collect()
}

/// The namespace that Drover runs in.
#[allow(clippy::disallowed_methods, reason = "configuration is read here")]
fn own_namespace() -> String {
    let named = std::env::var("POD_NAMESPACE").or_else(|_| fs::read_to_string(POD_NAMESPACE_FILE));
    let named = named.unwrap_or_default();
    match named.trim() {
        "" => DEFAULT_NAMESPACE.to_owned(),
        name => name.to_owned(),
    }
}

fn is_namespace(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an address with a port"))
}

fn workers(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(number @ 1..=256) => Ok(number),
        _ => Err(format!("{text:?} is not a number from 1 to 256")),
    }
}

/// `25s`, `1m 30s`: what Kubernetes and jiff write.
fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| format!("{text:?} is not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn read(arguments: &[&str]) -> (Settings, Mistakes) {
        let line = Line::parse_from(std::iter::once("drover").chain(arguments.iter().copied()));
        let mut mistakes = Mistakes::default();
        (
            line.options.settings(Ipv4Addr::UNSPECIFIED, &mut mistakes),
            mistakes,
        )
    }

    #[test]
    fn flags_default_to_the_settings_defaults() {
        assert_eq!(read(&[]), (Settings::default(), Mistakes::default()));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let (_, mistakes) = read(&[
            "--host-selector=a in (",
            "--credentials-namespaces=ok,Not_Ok",
            "--admin-listen=9090",
            "--log-format=xml",
            "--log-filter=drover=loudly",
            "--shutdown-grace=-5s",
            "--workers=0",
            "--create-settle=soon",
            "--lease-duration=5s",
        ]);
        let text = mistakes.to_string();
        assert_eq!(text.lines().count(), 10, "{text}");
        for flag in [
            "HOST_SELECTOR",
            "CREDENTIALS_NAMESPACES",
            "ADMIN_LISTEN",
            "LOG_FORMAT",
            "LOG_FILTER",
            "SHUTDOWN_GRACE",
            "WORKERS",
            "CREATE_SETTLE",
            "LEASE_DURATION",
        ] {
            assert!(text.contains(&format!("(DROVER_{flag})")), "{flag} in\n{text}");
        }
    }

    #[test]
    fn times_are_read_as_kubernetes_writes_them() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("30").is_err());
    }
}
