//! A machine with a number: what stands under it, and which step the identity rules then allow.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pass::{Again, End, Flow, Pass, Stop};
use super::site::Site;
use super::task::{self, Act};
use super::{evidence, keep, lost, make, record, remove};
use crate::api::IdentityStatus;
use crate::api::conditions::reason;
use crate::controllers::journal::Entry;
use crate::fleet::{ConfigReading, NumberPresence};
use crate::hypervisor::{Error, Refusal};
use crate::model::{Change, GuestAddress, GuestId, GuestKind, Lock, NumberState, Progress};
use crate::plan::identity::placed::{self, Claim, Sighting, Step};
use crate::plan::identity::presence::{self, NumberLook, Presence};
use crate::plan::identity::{Ownership, mark};
use crate::plan::placing;
use crate::plan::status;

/// How much of a judgement's time is to be left when a call is prepared.
const JUDGED_LATELY: std::time::Duration = std::time::Duration::from_secs(1);

/// What was found under a number.
pub(super) enum Found {
    Guest(GuestAddress, ConfigReading),
    OtherKind,
    Absent(Presence),
}

/// Looks under the number and does what is due.
pub(super) async fn look_and_act(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    // Somebody took it off, or an old copy of the resource was put back: without it a deletion would forget the guest.
    if !pass.deleting {
        record::claim(pass, id).await.map_err(Stop::Error)?;
    }
    // Should the status be lost, a list from before that does not count.
    pass.ctx.memory.note(&pass.uid, |m| m.seeking_since = None);
    if let Some(row) = site.snapshot.guest(id) {
        status::observe_row(&mut pass.status, row);
        // The list goes on showing the guests of a node that is away as they were.
        if site
            .snapshot
            .node(row.node.as_str())
            .is_some_and(|node| !node.online)
        {
            return Ok(End::new(placing::node_offline(id, &row.node), Again::Busy));
        }
    }
    if let Some(end) = keep::unchanged(pass, site, id).await? {
        return Ok(end);
    }
    // This process reserved the number, and the host took no call for it yet: whoever has it now, the host refuses.
    let making = pass.ctx.memory.get(&pass.uid).making;
    let unmade = pass.recorded().is_none() && making.none_taken() && !making.refused;
    if unmade && !pass.deleting && site.snapshot.guest(id).is_none() {
        return make_it(pass, site, id).await;
    }
    // Before the reads: one that was made while a task ran would show what the task has changed since.
    if let Some(at) = site.snapshot.address(id) {
        evidence::under_way(pass, site, &at).await?;
    }
    let found = look(pass, site, id).await.map_err(|e| pass.trouble(&e))?;
    let step = decide(pass, site, id, &found).await?;
    let step = confirm(pass, site, step, &found).await?;
    if !matches!(step, Step::StaleLock(_)) {
        pass.ctx.memory.note(&pass.uid, |m| m.stale_lock = false);
    }
    match (step, found) {
        (Step::Act(own), Found::Guest(_, reading)) if pass.deleting => {
            remove::remove(pass, site, own, &reading).await
        }
        (Step::Act(own), Found::Guest(_, reading)) => keep::keep(pass, site, own, reading).await,
        (Step::Remark(own), Found::Guest(_, reading)) => remark(pass, site, id, &own, &reading).await,
        (Step::Seal(own), Found::Guest(_, reading)) => seal(pass, site, id, &own, &reading).await,
        (Step::Record(uuid), found) => {
            if let Found::Guest(_, reading) = &found {
                pass.status.origin = Some(placing::origin(id, &reading.config));
            }
            note_earlier_calls(pass);
            pass.status.identity = Some(IdentityStatus { uuid });
            pass.status.reservation = None;
            Ok(End::new(placing::made(id), Again::Now))
        }
        (Step::Make, _) => make_it(pass, site, id).await,
        (Step::GiveUp, _) => lost::give_up(pass, site, id).await,
        (Step::GiveUpLater(until), _) => Ok(End::new(placing::given_up_later(id, until), Again::Busy)),
        (Step::WaitForHost(lock), _) => Ok(End::new(placing::at_work(id, &lock), Again::Busy)),
        (Step::StaleLock(lock), _) => Ok(stale_lock(pass, site, id, &lock)),
        (Step::WaitForPresence(presence), _) => Ok(absent(id, presence)),
        (Step::Hold(why), _) => Ok(End::new(status::hold(why, id, &pass.uid), Again::Waiting)),
        (Step::Lost, _) => lost::lost(pass, site, id).await,
        (Step::Release, _) => remove::gone(pass, site, id).await,
        (Step::LetGo, _) => remove::let_go(pass, site, id).await,
        (Step::LookAtTasks | Step::Act(_) | Step::Remark(_) | Step::Seal(_), _) => Ok(End::progressing(
            reason::HOST_BUSY,
            format!("machine {id} is looked at again"),
            Again::Busy,
        )),
    }
}

async fn make_it(pass: &mut Pass<'_>, site: &Site, id: GuestId) -> Flow<End> {
    let mut desired = pass.desired(site)?;
    let driver = site.cluster.driver();
    let facts = make::check(pass, site, driver.as_ref(), &mut desired).await?;
    note_second_call(pass).await?;
    make::make(pass, site, id, &desired, &facts).await
}

/// That a stranger has the number proves something only if the cluster at the address is still the same one.
/// Where nothing stands under it, that was checked already.
async fn confirm(pass: &Pass<'_>, site: &Site, step: Step, found: &Found) -> Flow<Step> {
    let concluded = matches!(step, Step::Lost | Step::Release | Step::LetGo | Step::GiveUp);
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
async fn look(pass: &Pass<'_>, site: &Site, id: GuestId) -> Result<Found, Error> {
    let row = site.snapshot.guest(id);
    if row.is_some_and(|row| row.kind == GuestKind::Container) {
        return Ok(Found::OtherKind);
    }
    if let Some(at) = site.snapshot.address(id) {
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
    let seen = match site.cluster.confirm_gone(id).await? {
        NumberPresence::Free => quorate(true, NumberState::Free),
        NumberPresence::Taken => {
            site.cluster.refresh();
            quorate(true, NumberState::Taken)
        }
        NumberPresence::NotQuorate => quorate(false, NumberState::Free),
    };
    let now = pass.ctx.runtime.clock.now();
    Ok(Found::Absent(presence::conclude(
        seen,
        unknown_create(pass),
        settle(pass),
        now,
    )))
}

/// When a create of this machine was last sent whose answer this process does not know: by itself, or by one before it.
fn unknown_create(pass: &Pass<'_>) -> Option<Timestamp> {
    let making = pass.ctx.memory.get(&pass.uid).making;
    let reserved = pass.status.reservation.as_ref();
    let before = reserved.filter(|_| !making.reserved_here);
    making.unknown.max(before.map(|_| pass.ctx.started))
}

/// Until when a creating call that was sent beside another one may still arrive.
pub(super) fn late_call(pass: &Pass<'_>) -> Option<Timestamp> {
    let again = pass.status.create_sent_again_at.as_ref().map(|sent| sent.0);
    // Of one that was never seen whole any call may be the late one.
    let unknown = unknown_create(pass).filter(|_| pass.recorded().is_none());
    let until = again.max(unknown)?.checked_add(settle(pass)).ok()?;
    (pass.ctx.runtime.clock.now() < until).then_some(until)
}

/// How long a call whose answer is unknown may take to show.
pub(super) fn settle(pass: &Pass<'_>) -> SignedDuration {
    let settle = pass.ctx.settings.timing.create_settle;
    SignedDuration::try_from(settle).unwrap_or(presence::SETTLE)
}

/// Before a creating call is sent while an earlier one may still arrive, that is noted: both may make a guest, one after
/// the other.
async fn note_second_call(pass: &mut Pass<'_>) -> Flow<()> {
    let now = pass.ctx.runtime.clock.now();
    let may_arrive = |sent: Timestamp| sent.checked_add(settle(pass)).is_ok_and(|until| now < until);
    if unknown_create(pass).is_some_and(may_arrive) {
        pass.status.create_sent_again_at = Some(Time(now));
        record::save(pass).await.map_err(Stop::Error)?;
    }
    Ok(())
}

/// A process before this one may have sent several calls, and what it noted of that may be lost.
pub(super) fn note_earlier_calls(pass: &mut Pass<'_>) {
    if pass.ctx.memory.get(&pass.uid).making.reserved_here {
        return;
    }
    let started = pass.ctx.started;
    let now = pass.ctx.runtime.clock.now();
    let recent = started.checked_add(settle(pass)).is_ok_and(|until| now < until);
    let noted = pass.status.create_sent_again_at.as_ref();
    if recent && noted.is_none_or(|noted| noted.0 < started) {
        pass.status.create_sent_again_at = Some(Time(started));
    }
}

async fn decide(pass: &mut Pass<'_>, site: &Site, id: GuestId, found: &Found) -> Flow<Step> {
    let uid = pass.uid.clone();
    let claim = Claim {
        uid: &uid,
        id,
        expected: pass.identity(id),
        recorded: pass.recorded(),
        deleting: pass.deleting,
        template: pass.vm.spec.template == Some(true),
        late_call: late_call(pass),
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
            let evidence = evidence::of(pass, site, id).await.map_err(|e| pass.trouble(&e))?;
            Ok(placed::decide(&claim, &sighting, Some(evidence)))
        }
        step => Ok(step),
    }
}

async fn remark(
    pass: &mut Pass<'_>,
    site: &Site,
    id: GuestId,
    own: &Ownership,
    reading: &ConfigReading,
) -> Flow<End> {
    let sealed = pass
        .recorded()
        .map_or_else(|| pass.mark(id), |uuid| pass.mark(id).sealed(uuid));
    let changes = [Change::Description(
        sealed.write_into(&reading.config.description),
    )];
    let written = site
        .cluster
        .driver()
        .configure(own, &reading.config, &changes)
        .await;
    written.map_err(|e| pass.trouble(&e))?;
    let note = format!("somebody took the mark of machine {id} away; it is written again");
    pass.entries.push(Entry::warning(reason::REMARKED, note.clone()));
    Ok(End::progressing(reason::CONFIGURING, note, Again::Now))
}

/// Gives a fresh clone its identity and its sealed mark, in one write, before its first start.
async fn seal(
    pass: &mut Pass<'_>,
    site: &Site,
    id: GuestId,
    own: &Ownership,
    reading: &ConfigReading,
) -> Flow<End> {
    let identity = pass.identity(id);
    let described = mark_over(pass, id, identity, &reading.config.description);
    let changes = [Change::Uuid(identity), Change::Description(described)];
    let written = site
        .cluster
        .driver()
        .configure(own, &reading.config, &changes)
        .await;
    match written.map_err(|e| pass.trouble(&e))? {
        Progress::Done => {
            let note = format!("machine {id} has its own identity now");
            pass.entries.push(Entry::normal(reason::SEALED, note));
            Ok(End::new(placing::sealing(id), Again::Now))
        }
        Progress::Running(upid) => Ok(task::begin(pass, site, id, Act::Configure, &upid, None)),
    }
}

fn mark_over(pass: &Pass<'_>, id: GuestId, identity: uuid::Uuid, description: &str) -> String {
    let mark: mark::Mark = pass.mark(id).sealed(identity);
    mark.write_into(description)
}

/// A task may just have ended between two reads, so a lock without one counts only when seen twice.
fn stale_lock(pass: &Pass<'_>, site: &Site, id: GuestId, lock: &Lock) -> End {
    let before = pass.ctx.memory.get(&pass.uid).stale_lock;
    pass.ctx.memory.note(&pass.uid, |m| m.stale_lock = true);
    if !before {
        let message = format!("machine {id} is locked ('{}'), and is looked at again", lock.0);
        return End::progressing(reason::HOST_BUSY, message, Again::Busy);
    }
    let at = site.snapshot.address(id);
    let node = at.map_or(site.node.clone(), |at| at.node);
    End::waiting(placing::stale_lock(id, lock, &node))
}

fn absent(id: GuestId, presence: Presence) -> End {
    // A row that comes back, and a majority too, wake the machine.
    let again = match presence {
        Presence::Taken => Again::Idle,
        Presence::NotQuorate => Again::Waiting,
        Presence::Unsettled(_) | Presence::Gone => Again::Busy,
    };
    End::new(placing::absent(id, presence), again)
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
    let id = at.id;
    if let Step::Act(own) = decide(pass, site, id, &Found::Guest(at, reading)).await? {
        return Ok(own);
    }
    let message = format!("machine {id} changed while it was looked at");
    Err(End::progressing(reason::HOST_BUSY, message, Again::Now).into())
}
