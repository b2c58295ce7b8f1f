//! A machine with a number: what stands under it, and which step the identity rules then allow.

use jiff::{SignedDuration, Timestamp};
use kube::runtime::reflector::ObjectRef;

use super::pass::{Again, End, Flow, Pass, Site};
use super::task::{self, Act};
use super::{keep, make, record, remove};
use crate::api::conditions::reason;
use crate::api::names::RECREATE;
use crate::api::{IdentityStatus, WhenLost};
use crate::controllers::journal::Entry;
use crate::fleet::{ConfigReading, NumberPresence};
use crate::hypervisor::{Error, Refusal, TaskFilter};
use crate::model::{
    Change, GuestAddress, GuestKind, NumberState, Progress, TaskExit, TaskRecord, TaskState, Upid, Vmid,
};
use crate::plan::desired::Desired;
use crate::plan::identity::placed::{self, Claim, Evidence, Made, Sighting, Step};
use crate::plan::identity::presence::{self, NumberLook, Presence};
use crate::plan::identity::{Ownership, mark};
use crate::plan::making;
use crate::plan::status;

/// Clocks of nodes and of this process may differ; a task that began this long before the reservation still
/// counts as one that may have been ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// How much of a judgement's time is to be left when a call is prepared.
const JUDGED_LATELY: std::time::Duration = std::time::Duration::from_secs(1);

/// What was found under a number.
pub(super) enum Found {
    Guest(GuestAddress, ConfigReading),
    OtherKind,
    Absent(Presence),
}

/// Looks under the number and does what is due.
pub(super) async fn look_and_act(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    // Should the status be lost, a list from before that does not count.
    pass.ctx.memory.note(&pass.uid, |m| m.seeking_since = None);
    if let Some(row) = site.snapshot.guest(vmid) {
        status::observe_row(&mut pass.status, row);
        // The list goes on showing the guests of a node that is away as they were.
        if site
            .snapshot
            .node(row.node.as_str())
            .is_some_and(|node| !node.online)
        {
            let message = format!(
                "machine {vmid} is on node {}, which is offline: how it is can't be told, and nothing is sent until \
                 the node is back",
                row.node
            );
            return Ok(End::unknown(reason::NODE_OFFLINE, message));
        }
    }
    if let Some(end) = keep::unchanged(pass, site, vmid)? {
        return Ok(end);
    }
    let found = look(pass, site, vmid).await.map_err(|e| pass.trouble(&e))?;
    let step = decide(pass, site, vmid, &found).await?;
    let step = confirm(pass, site, step, &found).await?;
    if !matches!(step, Step::StaleLock(_)) {
        pass.ctx.memory.note(&pass.uid, |m| m.stale_lock = false);
    }
    match (step, found) {
        (Step::Act(own), Found::Guest(_, reading)) if pass.deleting => {
            remove::remove(pass, site, own, &reading).await
        }
        (Step::Act(own), Found::Guest(_, reading)) => keep::keep(pass, site, own, reading).await,
        (Step::Remark(own), Found::Guest(_, reading)) => remark(pass, site, vmid, &own, &reading).await,
        (Step::Seal(own), Found::Guest(_, reading)) => seal(pass, site, vmid, &own, &reading).await,
        (Step::Record(uuid), _) => {
            pass.status.identity = Some(IdentityStatus { uuid });
            pass.status.reservation = None;
            Ok(End::progressing(
                reason::CREATING,
                format!("machine {vmid} is made, and is compared with what is declared"),
                Again::Now,
            ))
        }
        (Step::Make, _) => {
            let desired = pass.desired(site)?;
            make::check(pass, site, &desired).await?;
            make::make(pass, site, vmid, &desired).await
        }
        (Step::GiveUp, _) => give_up(pass, site, vmid).await,
        (Step::WaitForHost(lock), _) => Ok(End::progressing(
            reason::HOST_BUSY,
            format!("the host is at work on machine {vmid} (lock '{}')", lock.0),
            Again::Busy,
        )),
        (Step::StaleLock(lock), _) => Ok(stale_lock(pass, site, vmid, &lock.0)),
        (Step::WaitForPresence(presence), _) => Ok(absent(vmid, presence)),
        (Step::Hold(why), _) => Ok(End::new(status::hold(why, vmid, &pass.uid), Again::Waiting)),
        (Step::Lost, _) => lost(pass, site, vmid).await,
        (Step::Release, _) => remove::release(pass, site, vmid).await,
        (Step::LookAtTasks | Step::Act(_) | Step::Remark(_) | Step::Seal(_), _) => Ok(End::progressing(
            reason::HOST_BUSY,
            format!("machine {vmid} is looked at again"),
            Again::Busy,
        )),
    }
}

/// That a stranger has the number proves something only if the cluster at the address is still the same one.
/// Where nothing stands under it, that was checked already.
async fn confirm(pass: &Pass<'_>, site: &Site, step: Step, found: &Found) -> Flow<Step> {
    let concluded = matches!(step, Step::Lost | Step::Release | Step::GiveUp);
    if !concluded || matches!(found, Found::Absent(_)) {
        return Ok(step);
    }
    let majority = site
        .cluster
        .confirm_cluster()
        .await
        .map_err(|e| pass.trouble(&e))?;
    Ok(if majority {
        step
    } else {
        Step::WaitForPresence(Presence::NotQuorate)
    })
}

/// Reads what stands under a number.
async fn look(pass: &Pass<'_>, site: &Site, vmid: Vmid) -> Result<Found, Error> {
    let row = site.snapshot.guest(vmid);
    if row.is_some_and(|row| row.kind == GuestKind::Container) {
        return Ok(Found::OtherKind);
    }
    if let Some(at) = site.snapshot.address(vmid) {
        match site.cluster.read_config(&at).await {
            Ok(reading) => return Ok(Found::Guest(at, reading)),
            // Destroyed or migrated since the list was made; which, only the cluster's own list tells.
            Err(error) if error.refusal() == Some(&Refusal::GuestMissing) => site.cluster.refresh(),
            Err(error) => return Err(error),
        }
    }
    let quorate = |quorate, state| NumberLook {
        quorate_before: quorate,
        state,
        quorate_after: quorate,
    };
    let seen = match site.cluster.confirm_gone(vmid).await? {
        NumberPresence::Free => quorate(true, NumberState::Free),
        NumberPresence::Taken => {
            site.cluster.refresh();
            quorate(true, NumberState::Taken)
        }
        NumberPresence::NotQuorate => quorate(false, NumberState::Free),
    };
    let now = pass.ctx.runtime.clock.now();
    let settle = SignedDuration::try_from(pass.ctx.settings.timing.create_settle).unwrap_or(presence::SETTLE);
    Ok(Found::Absent(presence::conclude(
        seen,
        unknown_create(pass),
        settle,
        now,
    )))
}

/// When a create of this machine was last sent whose answer this process does not know.
fn unknown_create(pass: &Pass<'_>) -> Option<Timestamp> {
    let making = pass.ctx.memory.get(&pass.uid).making;
    if making.reserved_here {
        making.unknown
    } else {
        pass.status.reservation.as_ref().map(|_| pass.ctx.started)
    }
}

async fn decide(pass: &mut Pass<'_>, site: &Site, vmid: Vmid, found: &Found) -> Flow<Step> {
    let uid = pass.uid.clone();
    let claim = Claim {
        uid: &uid,
        vmid,
        expected: pass.identity(vmid),
        recorded: pass.recorded(),
        deleting: pass.deleting,
    };
    let sighting = match found {
        Found::Guest(at, reading) => Sighting::Guest {
            at,
            config: &reading.config,
            read_at: reading.read_at,
        },
        Found::OtherKind => Sighting::OtherKind,
        Found::Absent(presence) => Sighting::Absent(*presence),
    };
    match placed::decide(&claim, &sighting, None) {
        Step::LookAtTasks => {
            let evidence = evidence(pass, site, vmid).await.map_err(|e| pass.trouble(&e))?;
            Ok(placed::decide(&claim, &sighting, Some(evidence)))
        }
        step => Ok(step),
    }
}

/// What the nodes' own task lists tell of the making of a guest.
async fn evidence(pass: &Pass<'_>, site: &Site, vmid: Vmid) -> Result<Evidence, Error> {
    let driver = site.cluster.driver();
    let by_number = TaskFilter {
        vmid: Some(vmid),
        ..TaskFilter::default()
    };
    let home = site
        .snapshot
        .address(vmid)
        .map_or(site.node.clone(), |at| at.node);
    let mut of_number = driver.node_tasks(&home, &by_number).await?;
    if home != site.node {
        of_number.extend(driver.node_tasks(&site.node, &by_number).await?);
    }
    // A clone's task runs on the source's node and carries the source's number.
    let desired = pass.desired(site).ok();
    let source = desired.as_ref().and_then(|d| source_address(site, d));
    let mut clones = Vec::new();
    let earliest = pass.status.reservation.as_ref().and_then(|r| {
        let since = r.since.0.checked_sub(CLOCK_TOLERANCE).ok()?;
        Some(since.as_second())
    });
    let is_clone = pass.vm.spec.source.as_ref().is_some_and(|s| s.clone.is_some());
    if source.is_none() && is_clone {
        // Renamed or removed since: whichever it was, its clone may still run.
        let filter = TaskFilter {
            kind: Some("qmclone".to_owned()),
            since: earliest,
            ..TaskFilter::default()
        };
        for node in site.snapshot.nodes.iter().filter(|node| node.online) {
            clones.extend(driver.node_tasks(&node.name, &filter).await?);
        }
    }
    if let Some(at) = &source {
        let filter = TaskFilter {
            vmid: Some(at.vmid),
            ..TaskFilter::default()
        };
        clones = driver.node_tasks(&at.node, &filter).await?;
        clones.retain(|t| t.upid.kind() == "qmclone");
    }
    let making = pass.ctx.memory.get(&pass.uid).making;
    let user = account(&site.cluster.user());
    let ours = |task: &&TaskRecord| {
        account(task.upid.user()) == user && !matches!(task.state, TaskState::Ended(TaskExit::Failed(_)))
    };
    let destroyed = of_number
        .iter()
        .filter(|t| t.upid.kind() == "qmdestroy" && t.state != TaskState::Running)
        .map(|t| t.upid.started())
        .max();
    let created = of_number
        .iter()
        .filter(|t| t.upid.kind() == "qmcreate")
        .filter(ours);
    let copies = clones
        .iter()
        .filter(ours)
        .filter(|t| earliest.is_none_or(|earliest| t.upid.started() >= earliest));
    let made = created.chain(copies).map(|t| t.upid.started()).max();
    let running = |task: &TaskRecord| task.state == TaskState::Running && !is_console(task.upid.kind());
    let all_online = site.snapshot.nodes.iter().all(|node| node.online);
    Ok(Evidence {
        made: match made {
            Some(_) if made >= destroyed => Made::ByUs,
            _ if is_clone && source.is_none() && !all_online => Made::Unclear,
            _ => Made::NotByUs,
        },
        running: of_number.iter().any(running) || clones.iter().any(running),
        none_taken: making.none_taken(),
    })
}

/// The user of a token: a rotated token of the same user still is ours.
fn account(user: &str) -> String {
    user.split('!').next().unwrap_or(user).to_owned()
}

fn source_address(site: &Site, desired: &Desired) -> Option<GuestAddress> {
    let row = making::source(desired, make::view(&site.snapshot))
        .ok()
        .flatten()?;
    Some(GuestAddress {
        node: row.node.clone(),
        vmid: row.vmid,
    })
}

async fn remark(
    pass: &mut Pass<'_>,
    site: &Site,
    vmid: Vmid,
    own: &Ownership,
    reading: &ConfigReading,
) -> Flow<End> {
    let sealed = pass
        .recorded()
        .map_or_else(|| pass.mark(vmid), |uuid| pass.mark(vmid).sealed(uuid));
    let changes = [Change::Description(
        sealed.write_into(&reading.config.description),
    )];
    let written = site
        .cluster
        .driver()
        .configure(own, &reading.config, &changes)
        .await;
    written.map_err(|e| pass.trouble(&e))?;
    let note = format!("somebody took the mark of machine {vmid} away; it is written again");
    pass.entries.push(Entry::warning(reason::REMARKED, note.clone()));
    Ok(End::progressing(reason::CONFIGURING, note, Again::Now))
}

/// Gives a fresh clone its identity and its sealed mark, in one write, before its first start.
async fn seal(
    pass: &mut Pass<'_>,
    site: &Site,
    vmid: Vmid,
    own: &Ownership,
    reading: &ConfigReading,
) -> Flow<End> {
    let identity = pass.identity(vmid);
    let described = mark_over(pass, vmid, identity, &reading.config.description);
    let changes = [Change::Uuid(identity), Change::Description(described)];
    let written = site
        .cluster
        .driver()
        .configure(own, &reading.config, &changes)
        .await;
    let message = format!("machine {vmid} gets its identity");
    match written.map_err(|e| pass.trouble(&e))? {
        Progress::Done => {
            let note = format!("machine {vmid} has its own identity now");
            pass.entries.push(Entry::normal(reason::SEALED, note));
            Ok(End::progressing(reason::SEALING, message, Again::Now))
        }
        Progress::Running(upid) => Ok(task::begin(pass, site, vmid, Act::Configure, &upid, None)),
    }
}

fn mark_over(pass: &Pass<'_>, vmid: Vmid, identity: uuid::Uuid, description: &str) -> String {
    let mark: mark::Mark = pass.mark(vmid).sealed(identity);
    mark.write_into(description)
}

/// The number is a stranger's: it is forgotten, and another one reserved.
async fn give_up(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    // The status forgets the number, and it must not be given again.
    remove::spend(pass, site, vmid)
        .await
        .map_err(super::pass::Stop::Error)?;
    pass.status.vmid = None;
    pass.status.reservation = None;
    pass.status.node = None;
    pass.status.observed = None;
    pass.status.power_state = None;
    let note =
        format!("number {vmid} was taken by somebody else before the machine was made; another one is used");
    pass.entries
        .push(Entry::warning(reason::VMID_GIVEN_UP, note.clone()));
    record::save(pass).await.map_err(super::pass::Stop::Error)?;
    let owner = ObjectRef::from_obj(pass.vm.as_ref());
    pass.ctx.numbers.disown(site.cluster.id(), vmid, &owner);
    pass.ctx.memory.note(&pass.uid, |m| {
        m.making = crate::controllers::memory::Making::default();
    });
    site.cluster.refresh();
    Ok(End::progressing(reason::RESERVING, note, Again::Now))
}

/// A task may just have ended between two reads, so a lock without one counts only when seen twice.
fn stale_lock(pass: &Pass<'_>, site: &Site, vmid: Vmid, lock: &str) -> End {
    let before = pass.ctx.memory.get(&pass.uid).stale_lock;
    pass.ctx.memory.note(&pass.uid, |m| m.stale_lock = true);
    if !before {
        let message = format!("machine {vmid} is locked ('{lock}'), and is looked at again");
        return End::progressing(reason::HOST_BUSY, message, Again::Busy);
    }
    let node = site
        .snapshot
        .address(vmid)
        .map_or(site.node.clone(), |at| at.node);
    End::stalled(
        reason::STALE_LOCK,
        format!(
            "machine {vmid} is locked ('{lock}') and no task runs that would explain it. Nothing is sent. If nothing \
             is under way, run 'qm unlock {vmid}' on node {node}; an unfinished machine can be removed with \
             'qm destroy {vmid}'"
        ),
    )
}

fn absent(vmid: Vmid, presence: Presence) -> End {
    match presence {
        Presence::Taken => End::unknown(
            reason::PRESENCE_UNKNOWN,
            format!(
                "the cluster says that machine {vmid} exists, but does not show it: it may be on its way to another \
                 node, or the token lacks VM.Audit on /vms/{vmid}. Nothing counts as gone"
            ),
        ),
        Presence::Unsettled(until) => End::unknown(
            reason::PRESENCE_UNKNOWN,
            format!(
                "machine {vmid} does not exist, but a create whose answer is unknown may still make it; this is \
                 certain at {until:.0}"
            ),
        ),
        Presence::NotQuorate => End::unknown(
            reason::NOT_QUORATE,
            "the cluster has no majority: nothing can be concluded until it has",
        ),
        Presence::Gone => End::unknown(reason::PRESENCE_UNKNOWN, format!("machine {vmid} does not exist")),
    }
}

/// A wanted machine that is gone is made again only if somebody said so.
async fn lost(pass: &mut Pass<'_>, site: &Site, vmid: Vmid) -> Flow<End> {
    let identity = pass.recorded().map(|uuid| uuid.to_string()).unwrap_or_default();
    let annotations = pass.vm.metadata.annotations.as_ref();
    let asked = annotations
        .and_then(|a| a.get(RECREATE))
        .is_some_and(|v| *v == identity);
    let wanted = asked || pass.vm.spec.when_lost == Some(WhenLost::Recreate);
    if wanted && pass.vm.spec.vmid == Some(vmid.get()) {
        let message = format!(
            "machine {vmid} no longer exists on the host, and spec.vmid names its number: a number is not given twice. \
             Remove spec.vmid, and the machine is made again under a new one"
        );
        return Ok(End::stalled(reason::GUEST_LOST, message));
    }
    if wanted {
        // The status forgets the number, and it must not be given again.
        remove::spend(pass, site, vmid)
            .await
            .map_err(super::pass::Stop::Error)?;
        let note = format!("machine {vmid} ({identity}) is gone, and is made again under a new number");
        pass.status.vmid = None;
        pass.status.identity = None;
        pass.status.reservation = None;
        pass.status.observed = None;
        pass.status.power_state = None;
        pass.status.addresses.clear();
        pass.status.drift.clear();
        pass.status.pending.clear();
        pass.ctx.memory.note(&pass.uid, |m| {
            m.making = crate::controllers::memory::Making::default();
        });
        pass.entries
            .push(Entry::warning(reason::RECREATING, note.clone()));
        return Ok(End::progressing(reason::RECREATING, note, Again::Now));
    }
    pass.status.observed = None;
    pass.status.power_state = None;
    pass.status.addresses.clear();
    Ok(End::stalled(
        reason::GUEST_LOST,
        format!(
            "machine {vmid} no longer exists on the host, or another one has its number. It is not made again by \
             itself: its data would be missing. To make it again, run kubectl annotate dvm {} \
             drover.dev/recreate={identity}",
            pass.vm.metadata.name.clone().unwrap_or_default()
        ),
    ))
}

/// Whether a task is somebody's open console: it runs as long as somebody looks, and changes nothing.
fn is_console(kind: &str) -> bool {
    matches!(
        kind,
        "vncproxy" | "termproxy" | "spiceproxy" | "vncshell" | "spiceshell"
    )
}

/// Judges the guest once more if the judgement is about to be too old for a call that carries no digest: on a
/// slow host the reads before it take that long.
pub(super) async fn judge_again(pass: &mut Pass<'_>, site: &Site, own: Ownership) -> Flow<Ownership> {
    let soon = pass.ctx.runtime.clock.instant() + JUDGED_LATELY;
    if !own.is_stale(soon) {
        return Ok(own);
    }
    let at = own.address().clone();
    let reading = site
        .cluster
        .read_config(&at)
        .await
        .map_err(|e| pass.trouble(&e))?;
    let vmid = at.vmid;
    if let Step::Act(own) = decide(pass, site, vmid, &Found::Guest(at, reading)).await? {
        return Ok(own);
    }
    let message = format!("machine {vmid} changed while it was looked at");
    Err(End::progressing(reason::HOST_BUSY, message, Again::Now).into())
}

/// Whether the host works on the guest already: asked before the first mutation of this process, and after
/// an answer was lost. Such a task is waited for, not repeated.
pub(super) async fn under_way(pass: &mut Pass<'_>, site: &Site, own: &Ownership) -> Flow<()> {
    if pass.ctx.memory.get(&pass.uid).settled {
        return Ok(());
    }
    let at = own.address();
    let filter = TaskFilter {
        vmid: Some(at.vmid),
        active_only: true,
        ..TaskFilter::default()
    };
    let tasks = site.cluster.driver().node_tasks(&at.node, &filter).await;
    let tasks = tasks.map_err(|e| pass.trouble(&e))?;
    let running: Option<Upid> = tasks
        .into_iter()
        .find(|t| t.state == TaskState::Running && !is_console(t.upid.kind()))
        .map(|t| t.upid);
    if let Some(upid) = running {
        let act = if upid.kind() == "qmdestroy" && pass.deleting {
            Act::Destroy
        } else {
            Act::Other
        };
        return Err(task::begin(pass, site, at.vmid, act, &upid, None).into());
    }
    pass.ctx.memory.note(&pass.uid, |m| m.settled = true);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_console_is_no_work_on_a_guest() {
        for kind in ["vncproxy", "termproxy", "spiceproxy"] {
            assert!(is_console(kind), "{kind}");
        }
        for kind in [
            "qmstart",
            "qmshutdown",
            "qmdestroy",
            "vzdump",
            "qmigrate",
            "resize",
        ] {
            assert!(!is_console(kind), "{kind}");
        }
    }
}
