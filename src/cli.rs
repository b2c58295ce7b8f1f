//! The command line: what can be asked for, and the exit code. Configuration is read here and nowhere else,
//! checked as a whole, and every mistake is named at once.

mod crds;
mod doctor;
mod export;
mod mistakes;
mod options;
mod plan;
mod reach;
mod run;
mod standalone;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

use mistakes::Mistakes;

/// It ran, and failed.
const FAILED: u8 = 1;
/// It did not run: the configuration is wrong. The same code as clap's for unknown flags.
const MISCONFIGURED: u8 = 2;
/// `drover plan`: something would be changed, as with `diff` and `terraform plan -detailed-exitcode`.
const CHANGES: u8 = 2;

/// Manages virtual machines on Proxmox VE as Kubernetes resources.
#[derive(Debug, Parser)]
#[command(
    name = "drover",
    version,
    after_help = "Every flag has an environment variable, shown in brackets; `run` and `standalone` also read a file .env \
                  in the working directory. A flag wins over the environment, and that over the file.\n\n\
                  Exit codes: 0 ended as asked, 1 failed, 2 the configuration is wrong. Of `plan`: 0 nothing would be changed, \
                  2 something would, 1 something of it can't be done, or plan itself failed."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator against a Kubernetes cluster.
    ///
    /// The cluster is the one of --kubeconfig, or the one that Drover runs in, or the one of ~/.kube/config.
    Run(Box<run::Args>),
    /// Run the operator with a Kubernetes control plane of its own, for people without a cluster.
    ///
    /// Starts etcd, kube-apiserver and kube-controller-manager on the loopback interface, installs Drover's
    /// kinds, and runs the operator. What is stored lasts in the data directory. Ctrl-C ends all in order.
    Standalone(Box<standalone::Args>),
    /// Print what would be done for declarations, and do nothing.
    ///
    /// Machines are compared by the code that the operator runs, with the hosts as they are now, and the API server checks
    /// each declaration. Told is what is made, adopted or taken over, what is changed, moved and rebooted, what waits for a
    /// reboot, what deletes data, and what stands in the way, in the words of the condition.
    ///
    /// Exit codes: 0 when nothing would be changed; 2 when something would be, and all of it can; 1 when something can't be
    /// done before a person does something, or could not be looked at. What is told of the other machines counts all the same.
    Plan(plan::Args),
    /// Print machines that exist as resources, ready for Git.
    ///
    /// Reads the hosts that are declared in Kubernetes and their guests, and changes nothing. Applied, each declaration
    /// adopts its machine as it is: nothing is done to it but that its notes say whose it is.
    Export(export::Args),
    /// Look whether the declared hosts are as Drover needs them, and say what to do where they are not.
    ///
    /// Connection and certificate, version, cluster, clock, privileges with the commands that grant what is missing, storages,
    /// bridges, nodes that are declared twice, and marks of other Kubernetes clusters. Changes nothing. Exit code 1 when
    /// something is wrong.
    Doctor(doctor::Args),
    /// Write the definitions of Drover's kinds as YAML, for `kubectl apply -f`.
    Crds(crds::Args),
}

/// Why a command ended.
enum Failure {
    Misconfigured(Mistakes),
    /// `drover plan` found something to do.
    Changes,
    Failed(anyhow::Error),
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::Misconfigured(mistakes)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// What `main` does.
#[must_use]
pub fn main() -> ExitCode {
    // Reqwest, kube and rustls must agree on one provider, and are asked for it before the first connection.
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut mistakes = Mistakes::default();
    if std::env::args()
        .skip(1)
        .any(|argument| argument == "run" || argument == "standalone")
    {
        read_env_file(&mut mistakes);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Of this command 2 means that something would be changed.
        Err(wrong) if wrong.use_stderr() && is_plan() => {
            complain(&wrong.to_string());
            return ExitCode::from(FAILED);
        }
        Err(wrong) => wrong.exit(),
    };
    let result = match cli.command {
        Command::Run(arguments) => run::main(*arguments, mistakes),
        Command::Standalone(arguments) => standalone::main(*arguments, mistakes),
        Command::Plan(arguments) => plan::main(&arguments, mistakes),
        Command::Export(arguments) => export::main(&arguments, mistakes),
        Command::Doctor(arguments) => doctor::main(&arguments, mistakes),
        Command::Crds(arguments) => crds::main(&arguments).map_err(Failure::from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            complain(&format!("drover: {error:#}\n"));
            ExitCode::from(FAILED)
        }
        Err(Failure::Changes) => ExitCode::from(CHANGES),
        Err(Failure::Misconfigured(mistakes)) => {
            complain(&mistakes.to_string());
            ExitCode::from(if is_plan() { FAILED } else { MISCONFIGURED })
        }
    }
}

fn is_plan() -> bool {
    std::env::args().nth(1).is_some_and(|command| command == "plan")
}

/// Adds what `.env` in the working directory says to the environment; what is there already wins.
fn read_env_file(mistakes: &mut Mistakes) {
    let file = std::path::Path::new(".env");
    if file.exists()
        && let Err(error) = dotenvy::from_path(file)
    {
        mistakes.add(".env", error.to_string(), "lines of the form NAME=value");
    }
}

/// For people: results, and how to go on. Everything else is in the log, on standard error.
fn say(text: &str) {
    // A closed pipe is the reader's business.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// What went wrong before there is a log, or after it.
fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_variable() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments().filter(|a| a.get_long() != Some("help")) {
                assert!(
                    argument.get_env().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
