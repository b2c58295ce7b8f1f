//! Copies of machines, and what backups hold of them.

use super::call::{Site, described};
use super::fit::{Missing, check_storage, listed};
use crate::api::Size;
use crate::api::conditions::reason;
use crate::model::{CloneGuest, GuestAddress, GuestConfig, GuestRow, RestoreGuest, Volume};
use crate::plan::desired::Desired;
use crate::plan::identity::Mark;

pub(super) fn clone(
    desired: &Desired,
    site: Site<'_>,
    at: GuestAddress,
    row: &GuestRow,
    config: &GuestConfig,
    mark: &Mark,
) -> Result<CloneGuest, Missing> {
    let source = row.id;
    if desired.copy.linked && !row.template {
        let message = format!(
            "machine {source} is no template, and a copy that holds only the differences (spec.source.clone.full: false) is made of \
             templates alone: make it one, or leave full out"
        );
        return Err(Missing::new(reason::INVALID_SPEC, message));
    }
    let of = format!("machine {source}");
    let storage = storage_of_disks(desired, site, &of, config)?;
    if row.node != at.node {
        check_shared(config, site, row)?;
    }
    Ok(CloneGuest {
        source: GuestAddress {
            node: row.node.clone(),
            id: source,
        },
        at,
        name: desired.name.clone(),
        description: described(desired, mark),
        storage: storage.filter(|_| !desired.copy.linked),
        linked: desired.copy.linked,
        snapshot: desired.copy.snapshot.clone(),
        pool: desired.pool.clone(),
    })
}

/// Restored under its own number it is the machine that it was, whose addresses others may know; beside it, it may not
/// answer to the same ones.
pub(super) fn restore(
    desired: &Desired,
    site: Site<'_>,
    at: GuestAddress,
    volume: &Volume,
    config: &GuestConfig,
    mark: &Mark,
) -> Result<RestoreGuest, Missing> {
    let of = format!("the machine in {}", volume.id);
    if config.template && !desired.template {
        let message = format!(
            "{of} is a template, and so would be what is made of it: set spec.template, or name another archive"
        );
        return Err(Missing::new(reason::INVALID_SPEC, message));
    }
    let storage = storage_of_disks(desired, site, &of, config)?;
    if storage.is_none() {
        for (slot, disk) in &config.next.disks {
            check_storage(disk.volume.storage(), site).map_err(|missing| {
                let message = format!(
                    "disk {slot} of {of} was on another storage: {}. Say in spec.disks where it is to be",
                    missing.message
                );
                Missing::new(missing.reason, message)
            })?;
        }
    }
    Ok(RestoreGuest {
        archive: volume.id.clone(),
        name: desired.name.clone(),
        description: described(desired, mark),
        uuid: mark.uuid.unwrap_or_default(),
        storage,
        pool: desired.pool.clone(),
        new_addresses: volume.guest != Some(at.id),
        at,
    })
}

/// Checks the disks of the spec against those that the copy will have, and says on which storage it is to have them; nothing
/// where the spec does not say.
fn storage_of_disks(
    desired: &Desired,
    site: Site<'_>,
    of: &str,
    config: &GuestConfig,
) -> Result<Option<String>, Missing> {
    let mut storage = None;
    for want in &desired.disks {
        let Some(have) = config.next.disks.get(&want.slot) else {
            // One with a size is added to the copy.
            if let Some(home) = want
                .home
                .as_ref()
                .filter(|_| want.size.is_some() || want.copy_of.is_some())
            {
                check_storage(home, site)?;
                continue;
            }
            let message = format!(
                "{of} has no disk {} (spec.disks); it has: {}. To have one added to the copy, {}",
                want.slot,
                listed(config.next.disks.keys().cloned()),
                want.lacks()
            );
            return Err(Missing::new(reason::DISK_MISSING, message));
        };
        if let (Some(bytes), Some(size)) = (want.size, have.size)
            && bytes < size
        {
            let message = format!(
                "disk {} of {of} is {}, and a disk can't shrink to {}: ask for {} at least",
                want.slot,
                Size::of_bytes(size),
                Size::of_bytes(bytes),
                Size::of_bytes(size)
            );
            return Err(Missing::new(reason::DISK_WOULD_SHRINK, message));
        }
        if let Some(named) = &want.storage {
            check_storage(named, site)?;
            storage.get_or_insert_with(|| named.clone());
        }
    }
    Ok(storage)
}

/// PVE copies to another node only from storage that both see (qemu-server, `clone_vm`).
fn check_shared(config: &GuestConfig, site: Site<'_>, row: &GuestRow) -> Result<(), Missing> {
    let local = config.next.disks.values().find(|disk| {
        !site
            .view
            .storages
            .iter()
            .any(|s| s.storage == disk.volume.storage() && s.node == row.node && s.shared)
    });
    let Some(disk) = local else { return Ok(()) };
    let message = format!(
        "machine {} is on node {} with disks on local storage {}: it can only be copied there; name that node's \
         host, or a source with disks on shared storage",
        row.id,
        row.node,
        disk.volume.storage()
    );
    Err(Missing::new(reason::SOURCE_NOT_FOUND, message))
}
