//! Looks on at a machine that is somebody else's: no mark, no finalizer, no call that changes anything.

use kube::runtime::reflector::ObjectRef;

use super::keep;
use super::pass::{Again, End, Flow, Pass};
use super::site::Site;
use crate::api::conditions::reason;
use crate::api::names::ADOPT;
use crate::fleet::ConfigReading;
use crate::model::{GuestAddress, GuestId, GuestKind, GuestRow, PowerState};
use crate::plan::guest::{self, Managed, Reboot, Seen, SeenHa, SeenPool};
use crate::plan::guest_id;
use crate::plan::placing;
use crate::plan::status::{self, Outcome};

/// Tells how the machine under `spec.vmid` is, and where it is not as the spec says.
pub(super) async fn observe(pass: &mut Pass<'_>, site: &Site) -> Flow<End> {
    // Only an owner's number stands in the status: should the policy become Full, adoption is a decision of its own.
    let named = guest_id::pinned(&pass.vm.spec);
    let Some(id) = named.or_else(|| guest_id::current(&pass.status)) else {
        return Ok(End::waiting(placing::observed_without_number()));
    };
    pass.ctx
        .numbers
        .observe(site.cluster.id(), id, ObjectRef::from_obj(pass.vm.as_ref()));
    let Some(row) = site.snapshot.guest(id) else {
        return Ok(nothing(pass, site, id));
    };
    if row.kind == GuestKind::Container {
        return Ok(End::waiting(placing::observed_container(id)));
    }
    let at = row.address();
    let reading = reading(pass, site, &at, row).await?;
    let config = &reading.config;
    let own = pass.recorded().is_some_and(|uuid| config.uuid == Some(uuid))
        || pass.is_of_namespace(site, id, config);
    if !own && !placing::is_shown_by(&pass.vm, &site.host) {
        site.allowed().check_existing().map_err(End::from)?;
    }
    status::observe_row(&mut pass.status, row);
    pass.watch(site, id, config.current.agent);
    keep::observe_agent(pass, site, id, Some(config.current.agent));
    let desired = pass.desired(site)?;
    status::observe_config(&mut pass.status, &desired, config);
    let seen = Seen {
        config,
        power: PowerState::of(
            row.power,
            site.snapshot.paused.contains(&id),
            config.lock.as_ref(),
        ),
        // What password it has, nobody can tell.
        password_sent: None,
        managed: &Managed::default(),
        pool: row.pool.as_deref().map_or(SeenPool::None, SeenPool::In),
        reboot: Reboot::No,
        high_availability: SeenHa::Unknown,
        moving: None,
    };
    let plan = guest::plan(&desired, seen);
    pass.status.drift = plan.drift;
    pass.succeeded();
    if pass.status.drift.is_empty() {
        let message = format!(
            "machine {id} is looked at, and never changed (managementPolicy: Observe). To have it kept as declared, set \
             managementPolicy to Full and annotate the resource with {ADOPT}=true"
        );
        return Ok(End::new(Outcome::ready(reason::OBSERVED, message), Again::Idle));
    }
    let message = format!(
        "{}; managementPolicy is Observe, so nothing is put right",
        status::differences(&pass.status)
    );
    Ok(End::stalled(reason::DRIFT_REPORTED, message))
}

fn nothing(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> End {
    pass.status.node = None;
    pass.status.power_state = None;
    pass.status.observed = None;
    pass.forget_agent();
    pass.status.drift.clear();
    End::waiting(placing::nothing_to_observe(id, &site.host.name_any()))
}

/// What the sweep read last; read now if it did not yet, or if the list shows that it has changed.
async fn reading(pass: &Pass<'_>, site: &Site, at: &GuestAddress, row: &GuestRow) -> Flow<ConfigReading> {
    let last = site.cluster.last_config(at.id);
    if let Some(reading) = last.filter(|reading| status::shows(row, &reading.config)) {
        return Ok(reading);
    }
    let read = site.cluster.read_config(at).await;
    read.map_err(|e| pass.trouble(&e).into())
}
