//! What passes over machines note in the status of a host, before the last trace of it goes or a call is sent.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::ClusterResourceScope;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use super::pass::Pass;
use super::site::Site;
use crate::api::names::MANAGER;
use crate::api::{Host, HostObject, LibvirtHost, ProxmoxNode};
use crate::controllers::Error;
use crate::model::{GuestId, Vmid};

/// Notes with the host that a number was given.
pub(super) async fn spend(pass: &Pass<'_>, site: &Site, id: GuestId) -> Result<(), Error> {
    let host = pass
        .ctx
        .host(site.host.kind(), &site.host.name_any())
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
    host: &Host,
    status: serde_json::Value,
) -> Result<Arc<Host>, Error> {
    let patch = serde_json::json!({
        "metadata": { "resourceVersion": host.resource_version() },
        "status": status,
    });
    pass.ctx.fence.check()?;
    let client = pass.ctx.client.clone();
    let written = match &host.object {
        HostObject::Proxmox(_) => merge::<ProxmoxNode>(client, host, &patch).await,
        HostObject::Libvirt(_) => merge::<LibvirtHost>(client, host, &patch).await,
    };
    match written {
        Ok(written) => {
            let metrics = &pass.ctx.runtime.metrics;
            metrics.kubernetes_write(host.kind().as_str(), "patch-status");
            Ok(pass.ctx.hosts.wrote(written))
        }
        Err(error) => {
            if let Some(uid) = host.uid() {
                pass.ctx.hosts.forget(&uid);
            }
            Err(error.into())
        }
    }
}

async fn merge<K>(client: Client, host: &Host, patch: &serde_json::Value) -> Result<Host, kube::Error>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
    Host: From<K>,
{
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<K> = Api::all(client);
    let written = api
        .patch_status(&host.name_any(), &params, &Patch::Merge(patch))
        .await;
    written.map(Host::from)
}
