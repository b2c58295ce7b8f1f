//! The command: reads the file, has each machine in it looked at, and tells.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use kube::ResourceExt;
use serde::Deserialize as _;

use super::each::{self, Sites};
use super::found::{Found, Held};
use super::known::Known;
use crate::api::VirtualMachine;
use crate::api::names::GROUP;
use crate::cli::mistakes::Mistakes;
use crate::cli::options::clusters;
use crate::cli::reach::Reach;
use crate::cli::{Failure, complain, say};
use crate::plan::status::Outcome;

/// The flags of `drover plan`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    reach: Reach,
    /// The file with the declarations, or `-` for standard input
    #[arg(long, short, env = "DROVER_PLAN_FILE", value_name = "FILE")]
    filename: PathBuf,
    /// The namespace of declarations that name none
    #[arg(
        long,
        short,
        env = "DROVER_PLAN_NAMESPACE",
        value_name = "NAME",
        default_value = "default"
    )]
    namespace: String,
    /// As the operator is started: Kubernetes clusters that are lost, whose machines are taken over
    #[arg(
        long,
        env = "DROVER_RECOVER_FROM",
        value_name = "UID,…",
        value_delimiter = ','
    )]
    recover_from: Vec<String>,
}

pub(in crate::cli) fn main(arguments: &Args, mut mistakes: Mistakes) -> Result<(), Failure> {
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    let machines = declarations(arguments)?;
    let recover_from = clusters(&arguments.recover_from, &mut mistakes);
    let tally = tokio.block_on(async {
        let client = arguments.reach.client(mistakes).await?;
        let mut known = Known::read(&client, recover_from).await?;
        Ok::<_, Failure>(Box::pin(tell_all(&mut known, machines, &arguments.namespace)).await)
    })?;
    let Tally {
        machines,
        changes,
        held,
    } = tally;
    say(&format!("{changes} changes\n"));
    match (held, changes) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::Changes),
        _ => Err(Failure::Failed(anyhow!(
            "{held} of {machines} machines can't be as declared before somebody does something"
        ))),
    }
}

/// What was told of a whole file.
#[derive(Debug, Default)]
struct Tally {
    machines: usize,
    /// How much would be changed.
    changes: usize,
    /// How many machines something stands in the way of.
    held: usize,
}

/// A declaration, or what is wrong with it.
type Declared = anyhow::Result<VirtualMachine>;

/// The machines in the file; other kinds are left out, with a word about it.
fn declarations(arguments: &Args) -> anyhow::Result<Vec<Declared>> {
    let name = arguments.filename.display();
    let mut text = String::new();
    if arguments.filename.as_os_str() == "-" {
        std::io::stdin()
            .read_to_string(&mut text)
            .context("can't read standard input")?;
    } else {
        text = std::fs::read_to_string(&arguments.filename).with_context(|| format!("can't read {name}"))?;
    }
    let mut machines = Vec::new();
    for document in serde_yaml::Deserializer::from_str(&text) {
        let value = match serde_json::Value::deserialize(document) {
            Ok(value) => value,
            Err(error) => {
                // Where the next document begins can't be told.
                machines.push(Err(anyhow!(error).context(format!("{name} is no YAML"))));
                break;
            }
        };
        if value.is_null() {
            continue;
        }
        match other(&value) {
            None => machines.push(parsed(value)),
            Some(kind) => complain(&format!("drover: {kind} is not planned for\n")),
        }
    }
    if machines.is_empty() {
        bail!("{name} declares no VirtualMachine");
    }
    Ok(machines)
}

/// What a document declares that is no machine of Drover's. Other operators have a kind of the same name.
fn other(value: &serde_json::Value) -> Option<String> {
    let version = value["apiVersion"].as_str();
    let group = version.map(|version| version.split_once('/').map_or("", |(group, _)| group));
    match (value["kind"].as_str(), group) {
        (Some("VirtualMachine"), None | Some(GROUP)) => None,
        (Some("VirtualMachine"), _) => Some(format!("VirtualMachine of {}", version.unwrap_or_default())),
        (kind, _) => Some(kind.unwrap_or("a document without kind").to_owned()),
    }
}

fn parsed(value: serde_json::Value) -> Declared {
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    serde_json::from_value(value).with_context(|| format!("VirtualMachine '{name}' can't be understood"))
}

async fn tell_all(known: &mut Known, machines: Vec<Declared>, namespace: &str) -> Tally {
    let mut tally = Tally {
        machines: machines.len(),
        ..Tally::default()
    };
    let named = |machine: &VirtualMachine| {
        let named = machine.metadata.namespace.clone();
        (named.unwrap_or_else(|| namespace.to_owned()), machine.name_any())
    };
    known.planned = machines.iter().flatten().map(named).collect();
    let mut sites = Sites::new();
    for machine in machines {
        let told = match machine {
            Err(mistake) => tell("the file", Err(mistake.into())),
            Ok(mut machine) => {
                let (namespace, name) = named(&machine);
                machine.metadata.namespace = Some(namespace.clone());
                let found = Box::pin(each::of(known, &mut sites, &namespace, &machine)).await;
                tell(&format!("{namespace}/{name}"), found)
            }
        };
        tally.changes += told.changes;
        tally.held += usize::from(told.held);
    }
    tally
}

/// What was told of one machine.
struct Told {
    changes: usize,
    held: bool,
}

fn tell(title: &str, found: Result<Found, Held>) -> Told {
    let held = |outcome: &Outcome| format!("needs a person ({}): {}", outcome.reason, outcome.message);
    match found {
        Ok(found) => {
            say(&format!("{title}: {}\n", found.what));
            for line in found.lines.iter().cloned().chain(found.held.as_ref().map(held)) {
                say(&format!("  {line}\n"));
            }
            Told {
                changes: found.changes,
                held: found.held.is_some(),
            }
        }
        Err(Held::By(outcome)) => {
            say(&format!("{title}: nothing is done\n  {}\n", held(&outcome)));
            Told {
                changes: 0,
                held: true,
            }
        }
        Err(Held::Unknown(error)) => {
            complain(&format!("drover: {title}: {error}\n"));
            Told {
                changes: 0,
                held: true,
            }
        }
    }
}
