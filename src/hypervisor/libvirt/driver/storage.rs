//! Storage pools and their volumes.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use virt::connect::Connect;

use super::{Libvirt, unsupported};
use crate::hypervisor::Error;
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain::Pools;
use crate::hypervisor::libvirt::xml::{pool, volume};
use crate::model::{GuestConfig, GuestId, NodeName, Volume, VolumeId};

/// How long the list of pools is kept: it takes three calls a pool, and every configuration is read with it.
const KEPT: Duration = Duration::from_secs(10);

/// A storage pool of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundPool {
    pub(super) pool: pool::Pool,
    /// Whether it can be used.
    pub(super) active: bool,
}

/// Where paths lie.
pub(super) fn located(pools: &[FoundPool]) -> Pools {
    let folder = |found: &FoundPool| Some((found.pool.name.clone(), found.pool.target.clone()?));
    Pools(pools.iter().filter_map(folder).collect())
}

fn list(conn: &Connect) -> Result<Vec<FoundPool>, Trouble> {
    let mut found = Vec::new();
    for pool in conn.list_all_storage_pools(0)? {
        // One that is undefined meanwhile is none, one that can't be understood is not for us.
        let (Ok(xml), Ok(active)) = (pool.xml_desc(0), pool.is_active()) else {
            continue;
        };
        if let Ok(pool) = pool::Pool::read(&xml) {
            found.push(FoundPool { pool, active });
        }
    }
    found.sort_by(|a, b| a.pool.name.cmp(&b.pool.name));
    Ok(found)
}

/// The domain whose volume it is, by its name (`drover-<UUID>-<slot>`).
fn owner(name: &str) -> Option<GuestId> {
    let uuid = name.strip_prefix("drover-")?.get(..36)?;
    uuid.parse().ok().map(GuestId::Domain)
}

fn shown(pool: &str, volume: &volume::Volume) -> Option<Volume> {
    let medium = volume.format.as_deref() == Some("iso")
        || std::path::Path::new(&volume.name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("iso"));
    Some(Volume {
        id: format!("{pool}:{}", volume.name).parse().ok()?,
        content: if medium { "iso" } else { "images" }.to_owned(),
        size: volume.capacity,
        guest: owner(&volume.name),
        created: None,
    })
}

impl Libvirt {
    /// The storage pools, not older than some seconds.
    pub(super) async fn pools(&self) -> Result<Arc<Vec<FoundPool>>, Error> {
        let connected = self.connected().await?;
        let kept = connected
            .pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((read, pools)) = kept
            && read.elapsed() < KEPT
        {
            return Ok(pools);
        }
        let read = Instant::now();
        let pools = Arc::new(connected.link.run("list storage pools", list).await?);
        *connected.pools.lock().unwrap_or_else(PoisonError::into_inner) = Some((read, pools.clone()));
        Ok(pools)
    }

    pub(super) async fn volumes(
        &self,
        node: &NodeName,
        storage: &str,
        content: Option<&str>,
        guest: Option<GuestId>,
    ) -> Result<Vec<Volume>, Error> {
        self.is_node("list volumes", node).await?;
        let name = storage.to_owned();
        let mut volumes = self
            .read("list volumes", move |conn| {
                let pool = conn.lookup_storage_pool_by_name(&name)?;
                let all = pool.list_all_volumes(0)?;
                // One that is deleted meanwhile is none.
                let texts = all.iter().filter_map(|volume| volume.xml_desc(0).ok());
                let read = texts.filter_map(|text| volume::Volume::read(&text).ok());
                Ok(read
                    .filter_map(|volume| shown(&name, &volume))
                    .collect::<Vec<_>>())
            })
            .await?;
        volumes.retain(|volume| content.is_none_or(|content| volume.content == content));
        volumes.retain(|volume| guest.is_none() || volume.guest == guest);
        Ok(volumes)
    }

    #[allow(clippy::unused_async, clippy::unused_self, reason = "as the others")]
    pub(super) async fn archived(&self, _node: &NodeName, _archive: &VolumeId) -> Result<GuestConfig, Error> {
        Err(unsupported("read a backup"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_whose_name_it_bears() {
        let uuid = "5f0a4d57-0000-4000-8000-000000000001";
        let id = Some(GuestId::Domain(uuid.parse().unwrap()));
        assert_eq!(owner(&format!("drover-{uuid}-scsi0.qcow2")), id);
        for name in ["drover-", "drover-x", "drover-ä", "a.qcow2", uuid] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
