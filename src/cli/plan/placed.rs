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
use crate::hypervisor::{Hypervisor as _, Refusal};
use crate::model::{GuestConfig, GuestKind, GuestRow, NumberState, Vmid};
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
    vmid: Vmid,
) -> Result<Next, Held> {
    if let Some(row) = site.row(vmid)
        && site
            .view()
            .nodes
            .iter()
            .any(|node| node.name == row.node && !node.online)
    {
        return Err(placing::node_offline(vmid, &row.node).into());
    }
    let (mut shown, mut step) = looked(known, site, machine, vmid).await?;
    // A task may just have ended between two reads, so a lock without one counts only when seen twice.
    if matches!(step, Step::StaleLock(_)) {
        (shown, step) = looked(known, site, machine, vmid).await?;
    }
    let concluded = matches!(step, Step::Lost | Step::GiveUp);
    if concluded && !site.quorate {
        return Err(placing::no_majority().into());
    }
    follow(known, site, machine, vmid, (shown, step)).await
}

/// Looks under the number, and at the nodes' tasks where what stands there proves nothing.
async fn looked(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    vmid: Vmid,
) -> Result<(Shown, Step), Held> {
    let shown = look(site, vmid).await?;
    let uid = machine.uid().unwrap_or_default();
    let claim = Claim {
        uid: &uid,
        vmid,
        expected: numbers::identity(&known.uid, &uid, vmid),
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
        let evidence = evidence(known, site, machine, vmid).await?;
        step = placed::decide(&claim, &sighting, Some(evidence));
        // One that is being made may not be in the list yet; the operator waits for the end of its task first.
        if evidence.running && matches!(step, Step::WaitForPresence(_)) {
            step = Step::LookAtTasks;
        }
    }
    Ok((shown, step))
}

async fn look(site: &Site, vmid: Vmid) -> Result<Shown, Held> {
    if let Some(row) = site.row(vmid) {
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
    Ok(Shown::Absent(absent(site, vmid).await?))
}

/// What the cluster says of a number that it does not show.
async fn absent(site: &Site, vmid: Vmid) -> Result<Presence, Held> {
    if !site.quorate {
        return Ok(Presence::NotQuorate);
    }
    Ok(match site.driver.number_state(vmid).await? {
        NumberState::Free => Presence::Gone,
        NumberState::Taken => Presence::Taken,
    })
}

/// What the nodes' tasks tell. As after a restart of the operator, nothing is known of the calls that were sent.
async fn evidence(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    vmid: Vmid,
) -> Result<Evidence, Held> {
    let desired = wanted::desired(known, site, machine).await.ok();
    let reservation = machine.status.as_ref().and_then(|s| s.reservation.as_ref());
    let making = Making {
        vmid,
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
    vmid: Vmid,
    (shown, step): (Shown, Step),
) -> Result<Next, Held> {
    let again = match step {
        Step::Act(_) => "",
        Step::Remark(_) => ", whose mark is written again",
        Step::Hold(why) => {
            let uid = machine.uid().unwrap_or_default();
            return Err(status::hold(why, vmid, &uid).into());
        }
        Step::StaleLock(lock) => {
            let row = site.row(vmid);
            let node = row.as_ref().map_or(&site.node, |row| &row.node);
            return Err(placing::stale_lock(vmid, &lock, node).into());
        }
        Step::WaitForPresence(Presence::Taken) if site.row(vmid).is_some() => {
            let what = format!("machine {vmid} moves or goes just now: look again");
            return Ok(Next::Found(Found::change(what)));
        }
        Step::WaitForPresence(presence) => return Err(placing::absent(vmid, presence).into()),
        Step::GiveUpLater(until) => return Err(placing::given_up_later(vmid, until).into()),
        Step::Lost => {
            return match placing::lost(machine, vmid, recorded(machine)) {
                Lost::Recreate(note) => Ok(Next::Anew(note)),
                Lost::Wait(outcome) => Err(outcome.into()),
            };
        }
        Step::Make => {
            let desired = wanted::desired(known, site, machine).await?;
            return unplaced::makes(known, site, machine, desired, Some(vmid))
                .await
                .map(Next::Found);
        }
        Step::GiveUp => {
            let note = format!("number {vmid} was taken by somebody else before the machine was made");
            return Ok(Next::Anew(note));
        }
        Step::WaitForHost(lock) => return Ok(under_way(&placing::at_work(vmid, &lock).message)),
        Step::Seal(_) => return Ok(under_way(&placing::sealing(vmid).message)),
        Step::Record(_) => return Ok(under_way(&placing::made(vmid).message)),
        Step::LookAtTasks | Step::Release | Step::LetGo => return Ok(busy(vmid)),
    };
    let Shown::Guest(row, config, _) = shown else {
        return Ok(busy(vmid));
    };
    let what = format!("machine {vmid} on node {}{again}", row.node);
    let mut found = compared::of(known, site, machine, (&row, &config), what).await?;
    found.changes += usize::from(!again.is_empty());
    Ok(Next::Found(found))
}

fn recorded(machine: &VirtualMachine) -> Option<uuid::Uuid> {
    let identity = machine.status.as_ref()?.identity.as_ref()?;
    Some(identity.uuid)
}

fn busy(vmid: Vmid) -> Next {
    under_way(&format!("the host is at work on machine {vmid}"))
}

/// It is on its way, and goes on by itself.
fn under_way(what: &str) -> Next {
    Next::Found(Found::change(format!("{what}: look again when that is done")))
}
