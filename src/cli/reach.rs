//! Reaches the cluster and its hosts, for the commands that only look.

use std::borrow::Borrow;
use std::sync::Arc;

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::{Failure, mistakes::Mistakes, run};
use crate::api::{Host, HostObject, LibvirtHost, ProxmoxNode};
use crate::controllers::host::connection;
use crate::hypervisor::proxmox::Proxmox;
use crate::hypervisor::{Error, Hypervisor};
use crate::model::{ClusterId, ClusterStatus, NodeName};
use crate::runtime::Fence;

/// How the cluster is reached.
#[derive(Debug, clap::Args)]
pub(super) struct Reach {
    /// How the cluster with the hosts is reached, as kubectl has it
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<String>,
    /// The kubeconfig's context to use [default: its current one]
    #[arg(long, env = "DROVER_CONTEXT", value_name = "NAME")]
    context: Option<String>,
}

impl Reach {
    /// A client of the cluster.
    pub(super) async fn client(&self, mut mistakes: Mistakes) -> Result<kube::Client, Failure> {
        let cluster = run::cluster(self.kubeconfig.as_deref(), self.context.clone()).await;
        let cluster = match cluster {
            Ok(cluster) => Some(cluster),
            Err(wrong) => {
                mistakes.add(
                    "--kubeconfig (KUBECONFIG)",
                    format_args!("{wrong:#}"),
                    "give the file that reaches the cluster with the hosts",
                );
                None
            }
        };
        mistakes.check()?;
        let cluster = cluster.context("no cluster is named")?;
        Ok(kube::Client::try_from(cluster).context("can't make a Kubernetes client")?)
    }
}

/// The hosts of all kinds that are declared.
pub(super) async fn all_hosts(client: &kube::Client) -> anyhow::Result<Vec<Arc<Host>>> {
    let nodes = hosts(client).await?.into_iter().map(Host::from);
    let libvirt = Api::<LibvirtHost>::all(client.clone());
    let libvirt = libvirt.list(&ListParams::default()).await;
    let libvirt = libvirt.context("can't list the LibvirtHosts")?.items;
    let libvirt = libvirt.into_iter().map(Host::from);
    Ok(nodes.chain(libvirt).map(Arc::new).collect())
}

/// A driver for a host of any kind.
pub(super) async fn driver_of(
    client: &kube::Client,
    host: &Host,
    hosts: &[Arc<Host>],
) -> anyhow::Result<Arc<dyn Hypervisor>> {
    match &host.object {
        HostObject::Proxmox(node) => Ok(Arc::new(driver(client, node, &nodes(hosts)).await?)),
        HostObject::Libvirt(_) => bail!("machines on libvirt can't be looked at by this command yet"),
    }
}

fn nodes(hosts: &[Arc<Host>]) -> Vec<&ProxmoxNode> {
    let nodes = hosts.iter().filter_map(|host| host.proxmox());
    nodes.map(Arc::as_ref).collect()
}

/// The nodes of Proxmox VE that are declared.
pub(super) async fn hosts(client: &kube::Client) -> anyhow::Result<Vec<ProxmoxNode>> {
    let hosts = Api::<ProxmoxNode>::all(client.clone());
    let hosts = hosts.list(&ListParams::default()).await;
    Ok(hosts.context("can't list the ProxmoxNodes")?.items)
}

/// The hosts that are named; all where none is.
pub(super) fn chosen<'a>(hosts: &'a [ProxmoxNode], names: &[String]) -> anyhow::Result<Vec<&'a ProxmoxNode>> {
    let known: Vec<String> = hosts.iter().map(ResourceExt::name_any).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        bail!(
            "there is no ProxmoxNode '{name}'; there are: {}",
            known.join(", ")
        );
    }
    let is_chosen = |host: &&ProxmoxNode| names.is_empty() || names.contains(&host.name_any());
    Ok(hosts.iter().filter(is_chosen).collect())
}

/// A driver for a host.
pub(super) async fn driver(
    client: &kube::Client,
    host: &ProxmoxNode,
    hosts: &[impl Borrow<ProxmoxNode>],
) -> anyhow::Result<Proxmox> {
    let main = match &host.spec.connection_ref {
        None => host,
        Some(named) => hosts
            .iter()
            .map(Borrow::borrow)
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
    Ok(Proxmox::connect(&connection)?)
}

/// A host by which the machines of another one are looked at that does not answer.
pub(super) struct Member {
    /// Its name.
    pub(super) name: String,
    pub(super) driver: Arc<dyn Hypervisor>,
    /// The node that the other one is.
    pub(super) node: NodeName,
    pub(super) cluster: ClusterId,
    /// Whether the cluster has a majority.
    pub(super) quorate: bool,
}

/// Whether a host, or the node that it is, does not answer.
pub(super) const fn is_silent(error: &Error) -> bool {
    matches!(
        error,
        Error::Connect { .. } | Error::AnswerLost { .. } | Error::NodeUnreachable { .. }
    )
}

/// The first of the other hosts of the same cluster that answers, and says that the host's node is a member of it.
pub(super) async fn another_member(
    client: &kube::Client,
    host: &Host,
    hosts: &[Arc<Host>],
) -> Option<Member> {
    let host = host.proxmox()?;
    let hosts = &nodes(hosts);
    let status = host.status.as_ref()?;
    let cluster = status.cluster.as_ref()?.id.parse::<ClusterId>().ok()?;
    let node: NodeName = status.node_name.as_ref()?.parse().ok()?;
    let asked = host.spec.connection_ref.as_ref().map(|named| named.name.clone());
    let asked = asked.unwrap_or_else(|| host.name_any());
    for other in hosts.iter().copied() {
        let said = other.status.as_ref().and_then(|s| s.cluster.as_ref());
        let same = said.is_some_and(|said| said.id == cluster.as_str());
        if !same || other.spec.connection_ref.is_some() || other.name_any() == asked {
            continue;
        }
        let Ok(driver) = driver(client, other, hosts).await else {
            continue;
        };
        let Ok(status) = driver.cluster_status().await else {
            continue;
        };
        let Ok(own) = self::node(other, &status) else {
            continue;
        };
        // The answer of another cluster says nothing of the host's machines.
        let confirmed = driver.cluster_id(&own).await.is_ok_and(|id| id == cluster);
        if confirmed && status.members.iter().any(|member| member.name == node) {
            return Some(Member {
                name: other.name_any(),
                driver: Arc::new(driver),
                node,
                cluster,
                quorate: status.quorate,
            });
        }
    }
    None
}

/// The node that a host is, where that is known.
pub(super) fn node_of(host: &ProxmoxNode) -> Option<&str> {
    let pinned = host.status.as_ref().and_then(|s| s.node_name.as_deref());
    host.spec.node_name.as_deref().or(pinned)
}

/// The node that a host is; one that names none and was not seen yet is the one that answers.
pub(super) fn node(host: &ProxmoxNode, status: &ClusterStatus) -> anyhow::Result<NodeName> {
    if let Some(name) = node_of(host) {
        return name.parse().context("spec.nodeName");
    }
    let local = status.members.iter().find(|member| member.local);
    let local = local.map(|member| member.name.clone());
    local.context("the host does not say which node it is")
}

/// The same of a host of any kind.
pub(super) fn node_of_host(host: &Host, status: &ClusterStatus) -> anyhow::Result<NodeName> {
    if let Some(node) = host.proxmox() {
        return self::node(node, status);
    }
    let local = status.members.iter().find(|member| member.local);
    let local = local.map(|member| member.name.clone());
    local.context("the host does not say what it is called")
}

/// The UID of the Kubernetes cluster, as marks name it.
pub(super) async fn cluster_uid(client: &kube::Client) -> anyhow::Result<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let own = namespaces.get("kube-system").await;
    let own = own.context("can't read the namespace kube-system, whose UID marks name")?;
    Ok(own.uid().unwrap_or_default())
}
