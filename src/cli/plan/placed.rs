//! A machine that has a number: what stands under it, and what becomes of that.

use std::sync::Arc;
use std::time::Instant;

use kube::ResourceExt;

use super::found::{Found, Held};
use super::known::Known;
use super::site::Site;
use super::{compared, unplaced, wanted};
use crate::api::VirtualMachine;
use crate::controllers::virtual_machine::evidence::{self, Making};
use crate::hypervisor::Refusal;
use crate::model::{GuestConfig, GuestId, GuestKind, GuestRow, NumberState};
use crate::plan::identity::numbers;
use crate::plan::identity::placed::{self, Claim, Evidence, Sighting, Step};
use crate::plan::identity::presence::Presence;
use crate::plan::placing::{self, Lost};
use crate::plan::status;

/// How it goes on.
pub(super) enum Next {
    /// So.
    Found(Found),
    /// The number is given up, and another machine made, with these words.
    Anew(String),
}

/// What stands under the number.
enum Shown {
    Guest(Arc<GuestRow>, Box<GuestConfig>, Instant),
    OtherKind,
    Absent(Presence),
}

pub(super) async fn of(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    id: GuestId,
) -> Result<Next, Held> {
    if let Some(row) = site.row(id)
        && site
            .view()
            .nodes
            .iter()
            .any(|node| node.name == row.node && !node.online)
    {
        return Err(placing::node_offline(id, &row.node).into());
    }
    let (mut shown, mut step) = looked(known, site, machine, id).await?;
    // A task may just have ended between two reads, so a lock without one counts only when seen twice.
    if matches!(step, Step::StaleLock(_)) {
        (shown, step) = looked(known, site, machine, id).await?;
    }
    let concluded = matches!(step, Step::Lost | Step::GiveUp);
    if concluded && !site.quorate {
        return Err(placing::no_majority().into());
    }
    follow(known, site, machine, id, (shown, step)).await
}

/// Looks under the number, and at the nodes' tasks where what stands there proves nothing.
async fn looked(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    id: GuestId,
) -> Result<(Shown, Step), Held> {
    let shown = look(site, id).await?;
    let uid = machine.uid().unwrap_or_default();
    let claim = Claim {
        uid: &uid,
        id,
        expected: numbers::identity(&known.uid, &uid, id),
        recorded: recorded(machine),
        deleting: false,
        template: machine.spec.template == Some(true),
        // Which calls it sent, only the operator's process knows.
        late_call: None,
    };
    let at;
    let sighting = match &shown {
        Shown::Guest(row, config, read_at) => {
            at = row.address();
            Sighting::Guest {
                at: &at,
                config,
                read_at: *read_at,
            }
        }
        Shown::OtherKind => Sighting::OtherKind,
        Shown::Absent(presence) => Sighting::Absent(*presence),
    };
    let mut step = placed::decide(&claim, &sighting, None);
    if step == Step::LookAtTasks {
        let evidence = evidence(known, site, machine, id).await?;
        step = placed::decide(&claim, &sighting, Some(evidence));
        // One that is being made may not be in the list yet; the operator waits for the end of its task first.
        if evidence.running && matches!(step, Step::WaitForPresence(_)) {
            step = Step::LookAtTasks;
        }
    }
    Ok((shown, step))
}

async fn look(site: &Site, id: GuestId) -> Result<Shown, Held> {
    if let Some(row) = site.row(id) {
        if row.kind != GuestKind::VirtualMachine {
            return Ok(Shown::OtherKind);
        }
        let read_at = Instant::now();
        match site.driver.guest_config(&row.address()).await {
            Ok(config) => return Ok(Shown::Guest(row, Box::new(config), read_at)),
            // Destroyed or migrated since the list was made.
            Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Shown::Absent(absent(site, id).await?))
}

/// What the cluster says of a number that it does not show.
async fn absent(site: &Site, id: GuestId) -> Result<Presence, Held> {
    if !site.quorate {
        return Ok(Presence::NotQuorate);
    }
    Ok(match site.driver.number_state(id).await? {
        NumberState::Free => Presence::Gone,
        NumberState::Taken => Presence::Taken,
    })
}

/// What the nodes' tasks tell. As after a restart of the operator, nothing is known of the calls that were sent.
async fn evidence(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    id: GuestId,
) -> Result<Evidence, Held> {
    let desired = wanted::desired(known, site, machine).await.ok();
    let reservation = machine.status.as_ref().and_then(|s| s.reservation.as_ref());
    let making = Making {
        id,
        vm: machine,
        desired: desired.as_ref(),
        since: reservation.map(|r| r.since.0),
        none_taken: false,
    };
    Ok(evidence::gather(site.ground(), making).await?)
}

/// What the step means.
async fn follow(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    id: GuestId,
    (shown, step): (Shown, Step),
) -> Result<Next, Held> {
    let again = match step {
        Step::Act(_) => "",
        Step::Remark(_) => ", whose mark is written again",
        Step::Hold(why) => {
            let uid = machine.uid().unwrap_or_default();
            return Err(status::hold(why, id, &uid).into());
        }
        Step::StaleLock(lock) => {
            let row = site.row(id);
            let node = row.as_ref().map_or(&site.node, |row| &row.node);
            return Err(placing::stale_lock(id, &lock, node).into());
        }
        Step::WaitForPresence(Presence::Taken) if site.row(id).is_some() => {
            let what = format!("machine {id} moves or goes just now: look again");
            return Ok(Next::Found(Found::change(what)));
        }
        Step::WaitForPresence(presence) => return Err(placing::absent(id, presence).into()),
        Step::GiveUpLater(until) => return Err(placing::given_up_later(id, until).into()),
        Step::Lost => {
            return match placing::lost(machine, id, recorded(machine)) {
                Lost::Recreate(note) => Ok(Next::Anew(note)),
                Lost::Wait(outcome) => Err(outcome.into()),
            };
        }
        Step::Make => {
            let desired = wanted::desired(known, site, machine).await?;
            return unplaced::makes(known, site, machine, desired, Some(id))
                .await
                .map(Next::Found);
        }
        Step::GiveUp => {
            let note = format!("number {id} was taken by somebody else before the machine was made");
            return Ok(Next::Anew(note));
        }
        Step::WaitForHost(lock) => return Ok(under_way(&placing::at_work(id, &lock).message)),
        Step::Seal(_) => return Ok(under_way(&placing::sealing(id).message)),
        Step::Record(_) => return Ok(under_way(&placing::made(id).message)),
        Step::LookAtTasks | Step::Release | Step::LetGo => return Ok(busy(id)),
    };
    let Shown::Guest(row, config, _) = shown else {
        return Ok(busy(id));
    };
    let what = format!("machine {id} on node {}{again}", row.node);
    let mut found = compared::of(known, site, machine, (&row, &config), what).await?;
    found.changes += usize::from(!again.is_empty());
    Ok(Next::Found(found))
}

fn recorded(machine: &VirtualMachine) -> Option<uuid::Uuid> {
    let identity = machine.status.as_ref()?.identity.as_ref()?;
    Some(identity.uuid)
}

fn busy(id: GuestId) -> Next {
    under_way(&format!("the host is at work on machine {id}"))
}

/// It is on its way, and goes on by itself.
fn under_way(what: &str) -> Next {
    Next::Found(Found::change(format!("{what}: look again when that is done")))
}
