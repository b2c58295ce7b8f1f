//! The log: where it goes and in what form. Counting is in `metrics.rs`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::settings::{LogFormat, LogSettings};

/// Starts logging to standard error. The first call of a process wins; later ones change nothing, so that
/// tests and embedders may all call it.
pub fn init(log: &LogSettings) {
    let filter = filter(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let _already_started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Reads filter directives, saying what is wrong with them.
pub fn filter(directives: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    // The Kubernetes client logs every failed request as an error, though its caller handles it, and says so;
    // its controller lays a span of its own around each pass, which says what Drover's own span says.
    const QUIET: &str = "kube_client::client::builder=off,kube_runtime::controller=warn";
    EnvFilter::builder().parse(format!("{QUIET},{directives}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_start_is_harmless() {
        init(&LogSettings::default());
        init(&LogSettings {
            format: LogFormat::Json,
            filter: "==".to_owned(),
        });
    }

    #[test]
    fn filter_names_a_bad_directive() {
        assert!(filter("info,drover=debug").is_ok());
        assert!(filter("drover=loudly").is_err());
    }
}
