//! What is asked of and written to the Kubernetes API about a host.

use std::sync::Arc;

use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::{Resource, ResourceExt};

use super::controller::KIND;
use crate::api::names::{GUEST_FINALIZER, HOST_FINALIZER, MANAGER};
use crate::api::{ProxmoxNode, ProxmoxNodeStatus, VirtualMachine};
use crate::controllers::{Context, Error};

/// Who refers to a host, asked of the API server itself: the cache may lag.
pub(super) async fn users(ctx: &Context, name: &str) -> Result<Vec<String>, Error> {
    let machines: Api<VirtualMachine> = Api::all(ctx.client.clone());
    let machines = machines.list(&ListParams::default()).await?;
    let mut users: Vec<String> = machines
        .iter()
        .filter(|m| m.spec.host_ref.name == name || is_placed(m, name))
        .filter(|m| m.finalizers().iter().any(|f| f == GUEST_FINALIZER))
        .map(|m| {
            format!(
                "VirtualMachine {}/{}",
                m.namespace().unwrap_or_default(),
                m.name_any()
            )
        })
        .collect();
    let hosts: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    let hosts = hosts.list(&ListParams::default()).await?;
    users.extend(
        hosts
            .iter()
            .filter(|h| h.spec.connection_ref.as_ref().is_some_and(|r| r.name == name))
            .map(|h| format!("ProxmoxNode {}", h.name_any())),
    );
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
pub(super) async fn write_finalizers(
    ctx: &Context,
    host: &ProxmoxNode,
    wanted: bool,
) -> Result<Arc<ProxmoxNode>, Error> {
    let mut finalizers = host.finalizers().to_vec();
    finalizers.retain(|f| f != HOST_FINALIZER);
    if wanted {
        finalizers.push(HOST_FINALIZER.to_owned());
    }
    let patch = serde_json::json!({
        "metadata": { "resourceVersion": host.meta().resource_version, "finalizers": finalizers }
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    ctx.runtime.metrics.kubernetes_write(KIND, "patch");
    let written = api
        .patch(&host.name_any(), &params, &Patch::Merge(&patch))
        .await?;
    Ok(if wanted {
        ctx.hosts.wrote(written)
    } else {
        Arc::new(written)
    })
}

/// Writes the status if it differs from the stored one, unless somebody wrote in between.
pub(super) async fn save(
    ctx: &Context,
    host: &Arc<ProxmoxNode>,
    status: ProxmoxNodeStatus,
) -> Result<Arc<ProxmoxNode>, Error> {
    if host.status.as_ref() == Some(&status) {
        return Ok(Arc::clone(host));
    }
    let mut object = host.as_ref().clone();
    object.status = Some(status);
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let api: Api<ProxmoxNode> = Api::all(ctx.client.clone());
    let written = api.replace_status(&host.name_any(), &params, &object).await;
    if written.is_err()
        && let Some(uid) = host.uid()
    {
        ctx.hosts.forget(&uid);
    }
    ctx.runtime.metrics.kubernetes_write(KIND, "update-status");
    Ok(ctx.hosts.wrote(written?))
}
