//! Makes resources for what is found on a host that none speaks of: its machines, and the other members of its cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::ResourceExt;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};

use crate::api::conditions::reason;
use crate::api::names::MANAGER;
use crate::api::{Host, ProxmoxNode, VirtualMachine};
use crate::controllers::journal::Entry;
use crate::controllers::{Context, Error};
use crate::fleet::{Cluster, NumberPresence};
use crate::model::{GuestId, GuestKind, NodeName};
use crate::plan::discovery;

/// How many resources one pass makes or removes.
const A_PASS: usize = 20;

/// Makes and removes them; returns whether more is to be done.
pub(super) async fn discover(
    ctx: &Context,
    host: &Host,
    cluster: &Cluster,
    node: &NodeName,
) -> Result<bool, Error> {
    if let Some(node) = host
        .proxmox()
        .filter(|node| node.spec.discover_members == Some(true))
    {
        members(ctx, host, node, cluster).await?;
    }
    match discovery::namespace(host) {
        Some(namespace) => machines(ctx, host, cluster, node, namespace).await,
        None => Ok(false),
    }
}

async fn members(
    ctx: &Context,
    host: &Host,
    declaring: &ProxmoxNode,
    cluster: &Cluster,
) -> Result<(), Error> {
    let all = ctx.all_hosts();
    let hosts: Vec<&ProxmoxNode> = all.iter().filter_map(|h| h.proxmox().map(Arc::as_ref)).collect();
    let id = cluster.id().as_str();
    let here = |h: &ProxmoxNode| {
        let found = h
            .status
            .as_ref()
            .and_then(|s| s.cluster.as_ref())
            .is_some_and(|c| c.id == id);
        let through = h
            .spec
            .connection_ref
            .as_ref()
            .is_some_and(|r| r.name == host.name_any());
        found || through
    };
    let node_of = |h: &ProxmoxNode| {
        h.spec
            .node_name
            .clone()
            .or_else(|| h.status.as_ref()?.node_name.clone())
    };
    let declared: BTreeSet<String> = hosts
        .iter()
        .filter(|h| here(h))
        .filter_map(|h| node_of(h))
        .collect();
    // One that was just declared was not looked at yet.
    if hosts.iter().any(|h| node_of(h).is_none()) {
        return Ok(());
    }
    let snapshot = cluster.snapshot();
    let members: Vec<String> = snapshot
        .status
        .members
        .iter()
        .map(|m| m.name.to_string())
        .collect();
    let api: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    let taken = hosts.iter().map(|h| h.name_any()).collect();
    for member in discovery::members(declaring, &members, &declared, &taken) {
        let (name, node) = (
            member.name_any(),
            member.spec.node_name.clone().unwrap_or_default(),
        );
        if made(ctx, "ProxmoxNode", api.create(&params(), &member).await)? {
            let told = format!("made ProxmoxNode '{name}' for node {node} of the cluster");
            announce(ctx, host, told).await;
        }
    }
    Ok(())
}

async fn machines(
    ctx: &Context,
    host: &Host,
    cluster: &Cluster,
    node: &NodeName,
    namespace: &str,
) -> Result<bool, Error> {
    let name = host.name_any();
    let all = ctx.all_machines();
    let snapshot = cluster.snapshot();
    let of_cluster: BTreeSet<String> = {
        let hosts = ctx.all_hosts();
        let here = hosts.iter().filter(|h| {
            h.status
                .as_ref()
                .and_then(|s| s.cluster.as_ref())
                .is_some_and(|c| c.id == cluster.id().as_str())
        });
        here.map(|h| h.name_any()).collect()
    };
    let here = |m: &VirtualMachine| {
        m.spec.host_ref.kind == host.kind() && of_cluster.contains(&m.spec.host_ref.name)
    };
    // One that somebody took over into another namespace is theirs, whatever its label says.
    let is_shown = |m: &VirtualMachine| {
        discovery::is_discovered(m, &name) && m.metadata.namespace.as_deref() == Some(namespace)
    };
    let mut left = A_PASS;
    let own: BTreeSet<GuestId> = all
        .iter()
        .filter(|m| here(m) && !is_shown(m))
        .filter_map(|m| discovery::number(m))
        .collect();
    let mut shown = BTreeSet::new();
    let mut doubtful = false;
    for machine in all.iter().filter(|m| is_shown(m)) {
        let Some(id) = discovery::number(machine) else {
            continue;
        };
        shown.insert(id);
        if machine.metadata.deletion_timestamp.is_some() || left == 0 {
            continue;
        }
        let spoken_of = own.contains(&id);
        if !spoken_of && snapshot.guest(id).is_some() {
            continue;
        }
        if !spoken_of && (doubtful || !is_gone(cluster, id).await) {
            // The list lacks what may be there, as that of a token that lost its rights: none of the others is asked for.
            doubtful = true;
            continue;
        }
        left -= 1;
        remove(ctx, machine).await?;
        let why = if spoken_of {
            "another resource speaks of it"
        } else {
            "it is gone"
        };
        announce(ctx, host, format!("machine {id} is shown no longer: {why}")).await;
    }
    let found = snapshot.guests.values().filter(|row| {
        let named = row.name.is_some() && row.node == *node;
        named && row.kind == GuestKind::VirtualMachine && !own.contains(&row.id) && !shown.contains(&row.id)
    });
    let api: Api<VirtualMachine> = Api::namespaced(ctx.client.clone(), namespace);
    for row in found {
        if left == 0 {
            return Ok(true);
        }
        left -= 1;
        let observer = discovery::observer(row, (host.kind(), &name), namespace);
        let title = format!("{namespace}/{}", observer.name_any());
        if made(ctx, "VirtualMachine", api.create(&params(), &observer).await)? {
            announce(
                ctx,
                host,
                format!("machine {} is shown as VirtualMachine {title}", row.id),
            )
            .await;
        }
    }
    Ok(left == 0)
}

/// Whether no guest has the number, by the cluster's own word.
async fn is_gone(cluster: &Cluster, id: GuestId) -> bool {
    matches!(cluster.confirm_gone(id).await, Ok(NumberPresence::Free))
}

/// Only a resource that looks on: its machine, if there is one, is not touched by that.
async fn remove(ctx: &Context, machine: &VirtualMachine) -> Result<(), Error> {
    let namespace = machine.namespace().unwrap_or_default();
    let api: Api<VirtualMachine> = Api::namespaced(ctx.client.clone(), &namespace);
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: machine.uid(),
            resource_version: machine.resource_version(),
        }),
        ..DeleteParams::default()
    };
    ctx.runtime.metrics.kubernetes_write("VirtualMachine", "delete");
    match api.delete(&machine.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()).map_err(Error::from),
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// Whether it was made; one that is there already is not.
fn made<K>(ctx: &Context, kind: &'static str, result: Result<K, kube::Error>) -> Result<bool, Error> {
    ctx.runtime.metrics.kubernetes_write(kind, "create");
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn announce(ctx: &Context, host: &Host, note: String) {
    tracing::info!(host.name = host.name_any(), "{note}");
    let entry = Entry::normal(reason::DISCOVERED, note);
    ctx.journal.publish_on_host(host, vec![entry]).await;
}
