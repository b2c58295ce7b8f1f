//! `drover plan`: what would be done for declarations.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use serde::Deserialize as _;

use super::{
    Failure, complain,
    mistakes::Mistakes,
    reach::{self, Reach},
    say,
};
use crate::api::{
    HostDefaults, ManagementPolicy, NodePolicy, ProxmoxNode, VirtualMachine, VirtualMachineClass,
};
use crate::hypervisor::{Hypervisor, Refusal};
use crate::model::{GuestAddress, GuestRow, Migration, PowerState, Vmid};
use crate::plan::desired::{self, Desired, DesiredCloudInit};
use crate::plan::guest::{self, Managed, Moving, Plan, Reboot, Seen, SeenHa, SeenPool};
use crate::plan::identity::placed::{self, Claim, Sighting, Step};
use crate::plan::preview::{self, Effect};
use crate::plan::seed;
use crate::plan::status;
use crate::plan::tenancy::Allowed;

/// The flags of `drover plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
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
}

pub(super) fn main(arguments: &Args, mistakes: Mistakes) -> Result<(), Failure> {
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    let machines = declarations(arguments)?;
    let changes = tokio.block_on(async {
        let client = arguments.reach.client(mistakes).await?;
        preview_all(&client, machines, &arguments.namespace)
            .await
            .map_err(Failure::from)
    })?;
    say(&format!("{changes} changes\n"));
    if changes == 0 {
        Ok(())
    } else {
        Err(Failure::Changes)
    }
}

/// The machines in the file; other kinds are left out, with a word about it.
fn declarations(arguments: &Args) -> anyhow::Result<Vec<VirtualMachine>> {
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
        let value = serde_json::Value::deserialize(document).with_context(|| format!("{name} is no YAML"))?;
        match value["kind"].as_str() {
            _ if value.is_null() => {}
            Some("VirtualMachine") => {
                let machine =
                    serde_json::from_value(value).with_context(|| format!("a VirtualMachine in {name}"))?;
                machines.push(machine);
            }
            kind => complain(&format!(
                "drover: {} is not planned for\n",
                kind.unwrap_or("a document without kind")
            )),
        }
    }
    if machines.is_empty() {
        bail!("{name} declares no VirtualMachine");
    }
    Ok(machines)
}

async fn preview_all(
    client: &kube::Client,
    machines: Vec<VirtualMachine>,
    namespace: &str,
) -> anyhow::Result<usize> {
    let hosts = reach::hosts(client).await?;
    let mut changes = 0;
    for mut machine in machines {
        let namespace = machine
            .metadata
            .namespace
            .get_or_insert_with(|| namespace.to_owned())
            .clone();
        let title = format!("{namespace}/{}", machine.name_any());
        let looked = async {
            let checked = checked(client, &namespace, &machine).await?;
            of_machine(client, &checked, &hosts).await
        };
        let found = looked.await.with_context(|| title.clone())?;
        say(&format!("{title}: {}\n", found.what));
        for line in &found.lines {
            say(&format!("  {line}\n"));
        }
        changes += found.count;
    }
    Ok(changes)
}

/// How often a resource is asked for anew that somebody writes at the same time.
const ATTEMPTS: usize = 8;

/// The resource as the API server would store it: that has checked it, and knows what became of it so far.
async fn checked(
    client: &kube::Client,
    namespace: &str,
    machine: &VirtualMachine,
) -> anyhow::Result<VirtualMachine> {
    let api: Api<VirtualMachine> = Api::namespaced(client.clone(), namespace);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let name = machine.name_any();
    for _ in 0..ATTEMPTS {
        let Some(live) = api.get_opt(&name).await? else {
            return Ok(api.create(&dry, machine).await?);
        };
        match replaced(&api, &dry, machine, live).await {
            // Somebody wrote in between, as the operator does.
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            other => return Ok(other?),
        }
    }
    bail!("the resource is written all the time: try again")
}

/// The stored resource with another spec, as the API server would take it.
async fn replaced(
    api: &Api<VirtualMachine>,
    dry: &PostParams,
    machine: &VirtualMachine,
    live: VirtualMachine,
) -> Result<VirtualMachine, kube::Error> {
    let mut annotations = live.annotations().clone();
    annotations.extend(machine.annotations().clone());
    let metadata = ObjectMeta {
        annotations: Some(annotations),
        ..live.metadata.clone()
    };
    let proposed = VirtualMachine {
        metadata,
        spec: machine.spec.clone(),
        status: live.status.clone(),
    };
    let mut stored = api.replace(&machine.name_any(), dry, &proposed).await?;
    stored.status = live.status;
    Ok(stored)
}

/// What would be done.
struct Found {
    what: String,
    lines: Vec<String>,
    /// How much of that is a change.
    count: usize,
}

impl Found {
    fn nothing(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            lines: Vec::new(),
            count: 0,
        }
    }
}

async fn of_machine(
    client: &kube::Client,
    machine: &VirtualMachine,
    hosts: &[ProxmoxNode],
) -> anyhow::Result<Found> {
    let name = &machine.spec.host_ref.name;
    let host = hosts.iter().find(|host| host.name_any() == *name);
    let host = host.with_context(|| format!("there is no ProxmoxNode '{name}' (spec.hostRef)"))?;
    let desired = resolved(client, machine, host).await?;
    let driver = reach::driver(client, host, hosts).await?;
    let overview = driver.overview().await?;
    let observes = machine.spec.management_policy == Some(ManagementPolicy::Observe);
    let recorded = machine.status.as_ref().and_then(|s| s.vmid);
    let number = recorded.or(machine.spec.vmid);
    let Some(vmid) = number.map(Vmid::try_from).transpose()? else {
        return Ok(made(&desired, host));
    };
    let row = overview.guests.iter().find(|row| row.vmid == vmid);
    match row {
        Some(row) => of_guest(&driver, machine, host, &desired, row, observes).await,
        None if recorded.is_none() && !observes => Ok(made(&desired, host)),
        None => Ok(Found::nothing(format!(
            "machine {vmid} is not shown by its host: nothing is done before it is certain what became of it"
        ))),
    }
}

fn made(desired: &Desired, host: &ProxmoxNode) -> Found {
    let number = desired
        .pinned
        .map_or_else(|| "the next number".to_owned(), |vmid| vmid.to_string());
    let from = match &desired.origin {
        desired::Origin::Blank => "is made".to_owned(),
        desired::Origin::CloneOf(vmid) => format!("is made as a copy of machine {vmid}"),
        desired::Origin::CloneOfResource(name) => {
            format!("is made as a copy of that of VirtualMachine '{name}'")
        }
        desired::Origin::CloneOfName(name) => format!("is made as a copy of machine '{name}'"),
        desired::Origin::Restore(archive) => format!("is made of the backup {archive}"),
    };
    Found {
        what: format!(
            "machine '{}' {from} on ProxmoxNode '{}' under {number}: {}",
            desired.name,
            host.name_any(),
            preview::shape(desired)
        ),
        lines: Vec::new(),
        count: 1,
    }
}

/// With its class and the host's defaults worked in, as the operator does it.
async fn resolved(
    client: &kube::Client,
    machine: &VirtualMachine,
    host: &ProxmoxNode,
) -> anyhow::Result<Desired> {
    let stored = machine.status.clone().unwrap_or_default();
    let class = match (&machine.spec.class_ref, desired::pinned_class(machine, &stored)) {
        (None, _) => None,
        (Some(_), Some(pinned)) => Some(pinned.spec.clone()),
        (Some(named), None) => {
            let classes: Api<VirtualMachineClass> = Api::all(client.clone());
            let class = classes.get_opt(&named.name).await?;
            let class = class.with_context(|| format!("there is no VirtualMachineClass '{}'", named.name))?;
            Some(class.spec)
        }
    };
    let none = HostDefaults::default();
    let defaults = host.spec.defaults.as_ref();
    let desired = desired::resolve(machine, class.as_ref(), defaults.unwrap_or(&none))?;
    Allowed::new(host.spec.tenancy.as_ref(), defaults).check(&desired)?;
    Ok(desired)
}

/// The move to another node that the spec asks for. What a maintenance does, nobody can tell beforehand.
fn moving(machine: &VirtualMachine, host: &ProxmoxNode, row: &GuestRow, power: PowerState) -> Option<Moving> {
    let status = machine.status.as_ref()?;
    let home = host.status.as_ref().and_then(|s| s.node_name.clone())?;
    let renamed = status
        .host
        .as_ref()
        .is_some_and(|placed| *placed != machine.spec.host_ref.name);
    let pinned = machine.spec.node_policy == Some(NodePolicy::Pin);
    let away = status.evacuation.is_some() && !renamed;
    if row.node.as_str() == home || away || !(renamed || pinned) {
        return None;
    }
    Some(Moving {
        from: row.node.to_string(),
        migration: Migration {
            target: home.parse().ok()?,
            live: matches!(power, PowerState::Running | PowerState::Paused),
            local_disks: true,
        },
        declared: true,
    })
}

async fn of_guest(
    driver: &impl Hypervisor,
    machine: &VirtualMachine,
    host: &ProxmoxNode,
    desired: &Desired,
    row: &GuestRow,
    observes: bool,
) -> anyhow::Result<Found> {
    let vmid = row.vmid;
    let at = GuestAddress {
        node: row.node.clone(),
        vmid,
    };
    let config = match driver.guest_config(&at).await {
        Ok(config) => config,
        Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => {
            return Ok(Found::nothing(format!(
                "machine {vmid} moves or goes just now: look again"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let power = driver.guest_power(&at).await?;
    let power = PowerState::of(power.power, power.paused, config.lock.as_ref());
    let uid = machine.uid().unwrap_or_default();
    let identity = machine
        .status
        .as_ref()
        .and_then(|s| s.identity.as_ref())
        .map(|i| i.uuid);
    let mut makes = false;
    let mut what = format!("machine {vmid} on node {}", row.node);
    if observes {
        what.push_str(", which is only looked at");
    } else if let Some(uuid) = identity {
        let claim = Claim {
            uid: &uid,
            vmid,
            expected: uuid,
            recorded: Some(uuid),
            deleting: false,
            template: desired.template,
            late_call: None,
        };
        let sighting = Sighting::Guest {
            at: &at,
            config: &config,
            read_at: Instant::now(),
        };
        match placed::decide(&claim, &sighting, None) {
            Step::Act(_) => {}
            Step::Remark(_) => what.push_str(", whose mark is written again"),
            Step::Hold(why) => return Ok(Found::nothing(status::hold(why, vmid, &uid).message)),
            _ => {
                let what =
                    format!("machine {vmid} is not the one that this resource had: nothing is done to it");
                return Ok(Found::nothing(what));
            }
        }
    } else if machine.status.as_ref().is_some_and(|s| s.vmid.is_some()) {
        return Ok(Found::nothing(format!(
            "machine {vmid} is being made: look again when it is there"
        )));
    } else {
        makes = true;
        what.push_str(", which is adopted if the annotation drover.dev/adopt says so");
    }
    let moving = if observes {
        None
    } else {
        moving(machine, host, row, power)
    };
    let managed = Managed::of(&machine.status.clone().unwrap_or_default());
    let ha = match &desired.high_availability {
        Some(_) => Some(driver.high_availability(&at).await?),
        None => None,
    };
    let seen = Seen {
        config: &config,
        power,
        // A Secret is sent again when it changes; what was sent, the status knows.
        password_sent: None,
        managed: &managed,
        pool: row.pool.as_deref().map_or(SeenPool::None, SeenPool::In),
        reboot: Reboot::No,
        high_availability: SeenHa::of(ha.as_ref()),
        moving: moving.as_ref(),
    };
    let desired = &mut desired.clone();
    if let Some(identity) = identity {
        seed::settle(desired, &config.next, identity);
    }
    let plan = guest::plan(desired, seen);
    Ok(told(machine, desired, &plan, (power, &managed), (what, makes)))
}

/// What a plan is for a person; `makes`: it begins with an adoption.
fn told(
    machine: &VirtualMachine,
    desired: &Desired,
    plan: &Plan,
    (power, managed): (PowerState, &Managed),
    (mut what, makes): (String, bool),
) -> Found {
    let stored = machine.status.clone().unwrap_or_default();
    let reported = status::only_reports(machine, &stored);
    let differences = preview::lines(plan, power, managed, reported);
    let mut lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    let told = differences
        .iter()
        .filter(|line| line.effect == Effect::Reported)
        .count();
    lines.extend(preview::steps(plan));
    let count = lines.len() - told + usize::from(makes);
    if let Some(problem) = &plan.problem {
        lines.push(format!("needs a person: {}", problem.told().1));
    }
    if desired
        .cloud_init
        .as_ref()
        .is_some_and(DesiredCloudInit::needs_secrets)
    {
        lines.push("what its Secrets hold is not looked at here".to_owned());
    }
    if lines.is_empty() && !makes {
        what.push_str(": as declared");
    }
    Found { what, lines, count }
}
