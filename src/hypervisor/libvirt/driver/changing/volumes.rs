//! Volumes of guests: what they are called, where they lie, and how one is made.

use std::collections::BTreeMap;

use uuid::Uuid;
use virt::connect::Connect;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

use super::changer::{found, refused, unreadable};
use crate::hypervisor::Refusal;
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain::{Pools, Source};
use crate::hypervisor::libvirt::xml::pool::Pool;
use crate::hypervisor::libvirt::xml::volume::{NewVolume, Volume};
use crate::model::{NewDisk, VolumeId};

/// `virConnectListAllStoragePoolsFlags`.
const INACTIVE_POOLS: u32 = 1;
const ACTIVE_POOLS: u32 = 2;

/// How the names of a domain's volumes begin: it is by this alone that one is taken for Drover's.
pub(super) fn prefix(uuid: Uuid) -> String {
    format!("drover-{uuid}-")
}

/// A volume to make for a disk.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) disk: NewDisk,
    pub(super) name: String,
    pub(super) format: Option<String>,
    /// Whether it only holds what differs from what it is a copy of.
    pub(super) linked: bool,
    /// The domain whose disk is copied, which must not run meanwhile.
    pub(super) from: Option<Uuid>,
}

impl Planned {
    pub(super) fn new(disk: &NewDisk, uuid: Uuid, pool: &Pool) -> Self {
        let format = (!pool.is_block()).then(|| disk.format.unwrap_or("qcow2").to_owned());
        let ending = format.as_deref().unwrap_or("raw");
        Self {
            disk: disk.clone(),
            name: format!("{}{}.{ending}", prefix(uuid), disk.slot),
            format,
            linked: false,
            from: None,
        }
    }
}

/// A pool that is active, and what it is.
pub(super) fn pool(conn: &Connect, operation: &str, name: &str) -> Result<(StoragePool, Pool), Trouble> {
    let missing = |what: &str| refused(operation, Refusal::StorageMissing, format!("{what} '{name}'"));
    let pool = found(conn.lookup_storage_pool_by_name(name), ErrorNumber::NoStoragePool)?;
    let pool = pool.ok_or_else(|| missing("there is no storage pool"))?;
    if !pool.is_active()? {
        return Err(missing("not active is the storage pool"));
    }
    let xml = pool.xml_desc(0)?;
    let read = Pool::read(&xml).map_err(|error| unreadable(operation, &error))?;
    Ok((pool, read))
}

/// A volume of a pool, if it is there.
pub(super) fn lookup(pool: &StoragePool, name: &str) -> Result<Option<StorageVol>, Trouble> {
    found(
        pool.lookup_storage_vol_by_name(name),
        ErrorNumber::NoStorageVolume,
    )
}

/// The volume of an id.
pub(super) fn volume(conn: &Connect, operation: &str, id: &VolumeId) -> Result<StorageVol, Trouble> {
    let found = if id.volume().starts_with('/') {
        found(
            conn.lookup_storage_vol_by_path(id.volume()),
            ErrorNumber::NoStorageVolume,
        )?
    } else {
        lookup(&pool(conn, operation, id.storage())?.0, id.volume())?
    };
    found.ok_or_else(|| {
        refused(
            operation,
            Refusal::VolumeMissing,
            format!("there is no volume '{id}'"),
        )
    })
}

/// What a volume is.
pub(super) fn read(operation: &str, volume: &StorageVol) -> Result<Volume, Trouble> {
    Volume::read(&volume.xml_desc(0)?).map_err(|error| unreadable(operation, &error))
}

/// Where a volume lies, as a domain refers to it.
pub(super) fn source(operation: &str, volume: &StorageVol) -> Result<Source, Trouble> {
    let read = read(operation, volume)?;
    // Others (`iso`) are what QEMU takes for raw.
    let format = read
        .format
        .filter(|format| matches!(format.as_str(), "qcow2" | "qed" | "vmdk" | "vdi"));
    Ok(Source {
        path: read.path,
        format: format.unwrap_or_else(|| "raw".to_owned()),
        block: read.kind == "block",
    })
}

/// Makes a volume that is not there.
pub(super) fn make(conn: &Connect, operation: &str, planned: &Planned) -> Result<(), Trouble> {
    let (pool, _) = pool(conn, operation, &planned.disk.storage)?;
    let original = planned.disk.copy_of.as_ref();
    let original = original.map(|id| volume(conn, operation, id)).transpose()?;
    let mut new = NewVolume {
        name: &planned.name,
        capacity: planned.disk.size,
        format: planned.format.as_deref(),
        backing: None,
    };
    let write = |new: &NewVolume<'_>| new.write().map_err(|error| unreadable(operation, &error));
    let Some(original) = original else {
        StorageVol::create_xml(&pool, &write(&new)?, 0)?;
        return Ok(());
    };
    let from = source(operation, &original)?;
    new.capacity = new.capacity.max(original.info()?.capacity);
    if planned.linked {
        new.backing = Some((&from.path, &from.format));
        StorageVol::create_xml(&pool, &write(&new)?, 0)?;
        return Ok(());
    }
    let made = StorageVol::create_xml_from(&pool, &write(&new)?, &original, 0)?;
    if made.info()?.capacity < new.capacity {
        made.resize(new.capacity, 0)?;
    }
    Ok(())
}

/// The pools that are active.
pub(super) fn active(conn: &Connect) -> Result<Vec<StoragePool>, Trouble> {
    Ok(conn.list_all_storage_pools(ACTIVE_POOLS)?)
}

/// The names of the pools that are not active, and the folders where their volumes lie.
pub(super) fn inactive_folders(conn: &Connect, operation: &str) -> Result<Pools, Trouble> {
    folders(operation, &conn.list_all_storage_pools(INACTIVE_POOLS)?)
}

/// All pools.
pub(super) fn pools(conn: &Connect, operation: &str) -> Result<Pools, Trouble> {
    folders(
        operation,
        &conn.list_all_storage_pools(ACTIVE_POOLS | INACTIVE_POOLS)?,
    )
}

fn folders(operation: &str, all: &[StoragePool]) -> Result<Pools, Trouble> {
    let mut folders = Vec::new();
    for pool in all {
        let Some(xml) = found(pool.xml_desc(0), ErrorNumber::NoStoragePool)? else {
            continue;
        };
        let pool = Pool::read(&xml).map_err(|error| unreadable(operation, &error))?;
        if let Some(target) = pool.target {
            folders.push((pool.name, target));
        }
    }
    Ok(Pools(folders))
}

/// The volumes that Drover made for a domain, by their paths.
pub(super) fn of_domain(conn: &Connect, uuid: Uuid) -> Result<BTreeMap<String, StorageVol>, Trouble> {
    let prefix = prefix(uuid);
    let mut own = BTreeMap::new();
    for pool in active(conn)? {
        for volume in pool.list_all_volumes(0)? {
            if volume.name()?.starts_with(&prefix) {
                own.insert(volume.path()?, volume);
            }
        }
    }
    Ok(own)
}
