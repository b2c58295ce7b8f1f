//! Who refers to a volume: as long as somebody does, it is not deleted.

use std::collections::BTreeMap;

use uuid::Uuid;
use virt::connect::Connect;
use virt::error::ErrorNumber;
use virt::storage_vol::StorageVol;
use virt::sys;

use super::changer::{found, refused, unreadable};
use super::volumes;
use crate::hypervisor::Refusal;
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain;

/// Refuses while a domain refers to one of the volumes (`except` aside), or another volume is laid over one.
///
/// What is laid over them outside of all pools, by a domain that does not run, libvirt does not tell.
pub(super) fn none(
    conn: &Connect,
    operation: &str,
    volumes: &BTreeMap<String, StorageVol>,
    except: Option<Uuid>,
) -> Result<(), Trouble> {
    if volumes.is_empty() {
        return Ok(());
    }
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for (path, volume) in volumes {
        names.insert(path.clone(), path);
        let pool = StorageVol::lookup_storage_pool(volume)?.name()?;
        names.insert(format!("{pool}:{}", volume.name()?), path);
    }
    let in_use = |path: &str, who: String| {
        refused(
            operation,
            Refusal::Other,
            format!("the volume {path} is in use by {who}"),
        )
    };
    for other in conn.list_all_domains(0)? {
        if Some(other.uuid()?) == except {
            continue;
        }
        // Both forms: what runs may use what it will not after its next start.
        for flags in [sys::VIR_DOMAIN_XML_INACTIVE, 0] {
            let Some(xml) = found(other.xml_desc(flags), ErrorNumber::NoDomain)? else {
                continue;
            };
            let sources = domain::sources(&xml).map_err(|error| unreadable(operation, &error))?;
            if let Some(path) = sources.iter().find_map(|source| names.get(source)) {
                return Err(in_use(path, format!("the domain '{}'", other.name()?)));
            }
        }
    }
    for pool in volumes::active(conn)? {
        for other in pool.list_all_volumes(0)? {
            let Some(xml) = found(other.xml_desc(0), ErrorNumber::NoStorageVolume)? else {
                continue;
            };
            let read = crate::hypervisor::libvirt::xml::volume::Volume::read(&xml)
                .map_err(|error| unreadable(operation, &error))?;
            let Some(backing) = read.backing.filter(|_| !volumes.contains_key(&read.path)) else {
                continue;
            };
            if volumes.contains_key(&backing) {
                return Err(in_use(
                    &backing,
                    format!("the volume {}, which is laid over it", read.path),
                ));
            }
        }
    }
    Ok(())
}
