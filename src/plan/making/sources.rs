//! What a guest is made of.

use std::sync::Arc;

use super::call::View;
use super::fit::{Missing, listed};
use crate::api::conditions::reason;
use crate::model::{GuestConfig, GuestId, GuestKind, GuestRow, Volume};
use crate::plan::desired::{Desired, Origin};

/// What a guest is made of.
#[derive(Clone, Copy, Debug)]
pub enum Material<'a> {
    /// Nothing: its disks are empty.
    None,
    /// Another machine, with its configuration.
    Machine(&'a GuestRow, &'a GuestConfig),
    /// A backup, with the configuration that it holds.
    Archive(&'a Volume, &'a GuestConfig),
}

/// Finds the machine to copy.
pub fn source<'a>(desired: &Desired, view: View<'a>) -> Result<Option<&'a GuestRow>, Missing> {
    let machines = || {
        view.guests
            .values()
            .map(Arc::as_ref)
            .filter(|row| row.kind == GuestKind::VirtualMachine)
    };
    match &desired.origin {
        Origin::Blank | Origin::Restore(_) => Ok(None),
        Origin::CloneOf(id) => machines().find(|row| row.id == *id).map(Some).ok_or_else(|| {
            let message = format!(
                "the cluster shows no machine {id} to copy (spec.source.clone.vmid); if it exists, the token \
                 lacks VM.Audit on /vms/{id}"
            );
            Missing::new(reason::SOURCE_NOT_FOUND, message)
        }),
        Origin::CloneOfResource(name) => {
            let message = format!(
                "there is no VirtualMachine '{name}' in this namespace that has its machine on this cluster (spec.source.clone.ref)"
            );
            Err(Missing::new(reason::SOURCE_NOT_FOUND, message))
        }
        Origin::CloneOfName(name) => {
            let named: Vec<&GuestRow> = machines()
                .filter(|row| row.name.as_deref() == Some(name))
                .collect();
            match named.as_slice() {
                [one] => Ok(Some(one)),
                [] => Err(Missing::new(
                    reason::SOURCE_NOT_FOUND,
                    format!("the cluster shows no machine named '{name}' to copy (spec.source.clone.name)"),
                )),
                several => {
                    let numbers: Vec<String> = several.iter().map(|row| row.id.to_string()).collect();
                    let message = format!(
                        "several machines are named '{name}' ({}): name one by spec.source.clone.vmid",
                        numbers.join(", ")
                    );
                    Err(Missing::new(reason::SOURCE_AMBIGUOUS, message))
                }
            }
        }
    }
}

/// Checks that the machine to copy is the one that is meant, where that is another resource's.
///
/// # Errors
///
/// Another machine has its number.
pub fn check_source(desired: &Desired, id: GuestId, config: &GuestConfig) -> Result<(), Missing> {
    let meant = desired.copy.identity;
    if meant.is_none() || meant == config.uuid {
        return Ok(());
    }
    let message = format!(
        "the machine of the VirtualMachine that spec.source.clone.ref names is gone from number {id}, where another one \
         stands"
    );
    Err(Missing::new(reason::SOURCE_NOT_FOUND, message))
}

/// The storage whose archives must be known before `make` can decide.
#[must_use]
pub fn archive_storage(desired: &Desired) -> Option<&str> {
    match &desired.origin {
        Origin::Restore(archive) => Some(archive.storage()),
        _ => None,
    }
}

/// Finds the archive among those of its storage.
///
/// # Errors
///
/// It is not there, or holds no machine.
pub fn archive<'a>(desired: &Desired, archives: &'a [Volume]) -> Result<Option<&'a Volume>, Missing> {
    let Origin::Restore(wanted) = &desired.origin else {
        return Ok(None);
    };
    // How archives of containers are called, by vzdump and by a Proxmox Backup Server.
    let of_container = |name: &str| name.starts_with("backup/vzdump-lxc-") || name.starts_with("backup/ct/");
    if of_container(wanted.volume()) {
        let message = format!(
            "{wanted} is the backup of a container (spec.source.backup.archive): name one of a machine"
        );
        return Err(Missing::new(reason::INVALID_SPEC, message));
    }
    let found = archives.iter().find(|volume| volume.id == *wanted);
    found.map(Some).ok_or_else(|| {
        let there = archives.iter().filter(|volume| !of_container(volume.id.volume()));
        let message = format!(
            "the storage shows no archive {wanted} (spec.source.backup.archive); if it exists, the token lacks VM.Backup on \
             its machine and Datastore.AllocateSpace on /storage/{}. It shows: {}",
            wanted.storage(),
            listed(there.map(|volume| volume.id.to_string()))
        );
        Missing::new(reason::ARCHIVE_NOT_FOUND, message)
    })
}
