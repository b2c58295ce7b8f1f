//! Installs the definitions of Drover's kinds, and waits until the API server serves them.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use tokio::time::{Instant, sleep, timeout_at};

/// The owner of the fields of what Drover installs, as server-side apply names it.
const FIELD_MANAGER: &str = "drover";
const INTERVAL: Duration = Duration::from_millis(100);

/// Why the definitions are not there.
#[derive(Debug, thiserror::Error)]
pub enum InstallCrds {
    /// The API server refused one.
    #[error("can't apply the definition {name}")]
    Apply {
        /// Its name.
        name: String,
        /// The API server's answer.
        source: Box<kube::Error>,
    },
    /// One was taken but is not served.
    #[error("the API server does not serve {name}, {} s after its definition was applied", after.as_secs())]
    NotServed {
        /// The definition's name.
        name: String,
        /// How long was waited.
        after: Duration,
    },
}

/// Applies the definitions with server-side apply, and waits until each kind can be listed: `Established`
/// alone comes a moment before that.
pub async fn install_crds(
    client: &Client,
    crds: &[CustomResourceDefinition],
    within: Duration,
) -> Result<(), InstallCrds> {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    let params = PatchParams::apply(FIELD_MANAGER).force();
    for crd in crds {
        let name = crd.metadata.name.clone().unwrap_or_default();
        let applied = api.patch(&name, &params, &Patch::Apply(crd)).await;
        applied.map_err(|source| InstallCrds::Apply {
            name,
            source: Box::new(source),
        })?;
    }
    let deadline = Instant::now() + within;
    for crd in crds {
        let served = timeout_at(deadline, served(client, &api, crd)).await;
        served.map_err(|_elapsed| InstallCrds::NotServed {
            name: crd.metadata.name.clone().unwrap_or_default(),
            after: within,
        })?;
    }
    tracing::info!(
        definitions = crds.len(),
        "the definitions of Drover's kinds are installed"
    );
    Ok(())
}

async fn served(client: &Client, api: &Api<CustomResourceDefinition>, crd: &CustomResourceDefinition) {
    let name = crd.metadata.name.as_deref().unwrap_or_default();
    while !api.get(name).await.is_ok_and(|crd| is_established(&crd)) {
        sleep(INTERVAL).await;
    }
    for version in crd.spec.versions.iter().filter(|version| version.served) {
        let names = &crd.spec.names;
        let kind = GroupVersionKind::gvk(&crd.spec.group, &version.name, &names.kind);
        let kind = ApiResource::from_gvk_with_plural(&kind, &names.plural);
        let objects = Api::<DynamicObject>::all_with(client.clone(), &kind);
        while objects.list(&ListParams::default().limit(1)).await.is_err() {
            sleep(INTERVAL).await;
        }
    }
}

fn is_established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}
