//! A machine with empty disks.

use uuid::Uuid;

use super::call::{Site, described};
use super::fit::{Missing, check_storage};
use crate::api::conditions::reason;
use crate::model::{Change, CreateGuest, GuestAddress};
use crate::plan::desired::Desired;
use crate::plan::guest;
use crate::plan::identity::Mark;

pub(super) fn create(
    desired: &Desired,
    site: Site<'_>,
    at: GuestAddress,
    identity: Uuid,
    mark: &Mark,
) -> Result<CreateGuest, Missing> {
    let invalid = |message: String| Missing::new(reason::INVALID_SPEC, message);
    if desired.memory_mib.is_none() {
        return Err(invalid(
            "neither spec.memory nor the class says how much memory the machine gets".to_owned(),
        ));
    }
    let mut changes = guest::from_nothing(desired);
    if let Some(nic) = desired
        .nics
        .iter()
        .find(|nic| nic.bridge.is_none() && nic.network.is_none())
    {
        return Err(invalid(format!(
            "spec.{} is absent, and neither the class nor the host has a default bridge",
            nic.field("bridge")
        )));
    }
    for disk in &desired.disks {
        let copied = disk.copy_of.as_ref().map(|_| 0);
        let bytes = disk.size.or(copied).ok_or_else(|| {
            let field = disk.field("size");
            invalid(format!(
                "neither spec.{field} nor the class says how large the disk is"
            ))
        })?;
        let storage = disk.storage.clone().ok_or_else(|| {
            let field = disk.field("storage");
            invalid(format!(
                "spec.{field} is absent, and neither the class nor the host has a default storage"
            ))
        })?;
        check_storage(&storage, site)?;
        changes.push(Change::AddDisk(guest::new_disk(disk, storage, bytes)));
    }
    Ok(CreateGuest {
        at,
        name: desired.name.clone(),
        description: described(desired, &mark.clone().sealed(identity)),
        uuid: identity,
        pool: desired.pool.clone(),
        changes,
    })
}
