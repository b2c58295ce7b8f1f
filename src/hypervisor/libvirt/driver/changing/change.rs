//! Changes of a domain that there is.

use virt::connect::Connect;
use virt::domain::Domain;
use virt::sys;

use super::changer::{
    CHANGE_DEADLINE, Changer, inactive, judged, mark_of, refused, unfit, unreadable, uuid_of,
};
use super::disks::Plan;
use super::tasks::Tasks;
use super::{live, volumes};
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::libvirt::xml::domain::{self, Around, Host};
use crate::hypervisor::{Error, Refusal};
use crate::model::{Change, GuestConfig, Progress};
use crate::plan::identity::Ownership;

impl Changer {
    pub(in super::super) async fn configure(
        &self,
        tasks: &Tasks,
        own: &Ownership,
        base: &GuestConfig,
        changes: &[Change],
    ) -> Result<Progress, Error> {
        let operation = "configure";
        if changes.is_empty() {
            return Ok(Progress::Done);
        }
        // The changes were worked out on another configuration than the one that was judged.
        if base.digest != own.digest() {
            return Err(Error::Stale {
                operation: operation.to_owned(),
            });
        }
        let uuid = uuid_of(operation, own.address().id)?;
        let task = tasks.announce(operation, "qmconfig", uuid)?;
        let (judgement, host, changes) = (own.clone(), self.host.clone(), changes.to_vec());
        let define = move |conn: &Connect| {
            let domain = judged(conn, operation, uuid, &judgement)?;
            let xml = inactive(&domain)?;
            let changes = without_name(operation, &domain, changes)?;
            let plan = Plan::of(conn, operation, uuid, Some(&xml), &changes)?;
            alter(conn, operation, &domain, &xml, &plan, &host)?;
            Ok((plan, mark_of(operation, &inactive(&domain)?)?))
        };
        // The digest is compared right before: how old the judgement is does not matter.
        let (plan, mark) = self.change(CHANGE_DEADLINE, operation, None, define).await?;
        if plan.later.is_empty() {
            return Ok(Progress::Done);
        }
        let (hands, turns) = (self.clone(), tasks.turns());
        Ok(task.run(async move { hands.add_disks(operation, uuid, mark, plan, turns).await }))
    }

    pub(in super::super) async fn grow_disk(
        &self,
        tasks: &Tasks,
        own: &Ownership,
        slot: &str,
        bytes: u64,
    ) -> Result<Progress, Error> {
        let operation = "grow_disk";
        let uuid = uuid_of(operation, own.address().id)?;
        tasks.idle(operation, uuid)?;
        let slot = slot.to_owned();
        let grow = move |conn: &Connect| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            grow(conn, operation, &domain, &slot, bytes)
        };
        self.change(CHANGE_DEADLINE, operation, Some(own), grow).await?;
        Ok(Progress::Done)
    }
}

/// A running domain keeps its name: the other changes are made, and by itself that of the name is refused.
fn without_name(operation: &str, domain: &Domain, mut changes: Vec<Change>) -> Result<Vec<Change>, Trouble> {
    if domain.is_active()? {
        changes.retain(|change| !matches!(change, Change::Name(_)));
        if changes.is_empty() {
            let message = "the domain is running, and libvirt renames none that runs";
            return Err(refused(operation, Refusal::GuestRunning, message));
        }
    }
    Ok(changes)
}

/// Makes the changes of a plan that can be made at once, and records the volumes that are to be made.
fn alter(
    conn: &Connect,
    operation: &str,
    domain: &Domain,
    xml: &str,
    plan: &Plan,
    host: &Host,
) -> Result<(), Trouble> {
    let fits = |error: domain::Unfit| unfit(operation, &error);
    let altered = domain::alter(xml, &plan.now, host, &plan.sources).map_err(fits)?;
    let mut xml = altered.xml;
    for record in plan.records() {
        xml = domain::add_making(&xml, &record).map_err(fits)?;
    }
    if !domain.is_persistent()? {
        let message = "the domain is not defined any more: it ends when it stops";
        return Err(refused(operation, Refusal::Other, message));
    }
    if let Some(name) = &altered.rename {
        domain.rename(name, 0)?;
    }
    conn.define_domain_xml(&xml)?;
    for change in &plan.now {
        if let Change::OnBoot(on) = change {
            domain.set_autostart(*on)?;
        }
    }
    live::apply(domain, &altered.live)
}

fn grow(conn: &Connect, operation: &str, domain: &Domain, slot: &str, bytes: u64) -> Result<(), Trouble> {
    let pools = volumes::pools(conn, operation)?;
    let around = Around {
        pools: &pools,
        sizes: &std::collections::BTreeMap::new(),
        on_boot: false,
    };
    let runs = super::changer::live(domain)?;
    let config = domain::read(&inactive(domain)?, runs.as_deref(), &around);
    let config = config.map_err(|error| unreadable(operation, &error))?;
    let disk = config.current.disks.get(slot).ok_or_else(|| {
        let message = format!("the domain has no disk '{slot}'");
        refused(operation, Refusal::Parameters, message)
    })?;
    let volume = volumes::volume(conn, operation, &disk.volume)?;
    // Never shrunk: what lies beyond would be lost.
    if volume.info()?.capacity >= bytes {
        return Ok(());
    }
    if runs.is_some() {
        domain.block_resize(&volume.path()?, bytes, sys::VIR_DOMAIN_BLOCK_RESIZE_BYTES)?;
    } else {
        volume.resize(bytes, 0)?;
    }
    Ok(())
}
