//! The call that makes a guest.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::fit::{Missing, check_iso_storage, check_node, listed};
use super::sources::Material;
use super::{blank, copies};
use crate::api::conditions::reason;
use crate::model::{
    CloneGuest, CreateGuest, GuestAddress, GuestId, GuestRow, NodeName, NodeRow, RestoreGuest, StorageRow,
    Volume,
};
use crate::plan::desired::{Datasource, Desired};
use crate::plan::guest::Problem;
use crate::plan::identity::Mark;
use crate::plan::seed;

/// The call that makes the guest.
#[derive(Clone, Debug, PartialEq)]
pub enum Make {
    /// An empty machine.
    Create(CreateGuest),
    /// A copy.
    Clone(CloneGuest),
    /// What a backup holds.
    Restore(RestoreGuest),
}

/// What the cluster's bulk list showed last.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Guests by number.
    pub guests: &'a BTreeMap<GuestId, Arc<GuestRow>>,
    /// Nodes.
    pub nodes: &'a [NodeRow],
    /// Storages, one row a node that has it.
    pub storages: &'a [StorageRow],
}

/// What is known of the host for making a guest.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The node that is to have the guest.
    pub node: &'a NodeName,
    /// The cluster.
    pub view: View<'a>,
    /// The ISO images on the storage that the spec names; `None` where it names none.
    pub isos: Option<&'a [Volume]>,
    /// What it is made of.
    pub material: Material<'a>,
}

/// The storage whose ISO images must be known before `make` can decide.
#[must_use]
pub fn iso_storage(desired: &Desired) -> Option<&str> {
    desired.iso().map(crate::model::VolumeId::storage)
}

/// Builds the call that makes the guest, or says what is not there.
pub fn make(
    desired: &Desired,
    site: Site<'_>,
    id: GuestId,
    identity: Uuid,
    mark: &Mark,
) -> Result<Make, Missing> {
    check_node(site.node, site.view)?;
    if let (Some(iso), Some(isos)) = (desired.iso(), site.isos)
        && !isos.iter().any(|volume| volume.id == *iso)
    {
        let message = format!(
            "node {} has no ISO image {iso} (spec.cdrom.iso); upload it, or name one of: {}",
            site.node,
            listed(
                isos.iter()
                    .filter(|v| !seed::is_seed(&v.id))
                    .map(|v| v.id.to_string())
            )
        );
        return Err(Missing::new(reason::ISO_NOT_FOUND, message));
    }
    check_seed(desired, site)?;
    let at = GuestAddress {
        node: site.node.clone(),
        id,
    };
    match site.material {
        Material::None => blank::create(desired, site, at, identity, mark).map(Make::Create),
        Material::Machine(row, config) => {
            copies::clone(desired, site, at, row, config, mark).map(Make::Clone)
        }
        Material::Archive(volume, config) => {
            copies::restore(desired, site, at, volume, config, &mark.clone().sealed(identity))
                .map(Make::Restore)
        }
    }
}

/// Checks that the medium with user data, which the machine gets before its first start, has a place.
fn check_seed(desired: &Desired, site: Site<'_>) -> Result<(), Missing> {
    let Some(told) = desired.cloud_init.as_ref() else {
        return Ok(());
    };
    match (&told.source, &told.iso_storage) {
        (Datasource::Host, _) => Ok(()),
        (Datasource::Seed(_), Some(storage)) => check_iso_storage(storage, site.node, site.view),
        (Datasource::Seed(_), None) => {
            let field = told.why_seed();
            let (reason, message) = Problem::NoStorageForSeed { field }.told();
            Err(Missing::new(reason, message))
        }
    }
}

/// People's notes with the mark.
pub(super) fn described(desired: &Desired, mark: &Mark) -> String {
    mark.write_into(desired.settings.notes.as_deref().unwrap_or_default())
}
