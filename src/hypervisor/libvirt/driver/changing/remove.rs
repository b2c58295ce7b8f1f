//! Destroying a domain: the volumes of its name first and its definition last, so that the mark is there until all is gone.
//! Each step may be repeated.

use std::collections::BTreeMap;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::storage_vol::StorageVol;
use virt::sys;

use super::changer::{
    CHANGE_DEADLINE, Changer, LONG_DEADLINE, inactive, judged, mark_of, marked, must_be_off, refused,
    unreadable, uuid_of,
};
use super::tasks::Tasks;
use super::{references, volumes};
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain;
use crate::hypervisor::{Error, Refusal};
use crate::model::Progress;
use crate::plan::identity::Ownership;

/// With all that libvirt itself keeps for a domain.
const ALL: u32 = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | sys::VIR_DOMAIN_UNDEFINE_NVRAM
    | sys::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;

impl Changer {
    pub(in super::super) async fn destroy(&self, tasks: &Tasks, own: &Ownership) -> Result<Progress, Error> {
        let operation = "destroy";
        let uuid = uuid_of(operation, own.address().id)?;
        let task = tasks.announce(operation, "qmdestroy", uuid)?;
        let judgement = own.clone();
        let look = move |conn: &Connect| {
            let domain = judged(conn, operation, uuid, &judgement)?;
            own_volumes(conn, operation, uuid, &domain)?;
            mark_of(operation, &inactive(&domain)?)
        };
        let mark = self.change(CHANGE_DEADLINE, operation, Some(own), look).await?;
        let changer = self.clone();
        Ok(task.run(async move {
            let known = mark.clone();
            let empty = move |conn: &Connect| {
                let (domain, _) = marked(conn, operation, uuid, &known)?;
                let own = own_volumes(conn, operation, uuid, &domain)?;
                if domain.has_managed_save(0)? {
                    domain.managed_save_remove(0)?;
                }
                own.values().try_for_each(|volume| Ok(volume.delete(0)?))
            };
            changer.change(LONG_DEADLINE, operation, None, empty).await?;
            let undefine = move |conn: &Connect| {
                let (domain, _) = marked(conn, operation, uuid, &mark)?;
                must_be_off(operation, &domain)?;
                Ok(domain.undefine_flags(ALL)?)
            };
            changer.change(CHANGE_DEADLINE, operation, None, undefine).await
        }))
    }
}

/// The volumes of a domain that may be destroyed with them.
fn own_volumes(
    conn: &Connect,
    operation: &str,
    uuid: Uuid,
    domain: &Domain,
) -> Result<BTreeMap<String, StorageVol>, Trouble> {
    must_be_off(operation, domain)?;
    let external = domain.list_all_snapshots(sys::VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL)?;
    if let Some(snapshot) = external.first() {
        let message = format!(
            "the snapshot '{}' of the domain has volumes of its own: delete it, with them, first",
            snapshot.name()?
        );
        return Err(refused(operation, Refusal::Other, message));
    }
    // What lies in a pool that is not active can't be seen, and would be left behind.
    let hidden = volumes::inactive_folders(conn, operation)?;
    let prefix = volumes::prefix(uuid);
    let sources = domain::sources(&inactive(domain)?).map_err(|error| unreadable(operation, &error))?;
    let unseen = sources.iter().map(|path| hidden.locate(path));
    if let Some(volume) = unseen
        .into_iter()
        .find(|volume| volume.volume().starts_with(&prefix))
    {
        let message = format!("the storage pool '{}' is not active", volume.storage());
        return Err(refused(operation, Refusal::StorageMissing, message));
    }
    let own = volumes::of_domain(conn, uuid)?;
    references::none(conn, operation, &own, Some(uuid))?;
    Ok(own)
}
