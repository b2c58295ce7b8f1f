//! `drover export`: machines that exist, as declarations that adopt them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::{Failure, complain, mistakes::Mistakes, run, say};
use crate::api::ProxmoxNode;
use crate::controllers::proxmox_node::connection;
use crate::hypervisor::Hypervisor as _;
use crate::hypervisor::proxmox::Proxmox;
use crate::model::{GuestAddress, GuestKind, Vmid};
use crate::plan::export::{self, Declared};
use crate::runtime::Fence;

/// The flags of `drover export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the cluster with the hosts is reached, as kubectl has it
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<String>,
    /// The kubeconfig's context to use [default: its current one]
    #[arg(long, env = "DROVER_CONTEXT", value_name = "NAME")]
    context: Option<String>,
    /// Only machines on this ProxmoxNode; may be given several times [default: all]
    #[arg(long, env = "DROVER_EXPORT_HOST", value_name = "NAME", value_delimiter = ',')]
    host: Vec<String>,
    /// Only machines with these numbers; may be given several times [default: all]
    #[arg(long, env = "DROVER_EXPORT_VMID", value_name = "VMID", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(100..=999_999_999))]
    vmid: Vec<u32>,
    /// The namespace of the declarations [default: none is written]
    #[arg(long, short, env = "DROVER_EXPORT_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// Only look on: managementPolicy Observe, instead of adoption
    #[arg(long, env = "DROVER_EXPORT_OBSERVE", value_parser = clap::builder::FalseyValueParser::new())]
    observe: bool,
}

pub(super) fn main(arguments: &Args, mut mistakes: Mistakes) -> Result<(), Failure> {
    let tokio = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    let cluster = tokio.block_on(run::cluster(
        arguments.kubeconfig.as_deref(),
        arguments.context.clone(),
    ));
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(wrong) => {
            mistakes.add(
                "--kubeconfig (KUBECONFIG)",
                format_args!("{wrong:#}"),
                "give the file that reaches the cluster with the hosts",
            );
            mistakes.check()?;
            return Ok(());
        }
    };
    tokio.block_on(export(arguments, cluster)).map_err(Failure::from)
}

async fn export(arguments: &Args, cluster: kube::Config) -> anyhow::Result<()> {
    let client = kube::Client::try_from(cluster).context("can't make a Kubernetes client")?;
    let hosts = Api::<ProxmoxNode>::all(client.clone());
    let hosts = hosts.list(&ListParams::default()).await;
    let hosts = hosts.context("can't list the ProxmoxNodes")?.items;
    for name in &arguments.host {
        if !hosts.iter().any(|host| host.name_any() == *name) {
            let known: Vec<String> = hosts.iter().map(ResourceExt::name_any).collect();
            bail!(
                "there is no ProxmoxNode '{name}'; there are: {}",
                known.join(", ")
            );
        }
    }
    let wanted = |host: &&ProxmoxNode| arguments.host.is_empty() || arguments.host.contains(&host.name_any());
    let mut numbers: BTreeSet<u32> = arguments.vmid.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for host in hosts.iter().filter(wanted) {
        let found = of_host(arguments, &client, host, &hosts).await;
        let found = found.with_context(|| format!("ProxmoxNode '{}'", host.name_any()))?;
        for vmid in found {
            numbers.remove(&vmid.get());
            seen.insert(vmid);
        }
    }
    if let Some(missing) = numbers.first() {
        bail!(
            "no host shows a virtual machine {missing}; if it exists, the token lacks VM.Audit on /vms/{missing}"
        );
    }
    complain(&format!("drover: {} machines looked at\n", seen.len()));
    Ok(())
}

/// Prints the machines of one host; returns their numbers.
async fn of_host(
    arguments: &Args,
    client: &kube::Client,
    host: &ProxmoxNode,
    hosts: &[ProxmoxNode],
) -> anyhow::Result<Vec<Vmid>> {
    let main = match &host.spec.connection_ref {
        None => host,
        Some(named) => hosts
            .iter()
            .find(|other| other.name_any() == named.name)
            .with_context(|| format!("there is no ProxmoxNode '{}' (spec.connectionRef)", named.name))?,
    };
    let named = main
        .spec
        .credentials_ref
        .as_ref()
        .context("spec.credentialsRef is missing")?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &named.namespace);
    let secret = secrets
        .get_opt(&named.name)
        .await
        .context("can't read its Secret")?;
    let secret = secret.with_context(|| {
        format!(
            "there is no Secret '{}' in the namespace '{}'",
            named.name, named.namespace
        )
    })?;
    let connection =
        connection(&main.spec, &secret, Fence::open()).map_err(|problem| anyhow::anyhow!(problem.message))?;
    let driver = Proxmox::connect(&connection)?;
    let overview = driver.overview().await?;
    let node = host
        .spec
        .node_name
        .clone()
        .or_else(|| host.status.as_ref().and_then(|s| s.node_name.clone()));
    let here = |name: &str| node.as_deref().is_none_or(|node| node == name);
    let chosen = |vmid: Vmid| arguments.vmid.is_empty() || arguments.vmid.contains(&vmid.get());
    let mut found = Vec::new();
    for row in &overview.guests {
        let machine = row.kind == GuestKind::VirtualMachine;
        if !machine || !here(row.node.as_str()) || !chosen(row.vmid) {
            continue;
        }
        found.push(row.vmid);
        let at = GuestAddress {
            node: row.node.clone(),
            vmid: row.vmid,
        };
        let config = driver.guest_config(&at).await?;
        match export::declaration(row, &config, &host.name_any(), arguments.observe) {
            Declared::Owned(owner) => {
                complain(&format!(
                    "drover: machine {} is kept by {owner} already\n",
                    row.vmid
                ));
            }
            Declared::Machine(mut machine) => {
                machine.metadata.namespace.clone_from(&arguments.namespace);
                let text = serde_yaml::to_string(&machine).context("can't write a machine as YAML")?;
                say(&format!("---\n{text}"));
            }
        }
    }
    Ok(found)
}
