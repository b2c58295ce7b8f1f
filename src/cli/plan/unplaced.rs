//! A machine that has no number: it is made, or one that stands there becomes the resource's own.

use kube::ResourceExt;

use super::found::{Found, Held};
use super::known::Known;
use super::placed::{self, Next};
use super::site::{Among, Site};
use super::{compared, wanted};
use crate::api::conditions::reason;
use crate::api::{GuestOrigin, IdentityStatus, VirtualMachine};
use crate::controllers::virtual_machine::{evidence, facts};
use crate::model::{GuestId, NumberState};
use crate::plan::desired::{Desired, Origin};
use crate::plan::guest_id;
use crate::plan::identity::unplaced::{self, Next as Due, Taking};
use crate::plan::placing::{self, Names};
use crate::plan::preview;
use crate::plan::status::Outcome;

pub(super) async fn of(known: &Known, site: &mut Site, machine: &VirtualMachine) -> Result<Found, Held> {
    placing::takes_machines(machine, &site.host)?;
    let desired = wanted::desired(known, site, machine).await?;
    let uid = machine.uid().unwrap_or_default();
    match site.seek(known, machine).await? {
        Due::Reserve if placing::adopts(machine) => {
            let shown = |id| site.row(id).map(|row| row.kind);
            return Err(placing::nothing_to_adopt(machine, shown).into());
        }
        Due::Reserve | Due::Release => {}
        Due::Take(id) => return take(known, site, machine, id).await,
        Due::Hold(id, obstacle) if obstacle.is_of_guest() => {
            return take(known, site, machine, id).await;
        }
        Due::Bind(id, identity) => return bound(known, site, machine, (id, identity)).await,
        Due::Hold(id, obstacle) => {
            return Err(placing::obstructed(machine, &uid, id, &obstacle).into());
        }
        Due::WaitFor(id) => return Err(placing::being_made(id).into()),
        Due::Read(left) => {
            let why = format!("{} machines that nobody owns could not be read", left.len());
            return Err(Held::Unknown(why));
        }
    }
    check_reserved(site, machine).await?;
    if let Some(id) = desired.pinned {
        let claimed = site.claimed(known, &uid).contains(&id);
        placing::check_taken(machine, id, site.row(id).as_deref(), claimed)?;
    }
    makes(known, site, machine, desired, None).await
}

/// A number that was reserved once and is not shown has to be free.
async fn check_reserved(site: &Site, machine: &VirtualMachine) -> Result<(), Held> {
    let Some(id) = placing::reserved_before(machine).filter(|id| site.row(*id).is_none()) else {
        return Ok(());
    };
    if !site.quorate || site.driver.number_state(id).await? == NumberState::Taken {
        return Err(placing::reserved_not_shown(id).into());
    }
    Ok(())
}

/// What is made, if it can be. `reserved`: the number that it has already.
pub(super) async fn makes(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    mut desired: Desired,
    reserved: Option<GuestId>,
) -> Result<Found, Held> {
    if let Origin::CloneOfResource(source) = &desired.origin
        && known.is_awaited(machine, source)
    {
        let mut found = Found::change(made(&desired, site, reserved));
        found.lines.push(format!(
            "waits for the machine of VirtualMachine '{source}', which this file declares"
        ));
        return Ok(found);
    }
    if let Some(what) = wanted::secrets(known, machine, &mut desired).await? {
        return Err(Outcome::stalled(reason::SECRET_NOT_USABLE, what).into());
    }
    let uid = machine.uid().unwrap_or_default();
    let among = Among {
        known,
        site,
        namespace: machine.metadata.namespace.as_deref(),
    };
    let mark = |id| placing::mark(machine, &uid, &known.uid, id, false);
    let facts = facts::check(site.ground(), &among, &desired, mark).await?;
    if let Some(id) = desired.pinned.filter(|_| reserved.is_none()) {
        // The backup of which the machine is made is one of this number's: it comes back to what it was.
        let restored = facts.archived_number() == Some(id);
        if let Some(volume) = facts::left_of(site.driver.as_ref(), site.storages(), id, !restored).await? {
            return Err(placing::has_volumes(id, &volume).into());
        }
        if site.driver.number_state(id).await? == NumberState::Taken {
            return Err(placing::not_shown(id).into());
        }
    }
    if !site.quorate {
        return Err(placing::no_majority().into());
    }
    let mut found = Found::change(made(&desired, site, reserved));
    found.lines.extend(preview::unsupported(&desired));
    Ok(found)
}

fn made(desired: &Desired, site: &Site, reserved: Option<GuestId>) -> String {
    let number = reserved
        .or(desired.pinned)
        .map_or_else(|| "the next number".to_owned(), |id| id.to_string());
    let from = match &desired.origin {
        Origin::Blank => "is made".to_owned(),
        Origin::CloneOf(id) => format!("is made as a copy of machine {id}"),
        Origin::CloneOfResource(name) => {
            format!("is made as a copy of that of VirtualMachine '{name}'")
        }
        Origin::CloneOfName(name) => format!("is made as a copy of machine '{name}'"),
        Origin::Restore(archive) => format!("is made of the backup {archive}"),
    };
    let shape = Some(preview::shape(desired)).filter(|shape| !shape.is_empty());
    format!(
        "machine '{}' {from} on {} under {number}{}{}",
        desired.name,
        site.host.title(),
        if shape.is_some() { ": " } else { "" },
        shape.unwrap_or_default()
    )
}

/// A machine that stands there becomes the resource's own, if it may.
async fn take(known: &Known, site: &Site, machine: &VirtualMachine, id: GuestId) -> Result<Found, Held> {
    let again = || Held::Unknown(format!("machine {id} moves or goes just now: look again"));
    let row = site.row(id).ok_or_else(again)?;
    let at = row.address();
    let config = site.driver.guest_config(&at).await?;
    let names = Names::of(machine, &known.machines, &known.hosts, site.cluster.as_str());
    let own = machine.uid().unwrap_or_default();
    let seeker = names.seeker(machine, &own, &known.uid, &known.recover_from);
    let (_, taking) = unplaced::take(&seeker, &at, &config, std::time::Instant::now())
        .map_err(|obstacle| placing::obstructed(machine, &own, id, &obstacle))?;
    let (how, origin) = match &taking {
        Taking::Adopt => {
            site.allowed().check_existing()?;
            (
                "which is adopted, as the annotation drover.dev/adopt says".to_owned(),
                GuestOrigin::Adopted,
            )
        }
        Taking::Rebind(former) => {
            if let Some(owner) = known.living(former) {
                return Err(placing::living(id, &owner).into());
            }
            (
                format!(
                    "which was made for this resource's predecessor (uid {former}) and becomes this one's"
                ),
                placing::origin(id, &config),
            )
        }
    };
    if !site.quorate {
        return Err(placing::no_majority().into());
    }
    let Some(uuid) = config.uuid else {
        return Err(again());
    };
    let task = evidence::running_on(site.driver.as_ref(), &at).await?;
    let what = format!("machine {id} on node {}, {how}", row.node);
    let machine = with_guest(machine, site, id, Some(uuid), origin);
    let mut found = compared::of(known, site, &machine, (&row, &config), what).await?;
    found.changes += 1;
    if let Some(task) = task {
        found.lines.insert(0, placing::taken_later(id, &task).message);
    }
    Ok(found)
}

/// The status was lost, and the machine is found again by its mark.
async fn bound(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    (id, identity): (GuestId, Option<uuid::Uuid>),
) -> Result<Found, Held> {
    let note = placing::bound_again(id);
    let Some(row) = site.row(id) else {
        return Ok(Found::change(note));
    };
    let config = site.driver.guest_config(&row.address()).await?;
    let mut machine = with_guest(machine, site, id, identity, placing::origin(id, &config));
    if identity.is_none() {
        // Without a seal the making must be proved by the nodes' tasks.
        let since = machine.metadata.creation_timestamp.clone();
        machine.status.get_or_insert_default().reservation =
            since.map(|since| guest_id::reservation(id, since));
        return Ok(match placed::of(known, site, &machine, id).await? {
            Next::Found(found) => Found {
                what: format!("{note}: {}", found.what),
                ..found
            },
            Next::Anew(why) => Found::change(why),
        });
    }
    let mut found = compared::of(known, site, &machine, (&row, &config), note).await?;
    found.changes += 1;
    Ok(found)
}

/// The resource as it is once it has the machine.
fn with_guest(
    machine: &VirtualMachine,
    site: &Site,
    id: GuestId,
    uuid: Option<uuid::Uuid>,
    origin: GuestOrigin,
) -> VirtualMachine {
    let mut machine = machine.clone();
    let status = machine.status.get_or_insert_default();
    guest_id::record(status, Some(id));
    status.cluster = Some(site.cluster.to_string());
    status.identity = uuid.map(|uuid| IdentityStatus { uuid });
    status.origin = Some(origin);
    machine
}
