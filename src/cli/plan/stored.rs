//! A declaration as the API server would store it: that has checked it, and knows what became of the resource so far.

use kube::api::{ObjectMeta, PostParams};
use kube::{Api, ResourceExt};

use crate::api::VirtualMachine;

/// How often a resource is asked for anew that somebody writes at the same time.
const ATTEMPTS: usize = 8;

/// Has the API server check it, and store nothing.
pub(super) async fn stored(
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
        let Some(live) = api.get_opt(&name).await.map_err(told)? else {
            return api.create(&dry, machine).await.map_err(told);
        };
        match replaced(&api, &dry, machine, live).await {
            // Somebody wrote in between, as the operator does.
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            other => return other.map_err(told),
        }
    }
    anyhow::bail!("the resource is written all the time: try again")
}

/// The API server says what is wrong with a declaration in one sentence.
fn told(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("the API server refuses it: {}", status.message),
        error => anyhow::Error::from(error).context("the API server can't be asked"),
    }
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
