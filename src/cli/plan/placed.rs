//! A machine that has a number: what stands under it, and what becomes of that.

use std::time::Instant;

use kube::ResourceExt;

use super::found::{Found, Held};
use super::known::Known;
use super::site::Site;
use super::{compared, each, unplaced};
use crate::api::VirtualMachine;
use crate::hypervisor::{Hypervisor as _, Refusal};
use crate::model::{GuestConfig, GuestKind, GuestRow, Lock, NumberState, Vmid};
use crate::plan::identity::numbers;
use crate::plan::identity::placed::{self, Claim, Sighting, Step};
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

pub(super) async fn of(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    vmid: Vmid,
) -> Result<Next, Held> {
    let row = site.row(vmid);
    if let Some(row) = &row
        && site
            .view()
            .nodes
            .iter()
            .any(|node| node.name == row.node && !node.online)
    {
        return Err(placing::node_offline(vmid, &row.node).into());
    }
    let Some(row) = row.filter(|row| row.kind == GuestKind::VirtualMachine) else {
        let shown = site.row(vmid).is_some();
        let sighting = if shown {
            Sighting::OtherKind
        } else {
            Sighting::Absent(absent(site, vmid).await?)
        };
        return decided(known, site, machine, (vmid, None), &sighting).await;
    };
    let at = row.address();
    let read_at = Instant::now();
    let config = match site.driver.guest_config(&at).await {
        Ok(config) => config,
        Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => {
            return Ok(Next::Found(Found::change(format!(
                "machine {vmid} moves or goes just now: look again"
            ))));
        }
        Err(error) => return Err(error.into()),
    };
    let sighting = Sighting::Guest {
        at: &at,
        config: &config,
        read_at,
    };
    decided(known, site, machine, (vmid, Some((&row, &config))), &sighting).await
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

async fn decided(
    known: &Known,
    site: &Site,
    machine: &VirtualMachine,
    (vmid, shown): (Vmid, Option<(&GuestRow, &GuestConfig)>),
    sighting: &Sighting<'_>,
) -> Result<Next, Held> {
    let uid = machine.uid().unwrap_or_default();
    let recorded = machine
        .status
        .as_ref()
        .and_then(|s| s.identity.as_ref())
        .map(|i| i.uuid);
    let claim = Claim {
        uid: &uid,
        vmid,
        expected: numbers::identity(&known.uid, &uid, vmid),
        recorded,
        deleting: false,
        template: machine.spec.template == Some(true),
        late_call: None,
    };
    let again = match (placed::decide(&claim, sighting, None), shown) {
        (Step::Act(_), Some(_)) => "",
        (Step::Remark(_), Some(_)) => ", whose mark is written again",
        (Step::Hold(why), _) => return Err(status::hold(why, vmid, &uid).into()),
        (Step::WaitForPresence(presence), _) => return Err(placing::absent(vmid, presence).into()),
        (Step::Lost, _) => {
            return match placing::lost(machine, vmid, recorded) {
                Lost::Recreate(note) => Ok(Next::Anew(note)),
                Lost::Wait(outcome) => Err(outcome.into()),
            };
        }
        (Step::Make, _) => {
            let desired = each::desired(known, site, machine).await?;
            return unplaced::makes(known, site, machine, desired, Some(vmid))
                .await
                .map(Next::Found);
        }
        (Step::GiveUp, _) => {
            let note = format!("number {vmid} was taken by somebody else before the machine was made");
            return Ok(Next::Anew(note));
        }
        (_, shown) => {
            return Ok(Next::Found(under_way(
                vmid,
                recorded.is_some(),
                shown.map(|(_, config)| config),
            )));
        }
    };
    let Some((row, config)) = shown else {
        return Ok(Next::Found(under_way(vmid, true, None)));
    };
    let what = format!("machine {vmid} on node {}{again}", row.node);
    let mut found = compared::of(known, site, machine, (row, config), what).await?;
    found.changes += usize::from(!again.is_empty());
    Ok(Next::Found(found))
}

/// The host is at work on it, or was.
fn under_way(vmid: Vmid, made: bool, config: Option<&GuestConfig>) -> Found {
    let lock = config.and_then(|config| config.lock.as_ref());
    let doing = match lock {
        Some(Lock(lock)) if made => format!("is locked ('{lock}') while the host is at work on it"),
        _ => "is being made".to_owned(),
    };
    Found::change(format!("machine {vmid} {doing}: look again when that is done"))
}
