//! A machine that is only looked at.

use super::compared::{self, Read};
use super::found::{Found, Held};
use super::known::Known;
use super::site::Site;
use super::wanted;
use crate::api::VirtualMachine;
use crate::model::{GuestKind, PowerState};
use crate::plan::guest::{self, Managed, Reboot, Seen, SeenHa, SeenPool};
use crate::plan::guest_id;
use crate::plan::placing;

pub(super) async fn of(known: &Known, site: &Site, machine: &VirtualMachine) -> Result<Found, Held> {
    let status = machine.status.as_ref();
    let named = guest_id::pinned(&machine.spec);
    let Some(id) = named.or_else(|| status.and_then(guest_id::current)) else {
        return Err(placing::observed_without_number().into());
    };
    let namespace = machine.metadata.namespace.as_deref();
    let Some(row) = site.row(id) else {
        let host = site.host.name_any();
        return Err(placing::nothing_to_observe(id, &host).into());
    };
    if row.kind == GuestKind::Container {
        return Err(placing::observed_container(id).into());
    }
    let config = site.driver.guest_config(&row.address()).await?;
    let recorded = status.and_then(|s| s.identity.as_ref()).map(|i| i.uuid);
    let own = recorded.is_some_and(|uuid| config.uuid == Some(uuid))
        || site.owners(known).is_of_namespace(namespace, id, &config);
    if !own && !placing::is_shown_by(machine, &site.host) {
        site.allowed().check_existing()?;
    }
    let power = site.driver.guest_power(&row.address()).await?;
    let power = PowerState::of(power.power, power.paused, config.lock.as_ref());
    let desired = wanted::desired(known, site, machine).await?;
    let managed = Managed::default();
    let seen = Seen {
        config: &config,
        power,
        password_sent: None,
        managed: &managed,
        pool: row.pool.as_deref().map_or(SeenPool::None, SeenPool::In),
        reboot: Reboot::No,
        high_availability: SeenHa::Unknown,
        moving: None,
    };
    let plan = guest::plan(&desired, seen);
    let read = Read {
        id,
        machine,
        site,
        desired: &desired,
        seen,
        plan: &plan,
    };
    let what = format!("machine {id} on node {}, which is only looked at", row.node);
    compared::told(&read, what, Vec::new())
}
