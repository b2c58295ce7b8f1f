//! What is read live before a machine is brought down for good: whether its namespace and its kind stand.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{CustomResourceExt as _, Resource, ResourceExt as _};

use super::pass::{Again, End, Flow, Pass, Stop};
use super::record;
use super::site::Site;
use crate::api::VirtualMachine;
use crate::api::conditions::reason;
use crate::api::names::DELETE_GUESTS;
use crate::controllers::journal::Entry;
use crate::model::GuestId;
use crate::plan::removal::{self, Kept, Life};

/// Whether the machine stays although its resource goes.
pub(super) async fn kept(pass: &Pass<'_>) -> Flow<Option<Kept>> {
    let client = &pass.ctx.client;
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let kind = live(kinds.get_opt(VirtualMachine::crd_name()).await)?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = live(namespaces.get_opt(&pass.vm.namespace().unwrap_or_default()).await)?;
    let annotation = namespace
        .as_ref()
        .and_then(|n| n.annotations().get(DELETE_GUESTS));
    let delete_guests = annotation.is_some_and(|value| value == "true");
    Ok(removal::kept(
        life(kind.as_ref()),
        life(namespace.as_ref()),
        delete_guests,
    ))
}

fn live<T>(read: kube::Result<Option<T>>) -> Flow<Option<T>> {
    read.map_err(|error| {
        let message = format!(
            "whether the namespace and the kind VirtualMachine are being deleted can't be read, and nothing is destroyed \
             until it can: {error}"
        );
        End::progressing(reason::DESTROYING, message, Again::Waiting).into()
    })
}

fn life(object: Option<&impl Resource>) -> Life {
    match object {
        Some(object) if object.meta().deletion_timestamp.is_none() => Life::Stands,
        Some(_) | None => Life::Ending,
    }
}

/// Lets the resource go, and leaves the machine with its mark as it is.
pub(super) async fn leave(pass: &mut Pass<'_>, site: &Site, id: GuestId, kept: Kept) -> Flow<End> {
    let note = format!(
        "machine {id} stays on the host as it is, marked and owned by nobody: {}",
        why(kept)
    );
    announce(pass, site, &note).await;
    record::remove_finalizer(pass).await.map_err(Stop::Error)?;
    site.cluster.unwatch_guest(id);
    Err(Stop::Silent)
}

/// Why machines stay.
pub(super) fn why(kept: Kept) -> String {
    match kept {
        Kept::KindEnds => "the kind VirtualMachine is being deleted".to_owned(),
        Kept::NamespaceEnds => {
            format!("its namespace is being deleted without the annotation {DELETE_GUESTS}=true")
        }
    }
}

/// Says with the host that a machine stays: no Event can be written in a namespace that is being deleted, and those of
/// a resource that goes are hard to find.
pub(super) async fn announce(pass: &Pass<'_>, site: &Site, note: &str) {
    let (namespace, name) = (pass.vm.namespace().unwrap_or_default(), pass.vm.name_any());
    let note = format!("of VirtualMachine {namespace}/{name}: {note}");
    tracing::warn!("{note}");
    let entry = Entry::warning(reason::GUEST_KEPT, note);
    pass.ctx.journal.publish_on_host(&site.host, vec![entry]).await;
}
