//! New domains: defined first with their mark, so that nothing is made that nobody owns, and their disks after that.

use uuid::Uuid;
use virt::connect::Connect;
use virt::error::ErrorNumber;
use virt::sys;

use super::changer::{
    CHANGE_DEADLINE, Changer, found, inactive, mark_of, must_be_off, refused, unfit, unreadable, uuid_of,
};
use super::disks::Plan;
use super::tasks::Tasks;
use super::volumes;
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain::{self, Around, Copied, NewDomain};
use crate::hypervisor::{Error, Refusal};
use crate::model::{Change, CloneGuest, CreateGuest, DiskSettings, NewDisk, Progress};
use crate::plan::identity::mark::{self, MarkReading};

impl Changer {
    pub(in super::super) async fn create(
        &self,
        tasks: &Tasks,
        guest: &CreateGuest,
    ) -> Result<Progress, Error> {
        let operation = "create";
        let uuid = uuid_of(operation, guest.at.id)?;
        if uuid != guest.uuid {
            return Err(Error::Unbuildable {
                operation: operation.to_owned(),
                reason: "a domain's UUID is its identity".to_owned(),
            });
        }
        let task = tasks.announce(operation, "qmcreate", uuid)?;
        let (guest, host) = (guest.clone(), self.host.clone());
        let define = move |conn: &Connect| {
            must_be_new(conn, operation, uuid, &guest.name)?;
            let plan = Plan::of(conn, operation, uuid, None, &guest.changes)?;
            let new = NewDomain {
                name: &guest.name,
                uuid,
                description: &guest.description,
                changes: &guest.changes,
                making: &plan.records(),
            };
            let xml = domain::new(&new, &host, &plan.sources).map_err(|error| unfit(operation, &error))?;
            let defined = conn.define_domain_xml_flags(&xml, sys::VIR_DOMAIN_DEFINE_VALIDATE)?;
            for change in &guest.changes {
                if let Change::OnBoot(on) = change {
                    defined.set_autostart(*on)?;
                }
            }
            Ok((plan, mark_of(operation, &xml)?))
        };
        let (plan, mark) = self.change(CHANGE_DEADLINE, operation, None, define).await?;
        let (changer, turns) = (self.clone(), tasks.turns());
        Ok(task.run(async move { changer.add_disks(operation, uuid, mark, plan, turns).await }))
    }

    pub(in super::super) async fn clone_guest(
        &self,
        tasks: &Tasks,
        guest: &CloneGuest,
    ) -> Result<Progress, Error> {
        let operation = "clone_guest";
        let uuid = uuid_of(operation, guest.at.id)?;
        let from = uuid_of(operation, guest.source.id)?;
        if guest.snapshot.is_some() {
            return Err(Error::Unbuildable {
                operation: operation.to_owned(),
                reason: "libvirt clones no snapshots".to_owned(),
            });
        }
        let task = tasks.announce(operation, "qmclone", uuid)?;
        let guest = guest.clone();
        let define = move |conn: &Connect| define_clone(conn, operation, uuid, from, &guest);
        let (plan, mark) = self.change(CHANGE_DEADLINE, operation, None, define).await?;
        let (changer, turns) = (self.clone(), tasks.turns());
        Ok(task.run(async move { changer.add_disks(operation, uuid, mark, plan, turns).await }))
    }
}

/// A definition of a UUID that there is takes the place of the old one: never.
fn must_be_new(conn: &Connect, operation: &str, uuid: Uuid, name: &str) -> Result<(), Trouble> {
    let exists = |what: String| {
        refused(
            operation,
            Refusal::GuestExists,
            format!("there is a domain {what}"),
        )
    };
    if found(conn.lookup_domain_by_uuid(uuid), ErrorNumber::NoDomain)?.is_some() {
        return Err(exists(format!("with the UUID {uuid}")));
    }
    if found(conn.lookup_domain_by_name(name), ErrorNumber::NoDomain)?.is_some() {
        return Err(exists(format!("of the name '{name}'")));
    }
    Ok(())
}

fn define_clone(
    conn: &Connect,
    operation: &'static str,
    uuid: Uuid,
    from: Uuid,
    guest: &CloneGuest,
) -> Result<(Plan, String), Trouble> {
    let fits = |error: domain::Unfit| unfit(operation, &error);
    must_be_new(conn, operation, uuid, &guest.name)?;
    let source = conn.lookup_domain_by_uuid(from)?;
    must_be_off(operation, &source)?;
    let original = inactive(&source)?;
    let pools = volumes::pools(conn, operation)?;
    let around = Around {
        pools: &pools,
        sizes: &std::collections::BTreeMap::new(),
        on_boot: false,
    };
    let read = |xml: &str| domain::read(xml, None, &around).map_err(|error| unreadable(operation, &error));
    let hardware = read(&original)?.next;
    let mut changes = Vec::new();
    for (slot, disk) in &hardware.disks {
        let volume = volumes::volume(conn, operation, &disk.volume)?;
        let storage = volume.lookup_storage_pool()?.name()?;
        changes.push(Change::AddDisk(NewDisk {
            slot: slot.clone(),
            storage: guest.storage.clone().unwrap_or(storage),
            size: 0,
            format: None,
            copy_of: Some(disk.volume.clone()),
            settings: DiskSettings {
                discard: Some(disk.discard),
                ssd: Some(disk.ssd),
                iothread: Some(disk.iothread),
                ..DiskSettings::default()
            },
        }));
    }
    if !hardware.boot_devices.is_empty() {
        changes.push(Change::BootDevices(hardware.boot_devices));
    }
    let copied = Copied {
        name: &guest.name,
        uuid,
        description: &guest.description,
    };
    let mut xml = domain::copy(&original, &copied).map_err(fits)?;
    // The UUID is the copy's own from the beginning: its mark can be sealed at once.
    if let MarkReading::Unsealed(mark) = mark::read(guest.at.id, &read(&xml)?) {
        let description = mark.sealed(uuid).write_into(&guest.description);
        xml = domain::with_mark(&xml, &description).map_err(fits)?;
    }
    let mut plan = Plan::of(conn, operation, uuid, None, &changes)?;
    for planned in &mut plan.later {
        planned.linked = guest.linked;
        planned.from = Some(from);
    }
    for record in plan.records() {
        xml = domain::add_making(&xml, &record).map_err(fits)?;
    }
    let occupied = |change: &Change| matches!(change, Change::AddDisk(_));
    if plan.now.iter().any(occupied) {
        let message = "there are volumes of the copy's names already, and what they hold is not known";
        return Err(refused(operation, Refusal::Other, message));
    }
    let mark = define(conn, operation, &xml)?;
    Ok((plan, mark))
}

fn define(conn: &Connect, operation: &str, xml: &str) -> Result<String, Trouble> {
    conn.define_domain_xml(xml)?;
    mark_of(operation, xml)
}
