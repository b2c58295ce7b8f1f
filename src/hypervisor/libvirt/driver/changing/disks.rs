//! Disks whose volumes are made first: a record of the volume, the volume, and one definition that adds the disk and
//! drops the record. A volume with a record may be half, and is made again; one of a domain's name without a record is
//! whole, and is attached as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use uuid::Uuid;
use virt::connect::Connect;

use super::changer::{CHANGE_DEADLINE, Changer, LONG_DEADLINE, marked, must_be_off, refused, unfit};
use super::volumes::{self, Planned};
use super::{live, references};
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain::{self, Making, Sources};
use crate::hypervisor::{Error, Refusal};
use crate::model::Change;

/// Changes, sorted by when they can be made.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// At once.
    pub(super) now: Vec<Change>,
    /// Where the volumes lie that these speak of.
    pub(super) sources: Sources,
    /// Disks whose volumes are to be made.
    pub(super) later: Vec<Planned>,
    /// What the domain boots from, when all of them are there.
    pub(super) last: Option<Change>,
}

impl Plan {
    /// Sorts changes. `xml` is the domain's, if there is one.
    pub(super) fn of(
        conn: &Connect,
        operation: &str,
        uuid: Uuid,
        xml: Option<&str>,
        changes: &[Change],
    ) -> Result<Self, Trouble> {
        let records = xml.map(domain::making).transpose();
        let records = records
            .map_err(|error| unfit(operation, &error))?
            .unwrap_or_default();
        let mut plan = Self::default();
        for change in changes {
            match change {
                Change::AddDisk(disk) => {
                    let (pool, read) = volumes::pool(conn, operation, &disk.storage)?;
                    let planned = Planned::new(disk, uuid, &read);
                    let half = records.iter().any(|record| record.name == planned.name);
                    let there = volumes::lookup(&pool, &planned.name)?;
                    if let Some(whole) = there.filter(|_| !half) {
                        let source = volumes::source(operation, &whole)?;
                        plan.sources.disks.insert(disk.slot.clone(), source);
                        plan.now.push(change.clone());
                        continue;
                    }
                    if let Some(original) = &disk.copy_of {
                        volumes::volume(conn, operation, original)?;
                    }
                    plan.later.push(planned);
                }
                Change::Cdrom {
                    volume: Some(volume), ..
                } => {
                    let medium = volumes::volume(conn, operation, volume)?;
                    let source = volumes::source(operation, &medium)?;
                    plan.sources.media.insert(volume.clone(), source);
                    plan.now.push(change.clone());
                }
                Change::BootDevices(_) => plan.last = Some(change.clone()),
                change => plan.now.push(change.clone()),
            }
        }
        if plan.later.is_empty() {
            plan.now.extend(plan.last.take());
        }
        Ok(plan)
    }

    /// The records of the volumes that are to be made.
    pub(super) fn records(&self) -> Vec<Making> {
        let record = |planned: &Planned| Making {
            slot: planned.disk.slot.clone(),
            name: planned.name.clone(),
            pool: planned.disk.storage.clone(),
        };
        self.later.iter().map(record).collect()
    }
}

impl Changer {
    /// Makes the volumes of a plan, and adds their disks.
    pub(super) async fn add_disks(
        &self,
        operation: &'static str,
        uuid: Uuid,
        mark: String,
        plan: Plan,
        turns: Arc<Semaphore>,
    ) -> Result<(), Error> {
        let Plan { later, mut last, .. } = plan;
        let count = later.len();
        for (place, planned) in later.into_iter().enumerate() {
            let last = (place + 1 == count).then(|| last.take()).flatten();
            let copies = planned.disk.copy_of.is_some() && !planned.linked;
            let turn = if copies {
                turns.clone().acquire_owned().await.ok()
            } else {
                None
            };
            let (known, half) = (mark.clone(), planned.clone());
            let make = move |conn: &Connect| make(conn, operation, uuid, &known, &half);
            self.change(LONG_DEADLINE, operation, None, make).await?;
            drop(turn);
            let known = mark.clone();
            let host = self.host.clone();
            let attach = move |conn: &Connect| {
                attach(conn, operation, uuid, &known, &planned, last)?.define(conn, operation, &host)
            };
            self.change(CHANGE_DEADLINE, operation, None, attach).await?;
        }
        Ok(())
    }
}

fn make(
    conn: &Connect,
    operation: &'static str,
    uuid: Uuid,
    mark: &str,
    planned: &Planned,
) -> Result<(), Trouble> {
    let (_, xml) = marked(conn, operation, uuid, mark)?;
    recorded(operation, &xml, planned)?;
    if let Some(source) = planned.from {
        must_be_off(operation, &conn.lookup_domain_by_uuid(source)?)?;
    }
    let (pool, _) = volumes::pool(conn, operation, &planned.disk.storage)?;
    if let Some(half) = volumes::lookup(&pool, &planned.name)? {
        let volumes = BTreeMap::from([(half.path()?, half)]);
        references::none(conn, operation, &volumes, None)?;
        for half in volumes.values() {
            half.delete(0)?;
        }
    }
    volumes::make(conn, operation, planned)
}

/// That the domain's record of a volume is there: without it, what lies under the name is whole.
fn recorded(operation: &str, xml: &str, planned: &Planned) -> Result<(), Trouble> {
    let records = domain::making(xml).map_err(|error| unfit(operation, &error))?;
    if records.iter().any(|record| record.name == planned.name) {
        return Ok(());
    }
    let message = format!("the record of the volume '{}' is gone", planned.name);
    Err(refused(operation, Refusal::DigestMismatch, message))
}

/// A disk whose volume is whole.
struct Ready {
    domain: virt::domain::Domain,
    xml: String,
    changes: Vec<Change>,
    slot: String,
    sources: Sources,
}

fn attach(
    conn: &Connect,
    operation: &'static str,
    uuid: Uuid,
    mark: &str,
    planned: &Planned,
    last: Option<Change>,
) -> Result<Ready, Trouble> {
    let (domain, xml) = marked(conn, operation, uuid, mark)?;
    recorded(operation, &xml, planned)?;
    let (pool, _) = volumes::pool(conn, operation, &planned.disk.storage)?;
    let volume = volumes::lookup(&pool, &planned.name)?.ok_or_else(|| {
        let message = format!("the volume '{}' is gone", planned.name);
        refused(operation, Refusal::VolumeMissing, message)
    })?;
    let slot = planned.disk.slot.clone();
    let mut sources = Sources::default();
    sources
        .disks
        .insert(slot.clone(), volumes::source(operation, &volume)?);
    let changes = std::iter::once(Change::AddDisk(planned.disk.clone())).chain(last);
    Ok(Ready {
        domain,
        xml,
        changes: changes.collect(),
        slot,
        sources,
    })
}

impl Ready {
    fn define(self, conn: &Connect, operation: &str, host: &domain::Host) -> Result<(), Trouble> {
        let fits = |error: domain::Unfit| unfit(operation, &error);
        let altered = domain::alter(&self.xml, &self.changes, host, &self.sources).map_err(fits)?;
        let xml = domain::remove_making(&altered.xml, &self.slot).map_err(fits)?;
        conn.define_domain_xml(&xml)?;
        live::apply(&self.domain, &altered.live)
    }
}
