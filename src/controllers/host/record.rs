//! What is asked of and written to the Kubernetes API about a host.

use std::sync::Arc;

use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

use super::controller::Resource;
use crate::api::names::{GUEST_FINALIZER, HOST_FINALIZER, MANAGER};
use crate::api::{Host, HostKind, HostObject, HostStatus, LibvirtHost, ProxmoxNode, VirtualMachine};
use crate::controllers::{Context, Error};

/// Who refers to a host, asked of the API server itself: the cache may lag.
pub(super) async fn users(ctx: &Context, host: &Host) -> Result<Vec<String>, Error> {
    let (kind, name) = (host.kind(), host.name_any());
    let machines: Api<VirtualMachine> = Api::all(ctx.client.clone());
    let machines = machines.list(&ListParams::default()).await?;
    let mut users: Vec<String> = machines
        .iter()
        .filter(|m| m.spec.host_ref.kind == kind)
        .filter(|m| m.spec.host_ref.name == name || is_placed(m, &name))
        .filter(|m| m.finalizers().iter().any(|f| f == GUEST_FINALIZER))
        .map(|m| {
            format!(
                "VirtualMachine {}/{}",
                m.namespace().unwrap_or_default(),
                m.name_any()
            )
        })
        .collect();
    if kind == HostKind::ProxmoxNode {
        let hosts: Api<ProxmoxNode> = Api::all(ctx.client.clone());
        let hosts = hosts.list(&ListParams::default()).await?;
        users.extend(
            hosts
                .iter()
                .filter(|h| h.spec.connection_ref.as_ref().is_some_and(|r| r.name == name))
                .map(|h| format!("ProxmoxNode {}", h.name_any())),
        );
    }
    Ok(users)
}

/// Whether a machine that names another host meanwhile was placed for this one.
fn is_placed(machine: &VirtualMachine, name: &str) -> bool {
    let placed = machine.status.as_ref().and_then(|s| s.host.as_deref());
    placed == Some(name)
}

/// The first of them, and how many more.
pub(super) fn listed(users: &[String]) -> String {
    const MOST: usize = 5;
    let more = users.len().saturating_sub(MOST);
    let shown = users[..users.len().min(MOST)].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

/// Adds the finalizer or takes it off, unless somebody wrote in between.
pub(super) async fn write_finalizers(ctx: &Context, host: &Host, wanted: bool) -> Result<Arc<Host>, Error> {
    let mut finalizers = host.finalizers().to_vec();
    finalizers.retain(|f| f != HOST_FINALIZER);
    if wanted {
        finalizers.push(HOST_FINALIZER.to_owned());
    }
    let patch = json!({
        "metadata": { "resourceVersion": host.metadata.resource_version, "finalizers": finalizers }
    });
    ctx.runtime
        .metrics
        .kubernetes_write(host.kind().as_str(), "patch");
    let client = ctx.client.clone();
    let written = match host.kind() {
        HostKind::ProxmoxNode => patched::<ProxmoxNode>(client, host, &patch).await?,
        HostKind::LibvirtHost => patched::<LibvirtHost>(client, host, &patch).await?,
    };
    Ok(if wanted {
        ctx.hosts.wrote(written)
    } else {
        Arc::new(written)
    })
}

async fn patched<K: Resource>(client: Client, host: &Host, patch: &Value) -> Result<Host, kube::Error> {
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<K> = Api::all(client);
    let written = api.patch(&host.name_any(), &params, &Patch::Merge(patch)).await;
    written.map(Into::into)
}

/// Writes the status if it differs from the stored one, unless somebody wrote in between.
pub(super) async fn save(ctx: &Context, host: &Arc<Host>, status: HostStatus) -> Result<Arc<Host>, Error> {
    if host.status.as_ref() == Some(&status) {
        return Ok(Arc::clone(host));
    }
    let client = ctx.client.clone();
    let written = match &host.object {
        HostObject::Proxmox(node) => {
            let mut object = node.as_ref().clone();
            object.status = Some(status);
            replaced(client, &object).await
        }
        HostObject::Libvirt(host) => {
            let mut object = host.as_ref().clone();
            object.status = Some(status);
            replaced(client, &object).await
        }
    };
    if written.is_err()
        && let Some(uid) = host.uid()
    {
        ctx.hosts.forget(&uid);
    }
    ctx.runtime
        .metrics
        .kubernetes_write(host.kind().as_str(), "update-status");
    Ok(ctx.hosts.wrote(written?))
}

async fn replaced<K: Resource + Serialize>(client: Client, object: &K) -> Result<Host, kube::Error> {
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let api: Api<K> = Api::all(client);
    let written = api.replace_status(&object.name_any(), &params, object).await;
    written.map(Into::into)
}
