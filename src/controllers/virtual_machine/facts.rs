//! What is read of a host before a guest is made on it, and whether it can be made by that. The same for a pass and for
//! `drover plan`, which differ in what they have at hand.

use std::sync::Arc;

use crate::api::conditions::reason;
use crate::hypervisor::{Answer, Error, Hypervisor};
use crate::model::{GuestAddress, GuestConfig, GuestId, GuestRow, NodeName, StorageRow, Volume, VolumeId};
use crate::plan::desired::Desired;
use crate::plan::identity::{Mark, numbers};
use crate::plan::making::{self, Make, Material, View};
use crate::plan::status::Outcome;
use crate::plan::tenancy::Allowed;

/// Where a guest is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) driver: &'a dyn Hypervisor,
    pub(crate) node: &'a NodeName,
    /// What the cluster's list shows.
    pub(crate) view: View<'a>,
    /// What the host's owner lets namespaces reach.
    pub(crate) allowed: Allowed<'a>,
}

/// What is known without asking the host.
pub(crate) trait Known: Sync {
    /// Whether a machine with this configuration belongs to a resource of the same namespace.
    fn is_own(&self, id: GuestId, config: &GuestConfig) -> bool;

    /// Whether a backup is of a machine that belonged to one when it was made.
    fn was_own(&self, id: Option<GuestId>, archived: &GuestConfig) -> bool;

    /// The configuration of a machine that is to be copied. A template hardly ever changes: what was seen of it lately
    /// suffices for a check.
    fn config<'a>(&'a self, at: &'a GuestAddress) -> Answer<'a, Arc<GuestConfig>>;
}

/// Why a guest can't be made.
#[derive(Debug)]
pub(crate) enum Unmet {
    /// Something is missing or not allowed.
    Refused(Outcome),
    /// The host did not answer as it should.
    Failed(Error),
}

impl<T: Into<Outcome>> From<T> for Unmet {
    fn from(refused: T) -> Self {
        Self::Refused(refused.into())
    }
}

/// What was read.
pub(crate) struct Facts<'a> {
    isos: Option<Vec<Volume>>,
    source: Option<(&'a GuestRow, Arc<GuestConfig>)>,
    archive: Option<(Volume, GuestConfig)>,
}

impl Facts<'_> {
    /// The number of the machine whose backup is restored.
    pub(crate) fn archived_number(&self) -> Option<GuestId> {
        self.archive.as_ref().and_then(|(volume, _)| volume.guest)
    }

    pub(super) fn material(&self) -> Material<'_> {
        match (&self.source, &self.archive) {
            (Some((row, config)), _) => Material::Machine(row, config.as_ref()),
            (None, Some((volume, config))) => Material::Archive(volume, config),
            (None, None) => Material::None,
        }
    }

    /// The call that makes the guest, or why it can't be made.
    pub(super) fn call(
        &self,
        ground: Ground<'_>,
        desired: &Desired,
        id: GuestId,
        mark: &Mark,
    ) -> Result<Make, Outcome> {
        let site = making::Site {
            node: ground.node,
            view: ground.view,
            isos: self.isos.as_deref(),
            material: self.material(),
        };
        let identity = numbers::identity(&mark.cluster, &mark.uid, id);
        Ok(making::make(desired, site, id, identity, mark)?)
    }
}

/// Checks that the guest could be made, and returns what was read for that; nothing is sent that changes anything. `mark`:
/// that of the guest under a number.
pub(crate) async fn check<'a>(
    ground: Ground<'a>,
    known: &dyn Known,
    desired: &Desired,
    mark: impl FnOnce(GuestId) -> Mark,
) -> Result<Facts<'a>, Unmet> {
    let facts = read(ground, known, desired).await?;
    // Any number does for the check.
    let id = GuestId::try_from(crate::model::Vmid::MAX)
        .map_err(|e| Outcome::stalled(reason::INVALID_SPEC, e.to_string()))?;
    facts.call(ground, desired, id, &mark(id))?;
    Ok(facts)
}

async fn read<'a>(ground: Ground<'a>, known: &dyn Known, desired: &Desired) -> Result<Facts<'a>, Unmet> {
    making::check_node(ground.node, ground.view)?;
    let isos = match making::iso_storage(desired) {
        None => None,
        Some(storage) => Some(listed(ground, storage, "iso", "cdrom.iso").await?),
    };
    let source = match making::source(desired, ground.view)? {
        None => None,
        Some(row) => {
            let config = known.config(&row.address()).await.map_err(Unmet::Failed)?;
            ground.allowed.check_source(row, known.is_own(row.id, &config))?;
            making::check_source(desired, row.id, &config)?;
            Some((row, config))
        }
    };
    let archive = archive(ground, known, desired).await?;
    Ok(Facts {
        isos,
        source,
        archive,
    })
}

/// The archive that the spec names, with the configuration in it.
async fn archive(
    ground: Ground<'_>,
    known: &dyn Known,
    desired: &Desired,
) -> Result<Option<(Volume, GuestConfig)>, Unmet> {
    let Some(storage) = making::archive_storage(desired) else {
        return Ok(None);
    };
    let archives = listed(ground, storage, "backup", "source.backup.archive").await?;
    let Some(volume) = making::archive(desired, &archives)? else {
        return Ok(None);
    };
    let config = ground.driver.archived(ground.node, &volume.id).await;
    let config = config.map_err(Unmet::Failed)?;
    let own =
        volume.guest.is_some_and(|id| known.is_own(id, &config)) || known.was_own(volume.guest, &config);
    ground.allowed.check_archive(&volume.id, own)?;
    Ok(Some((volume.clone(), config)))
}

/// What a storage that the spec names has of one content.
async fn listed(ground: Ground<'_>, storage: &str, content: &str, field: &str) -> Result<Vec<Volume>, Unmet> {
    let node = ground.node;
    let there = |row: &&StorageRow| row.storage == storage && row.node == *node;
    if ground.view.storages.iter().find(there).is_none() {
        let message = format!("node {node} has no storage '{storage}' (spec.{field})");
        return Err(Outcome::stalled(reason::STORAGE_NOT_FOUND, message).into());
    }
    let listed = ground.driver.volumes(node, storage, Some(content), None).await;
    listed.map_err(Unmet::Failed)
}

/// A volume or, if they count, an archive that is left of a guest with this number.
pub(crate) async fn left_of(
    driver: &dyn Hypervisor,
    storages: &[StorageRow],
    id: GuestId,
    archives: bool,
) -> Result<Option<VolumeId>, Error> {
    let holds = |content: &String| matches!(content.as_str(), "images" | "rootdir" | "backup");
    for row in storages.iter().filter(|row| row.available) {
        if !row.content.iter().any(holds) {
            continue;
        }
        let volumes = driver.volumes(&row.node, &row.storage, None, Some(id)).await?;
        let counts = |v: &Volume| v.guest == Some(id) && (archives || v.content != "backup");
        if let Some(volume) = volumes.into_iter().find(counts) {
            return Ok(Some(volume.id));
        }
    }
    Ok(None)
}
