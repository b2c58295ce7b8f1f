//! What passes over machines note in the status of a host, before the last trace of it goes or a call is sent.

use std::sync::Arc;

use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};

use super::pass::Pass;
use super::site::Site;
use crate::api::ProxmoxNode;
use crate::api::names::MANAGER;
use crate::controllers::Error;
use crate::model::{GuestId, Vmid};

/// Notes with the host that a number was given.
pub(super) async fn spend(pass: &Pass<'_>, site: &Site, id: GuestId) -> Result<(), Error> {
    let host = pass
        .ctx
        .host(&site.host.name_any())
        .unwrap_or_else(|| Arc::clone(&site.host));
    let noted = host.status.as_ref().and_then(|s| s.highest_vmid).unwrap_or(0);
    // UUIDs are never given twice by themselves.
    let Some(vmid) = id.number().map(Vmid::get).filter(|vmid| *vmid > noted) else {
        return Ok(());
    };
    let highest = serde_json::json!({ "highestVmid": vmid });
    note(pass, &host, highest).await.map(|_| ())
}

/// Merges something into a host's status, unless somebody wrote in between.
pub(super) async fn note(
    pass: &Pass<'_>,
    host: &ProxmoxNode,
    status: serde_json::Value,
) -> Result<Arc<ProxmoxNode>, Error> {
    let patch = serde_json::json!({
        "metadata": { "resourceVersion": host.resource_version() },
        "status": status,
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<ProxmoxNode> = Api::all(pass.ctx.client.clone());
    pass.ctx.fence.check()?;
    let written = api
        .patch_status(&host.name_any(), &params, &Patch::Merge(&patch))
        .await;
    match written {
        Ok(host) => {
            pass.ctx
                .runtime
                .metrics
                .kubernetes_write("ProxmoxNode", "patch-status");
            Ok(pass.ctx.hosts.wrote(host))
        }
        Err(error) => {
            if let Some(uid) = host.uid() {
                pass.ctx.hosts.forget(&uid);
            }
            Err(error.into())
        }
    }
}
