//! `drover doctor`: whether the hosts are as Drover needs them, and what to do where they are not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use kube::ResourceExt;

use super::{
    Failure,
    mistakes::Mistakes,
    reach::{self, Reach},
    say,
};
use crate::api::ProxmoxNode;
use crate::hypervisor::Hypervisor;
use crate::model::{GuestKind, HostVersion, NodeName, Overview};
use crate::plan::checkup::{self, Check, DeclaredNode, Verdict};
use crate::plan::identity::mark::{self, MarkReading};
use crate::plan::privileges;
use crate::runtime::Clock;

/// The flags of `drover doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Only this ProxmoxNode; may be given several times [default: all]
    #[arg(long, env = "DROVER_DOCTOR_HOST", value_name = "NAME", value_delimiter = ',')]
    host: Vec<String>,
}

pub(super) fn main(arguments: &Args, mistakes: Mistakes) -> Result<(), Failure> {
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    let wrong = tokio.block_on(async {
        let client = arguments.reach.client(mistakes).await?;
        examine(arguments, &client).await.map_err(Failure::from)
    })?;
    match wrong {
        0 => {
            say("nothing is wrong\n");
            Ok(())
        }
        1 => Err(Failure::Failed(anyhow::anyhow!(
            "one check found something wrong"
        ))),
        wrong => Err(Failure::Failed(anyhow::anyhow!(
            "{wrong} checks found something wrong"
        ))),
    }
}

async fn examine(arguments: &Args, client: &kube::Client) -> anyhow::Result<usize> {
    let hosts = reach::hosts(client).await?;
    let chosen = reach::chosen(&hosts, &arguments.host)?;
    if chosen.is_empty() {
        bail!("no ProxmoxNode is declared");
    }
    let own = reach::cluster_uid(client).await?;
    let mut wrong = 0;
    let mut seen = Seen::default();
    for host in chosen {
        say(&format!("ProxmoxNode {}\n", host.name_any()));
        let mut checks = namesakes(host, &hosts);
        match of_host(client, host, &hosts, &own, &mut seen).await {
            Ok(found) => checks.extend(found),
            Err(error) => checks.push(Check::wrong("connection", format!("{error:#}"))),
        }
        for check in checks {
            wrong += usize::from(check.verdict == Verdict::Wrong);
            say(&format!("  {check}\n"));
        }
    }
    Ok(wrong)
}

/// Other resources for the same node, and for nodes of its name.
fn namesakes(host: &ProxmoxNode, hosts: &[ProxmoxNode]) -> Vec<Check> {
    let declared = |host: &ProxmoxNode| {
        let status = host.status.as_ref()?;
        Some(DeclaredNode {
            resource: host.name_any(),
            cluster: status.cluster.as_ref()?.id.clone(),
            node: reach::node_of(host)?.to_owned(),
        })
    };
    let all: Vec<DeclaredNode> = hosts.iter().filter_map(declared).collect();
    declared(host).map_or_else(Vec::new, |own| checkup::namesakes(&own, &all))
}

async fn of_host(
    client: &kube::Client,
    host: &ProxmoxNode,
    hosts: &[ProxmoxNode],
    own: &str,
    seen: &mut Seen,
) -> anyhow::Result<Vec<Check>> {
    let driver = reach::driver(client, host, hosts).await?;
    let version = driver.version().await?;
    let user = driver.user().to_owned();
    let mut checks = vec![Check::fine(
        "connection",
        format!("it answers, its certificate is trusted, and it knows {user}"),
    )];
    checks.push(checkup::version(&version));
    // First what may be the reason of all that follows.
    let permissions = driver.permissions().await?;
    checks.push(checkup::rights(
        &privileges::missing(&permissions, version.major, &host.spec),
        &user,
    ));
    checks.extend(checkup::optional_rights(
        &privileges::optional(&permissions, version.major, &host.spec),
        &user,
    ));
    match of_cluster(&driver, host, hosts, own, seen).await {
        Ok(found) => checks.extend(found),
        Err(error) => checks.push(Check::wrong(
            "cluster",
            format!("it can't be looked at: {error:#}"),
        )),
    }
    Ok(checks)
}

async fn of_cluster(
    driver: &impl Hypervisor,
    host: &ProxmoxNode,
    hosts: &[ProxmoxNode],
    own: &str,
    seen: &mut Seen,
) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    let status = driver.cluster_status().await?;
    let node = reach::node(host, &status)?;
    checks.push(checkup::cluster(&status, node.as_str()));
    if !status
        .members
        .iter()
        .any(|member| member.name == node && member.online)
    {
        return Ok(checks);
    }
    let cluster = driver.cluster_id(&node).await?.as_str().to_owned();
    let online = status.members.iter().filter(|member| member.online);
    let online: Vec<&NodeName> = online.map(|member| &member.name).collect();
    if seen.clusters.insert(cluster.clone()) {
        checks.extend(checkup::versions(&versions(driver, &online).await));
    }
    let told = driver.clock(&node).await?;
    checks.push(checkup::clock(told, Clock::system().now().as_second()));
    let overview = driver.overview().await?;
    checks.extend(checkup::storages(&host.spec, node.as_str(), &overview.storages));
    let bridges = driver.bridges(&node).await?;
    checks.extend(checkup::bridges(&host.spec, node.as_str(), &bridges));
    let nodes = seen.nodes_for(&cluster, &node, &online, hosts);
    let found = marks(driver, &overview, &nodes).await?;
    checks.extend(checkup::marks(&found, own, &nodes));
    Ok(checks)
}

/// What was looked at for a host before.
#[derive(Debug, Default)]
struct Seen {
    clusters: BTreeSet<String>,
    nodes: BTreeSet<(String, String)>,
}

impl Seen {
    /// The nodes whose machines are looked at for a host: its own, and those for which no resource stands.
    fn nodes_for(
        &mut self,
        cluster: &str,
        own: &NodeName,
        online: &[&NodeName],
        hosts: &[ProxmoxNode],
    ) -> Vec<String> {
        let of_cluster = |host: &&ProxmoxNode| {
            let known = host.status.as_ref().and_then(|status| status.cluster.as_ref());
            known.is_some_and(|known| known.id == cluster)
        };
        let declared: Vec<&str> = hosts
            .iter()
            .filter(of_cluster)
            .filter_map(reach::node_of)
            .collect();
        let is_due = |node: &&&NodeName| **node == own || !declared.contains(&node.as_str());
        let due = online.iter().filter(is_due).map(ToString::to_string);
        due.filter(|node| self.nodes.insert((cluster.to_owned(), node.clone())))
            .collect()
    }
}

/// The version of each member that answers.
async fn versions(driver: &impl Hypervisor, members: &[&NodeName]) -> BTreeMap<String, HostVersion> {
    let mut found = BTreeMap::new();
    for node in members {
        if let Ok(version) = driver.node_version(node).await {
            found.insert(node.to_string(), version);
        }
    }
    found
}

/// How many machines of some nodes carry the mark of which Kubernetes cluster.
async fn marks(
    driver: &impl Hypervisor,
    overview: &Overview,
    nodes: &[String],
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for row in &overview.guests {
        if row.kind != GuestKind::VirtualMachine || !nodes.iter().any(|node| *node == row.node.as_str()) {
            continue;
        }
        // One that goes or moves meanwhile is not counted.
        let Ok(config) = driver.guest_config(&row.address()).await else {
            continue;
        };
        if let MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) = mark::read(row.id, &config) {
            *found.entry(mark.cluster).or_default() += 1;
        }
    }
    Ok(found)
}
