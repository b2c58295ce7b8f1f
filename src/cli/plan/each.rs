//! How it stands with one machine.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::found::{Found, Held};
use super::known::Known;
use super::placed::{self, Next};
use super::site::Site;
use super::{observed, stored, unplaced};
use crate::api::VirtualMachine;
use crate::plan::guest_id;
use crate::plan::placing;
use crate::plan::status;

/// The hosts that were asked, by name: one that does not answer is asked once.
pub(super) type Sites = BTreeMap<String, Result<Site, Held>>;

/// What would be done for a declaration.
pub(super) async fn of(
    known: &mut Known,
    sites: &mut Sites,
    namespace: &str,
    declared: &VirtualMachine,
) -> Result<Found, Held> {
    let machine = stored::stored(&known.client, namespace, declared).await;
    let machine = machine?;
    if machine.metadata.deletion_timestamp.is_some() {
        let why = "the resource is being deleted: what is declared counts when it is gone";
        return Err(Held::Unknown(why.to_owned()));
    }
    let paused = status::is_paused(&machine);
    let mut found = Box::pin(of_stored(known, sites, machine)).await?;
    if paused {
        found
            .what
            .push_str("; nothing of this is done before the annotation drover.dev/paused is removed");
        found.changes = 0;
    }
    Ok(found)
}

async fn of_stored(known: &mut Known, sites: &mut Sites, machine: VirtualMachine) -> Result<Found, Held> {
    let status = machine.status.clone().unwrap_or_default();
    let kind = machine.spec.host_ref.kind;
    let name = placing::host_name(&machine, &status, |name| known.host(kind, name).is_some());
    let host = known
        .host(kind, name)
        .ok_or_else(|| placing::host_not_found(kind, name, false))?;
    let key = host.key();
    let namespace = machine.namespace().unwrap_or_default();
    known.read_labels(&namespace).await?;
    placing::allow(&machine, &host, || known.labels(&machine))?;
    if !sites.contains_key(&key) {
        sites.insert(key.clone(), Site::open(known, &host).await);
    }
    let site = match sites.get_mut(&key) {
        Some(Ok(site)) => site,
        Some(Err(held)) => return Err(held.clone()),
        None => return Err(placing::host_not_found(kind, name, false).into()),
    };
    placing::same_cluster(&status, &host, &site.cluster)?;
    if placing::observes(&machine) {
        return observed::of(known, site, &machine).await;
    }
    let Some(id) = guest_id::current(&status) else {
        let found = unplaced::of(known, site, &machine).await?;
        if let Some(id) = guest_id::pinned(&machine.spec) {
            known.promise(&site.cluster, id);
        }
        return Ok(found);
    };
    match placed::of(known, site, &machine, id).await? {
        Next::Found(found) => Ok(found),
        Next::Anew(note) => {
            let mut found = unplaced::of(known, site, &forgotten(machine)).await?;
            found.what = format!("{note}: {}", found.what);
            Ok(found)
        }
    }
}

/// The resource once its machine is given up.
fn forgotten(mut machine: VirtualMachine) -> VirtualMachine {
    if let Some(status) = &mut machine.status {
        guest_id::record(status, None);
        status.identity = None;
        status.origin = None;
    }
    machine
}
