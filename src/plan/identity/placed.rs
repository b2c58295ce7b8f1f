//! The next step of a resource that has a number: from what stands under the number, and what is recorded,
//! to whether it may act, must make, seal, wait, hold, or may be forgotten.

use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

use super::mark::{self, MarkReading};
use super::ownership::Ownership;
use super::presence::Presence;
use super::verdict::{self, Hold, Verdict};
use crate::model::{GuestAddress, GuestConfig, GuestId, Lock};

/// What a resource says of its guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// UID of the resource.
    pub uid: &'a str,
    /// The number in its status.
    pub id: GuestId,
    /// The identity that a guest made by this resource under this number has.
    pub expected: Uuid,
    /// The identity in its status; `None` while the guest was not seen whole yet.
    pub recorded: Option<Uuid>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether its guest is to be a template.
    pub template: bool,
    /// Until when a second creating call may still arrive: when the first was lost on its way, the guest that is gone
    /// now may have come from the other.
    pub late_call: Option<Timestamp>,
}

/// What stands under the number, read just now.
#[derive(Clone, Copy, Debug)]
pub enum Sighting<'a> {
    /// A guest.
    Guest {
        /// Where.
        at: &'a GuestAddress,
        /// Its configuration.
        config: &'a GuestConfig,
        /// When that was read.
        read_at: Instant,
    },
    /// A guest of another kind: numbers are unique over machines and containers, so the resource's own
    /// guest can't be there any more.
    OtherKind,
    /// No guest could be read; this is what the cluster says of the number.
    Absent(Presence),
}

/// What the node's own task list and this process know of the making of the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Whether a task of ours may have made it.
    pub made: Made,
    /// A task that explains a lock runs now.
    pub running: bool,
    /// This process made the reservation, and the host took none of its calls for it.
    pub none_taken: bool,
}

/// Whether a task of ours may have made a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Made {
    /// A create or clone of ours stands in the node's list, and no destroy of that number since.
    ByUs,
    /// None stands there.
    NotByUs,
    /// Where it would stand could not be looked at, so that it can't be excluded either.
    #[default]
    Unclear,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The guest is the resource's own: compare and act, or destroy.
    Act(Ownership),
    /// Write the mark again, then go on.
    Remark(Ownership),
    /// Write identity and sealed mark.
    Seal(Ownership),
    /// Record the identity in the status.
    Record(Uuid),
    /// Send the call that makes the guest.
    Make,
    /// Look at the node's tasks and decide again.
    LookAtTasks,
    /// The number is a stranger's: reserve another one.
    GiveUp,
    /// So it is; but until then a call that makes a guest under it may still arrive, if the stranger's is gone by then.
    GiveUpLater(Timestamp),
    /// The host is at work under the number.
    WaitForHost(Lock),
    /// A lock stands and no task runs: a person must clear it.
    StaleLock(Lock),
    /// Whether the guest exists can't be told yet.
    WaitForPresence(Presence),
    /// Send nothing, and say why.
    Hold(Hold),
    /// The wanted guest is gone.
    Lost,
    /// The guest is gone and the resource may go.
    Release,
    /// The guest stays, and its mark says that the resource let it go: the resource may go.
    LetGo,
}

/// Decides the next step. `evidence` is `None` until the tasks were looked at.
#[must_use]
pub fn decide(claim: &Claim<'_>, sighting: &Sighting<'_>, evidence: Option<Evidence>) -> Step {
    match (step(claim, sighting, evidence), claim.late_call) {
        (Step::Release | Step::LetGo, Some(until)) => Step::WaitForPresence(Presence::Unsettled(until)),
        (Step::GiveUp, Some(until)) if evidence.is_none_or(|e| !e.none_taken) => Step::GiveUpLater(until),
        (step, _) => step,
    }
}

fn step(claim: &Claim<'_>, sighting: &Sighting<'_>, evidence: Option<Evidence>) -> Step {
    match sighting {
        Sighting::Absent(presence) => absent(claim, *presence, evidence),
        Sighting::OtherKind => match claim.recorded {
            None => Step::GiveUp,
            Some(_) if claim.deleting => Step::Release,
            Some(_) => Step::Lost,
        },
        Sighting::Guest { at, config, read_at } => {
            let own = || Ownership::new((*at).clone(), config.digest.clone(), *read_at);
            if let Some(lock) = config.lock.as_ref().filter(|lock| lock.is_transition()) {
                return match evidence {
                    None => Step::LookAtTasks,
                    Some(Evidence { running: true, .. }) => Step::WaitForHost(lock.clone()),
                    Some(_) => Step::StaleLock(lock.clone()),
                };
            }
            if claim.deleting && let_go(claim, config) {
                return Step::LetGo;
            }
            match claim.recorded {
                Some(_) => recorded(claim, config, own),
                None => reserved(claim, config, evidence, own),
            }
        }
    }
}

/// Whether the guest's own mark says that this very resource let it go.
fn let_go(claim: &Claim<'_>, config: &GuestConfig) -> bool {
    let same = claim
        .recorded
        .is_none_or(|recorded| config.uuid == Some(recorded));
    same && matches!(mark::read(claim.id, config), MarkReading::Released(mark) if mark.uid == claim.uid)
}

fn absent(claim: &Claim<'_>, presence: Presence, evidence: Option<Evidence>) -> Step {
    match (presence, claim.recorded, claim.deleting) {
        // A guest that the host does not show, as with a token that may not see it.
        (Presence::Taken, None, _) => match evidence {
            None => Step::LookAtTasks,
            Some(Evidence { none_taken: true, .. }) => Step::GiveUp,
            Some(_) => Step::WaitForPresence(presence),
        },
        // An identity is recorded only after the guest was seen, so that its create has arrived.
        (Presence::Gone | Presence::Unsettled(_), Some(_), true) | (Presence::Gone, None, true) => {
            Step::Release
        }
        (Presence::Gone | Presence::Unsettled(_), Some(_), false) => Step::Lost,
        // The host refuses a second guest under one number, so making it again can't double it.
        (Presence::Gone | Presence::Unsettled(_), None, false) => Step::Make,
        (other, _, _) => Step::WaitForPresence(other),
    }
}

fn recorded(claim: &Claim<'_>, config: &GuestConfig, own: impl Fn() -> Ownership) -> Step {
    match verdict::judge(claim.uid, claim.recorded, claim.id, config, claim.template) {
        Verdict::Ours => Step::Act(own()),
        Verdict::OursUnmarked => Step::Remark(own()),
        Verdict::Gone if claim.deleting => Step::Release,
        Verdict::Gone => Step::Lost,
        Verdict::Hold(why) => Step::Hold(why),
        Verdict::Wait => Step::LookAtTasks,
    }
}

fn reserved(
    claim: &Claim<'_>,
    config: &GuestConfig,
    evidence: Option<Evidence>,
    own: impl Fn() -> Ownership,
) -> Step {
    match mark::read(claim.id, config) {
        MarkReading::Sealed(mark) if mark.uid == claim.uid => match mark.uuid {
            Some(uuid) => Step::Record(uuid),
            None => Step::Hold(Hold::Unproven),
        },
        MarkReading::Unsealed(mark) if mark.uid == claim.uid => match evidence {
            None => Step::LookAtTasks,
            Some(Evidence { made: Made::ByUs, .. }) if config.template => Step::Hold(Hold::Template),
            Some(Evidence { made: Made::ByUs, .. }) => Step::Seal(own()),
            Some(_) => Step::Hold(Hold::Unproven),
        },
        _ if config.uuid == Some(claim.expected) => Step::Hold(Hold::IdentityWithoutMark),
        _ => match evidence {
            None => Step::LookAtTasks,
            Some(
                Evidence { none_taken: true, .. }
                | Evidence {
                    made: Made::NotByUs, ..
                },
            ) => Step::GiveUp,
            Some(_) => Step::Hold(Hold::Unidentified),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::identity::fixtures::{UID, config, mark, number};

    const EXPECTED: Uuid = Uuid::from_u128(1);
    const FOREIGN: Uuid = Uuid::from_u128(2);
    const OURS: Evidence = Evidence {
        made: Made::ByUs,
        running: false,
        none_taken: false,
    };
    const NOTHING: Evidence = Evidence {
        made: Made::NotByUs,
        running: false,
        none_taken: false,
    };

    fn claim(recorded: Option<Uuid>, deleting: bool) -> Claim<'static> {
        Claim {
            uid: UID,
            id: number(105),
            expected: EXPECTED,
            recorded,
            deleting,
            template: false,
            late_call: None,
        }
    }

    fn decided(claim: Claim<'_>, config: &GuestConfig, evidence: Option<Evidence>) -> Step {
        let at = GuestAddress {
            node: "pve1".parse().unwrap(),
            id: number(105),
        };
        decide(
            &claim,
            &Sighting::Guest {
                at: &at,
                config,
                read_at: Instant::now(),
            },
            evidence,
        )
    }

    #[test]
    fn unsealed_mark_counts_only_with_a_task_of_ours() {
        let clone = config(Some(FOREIGN), &mark(105).to_string());
        assert_eq!(decided(claim(None, false), &clone, None), Step::LookAtTasks);
        assert!(matches!(
            decided(claim(None, false), &clone, Some(OURS)),
            Step::Seal(_)
        ));
        assert_eq!(
            decided(claim(None, false), &clone, Some(NOTHING)),
            Step::Hold(Hold::Unproven)
        );
    }

    #[test]
    fn sealed_mark_is_recorded_without_more_evidence() {
        let made = config(Some(EXPECTED), &mark(105).sealed(EXPECTED).to_string());
        assert_eq!(decided(claim(None, false), &made, None), Step::Record(EXPECTED));
    }

    #[test]
    fn strangers_number_is_given_up_only_on_proof() {
        let stranger = config(Some(FOREIGN), "");
        assert_eq!(
            decided(claim(None, false), &stranger, Some(NOTHING)),
            Step::GiveUp
        );
        let refused = Evidence {
            none_taken: true,
            ..OURS
        };
        assert_eq!(
            decided(claim(None, false), &stranger, Some(refused)),
            Step::GiveUp
        );
        // Nor while a call for it may be under way: the stranger's may be gone when that arrives.
        let until = Timestamp::UNIX_EPOCH;
        let late = Claim {
            late_call: Some(until),
            ..claim(None, false)
        };
        assert_eq!(decided(late, &stranger, Some(NOTHING)), Step::GiveUpLater(until));
        assert_eq!(decided(late, &stranger, Some(refused)), Step::GiveUp);
        let unclear = Evidence {
            made: Made::Unclear,
            ..NOTHING
        };
        for evidence in [OURS, unclear] {
            assert_eq!(
                decided(claim(None, false), &stranger, Some(evidence)),
                Step::Hold(Hold::Unidentified)
            );
        }
        let unmarked = config(Some(EXPECTED), "");
        assert_eq!(
            decided(claim(None, false), &unmarked, Some(refused)),
            Step::Hold(Hold::IdentityWithoutMark)
        );
    }

    #[test]
    fn released_guest_lets_its_deleted_resource_go_and_holds_a_wanted_one() {
        let released = |uuid: Uuid| config(Some(uuid), &mark(105).sealed(uuid).released().to_string());
        for recorded in [Some(EXPECTED), None] {
            assert_eq!(
                decided(claim(recorded, true), &released(EXPECTED), Some(NOTHING)),
                Step::LetGo
            );
        }
        assert_eq!(
            decided(claim(Some(EXPECTED), false), &released(EXPECTED), None),
            Step::Hold(Hold::MarkedByOther)
        );
        assert_eq!(
            decided(claim(None, false), &released(EXPECTED), Some(NOTHING)),
            Step::Hold(Hold::IdentityWithoutMark)
        );
        // Of a successor under the number; and released by somebody else.
        assert_eq!(
            decided(claim(Some(EXPECTED), true), &released(FOREIGN), None),
            Step::Release
        );
        let mut other = mark(105).sealed(EXPECTED).released();
        other.uid = "other".into();
        assert_eq!(
            decided(
                claim(Some(EXPECTED), true),
                &config(Some(EXPECTED), &other.to_string()),
                None
            ),
            Step::Hold(Hold::MarkedByOther)
        );
    }

    #[test]
    fn recycled_number_releases_a_deleted_resource_and_is_lost_for_a_wanted_one() {
        let stranger = config(Some(FOREIGN), "");
        assert_eq!(
            decided(claim(Some(EXPECTED), true), &stranger, None),
            Step::Release
        );
        assert_eq!(decided(claim(Some(EXPECTED), false), &stranger, None), Step::Lost);
    }

    #[test]
    fn lock_is_waited_for_while_a_task_runs_and_stale_without_one() {
        let mut locked = config(None, "");
        locked.lock = Some(Lock("clone".into()));
        let running = Evidence {
            running: true,
            ..NOTHING
        };
        assert_eq!(decided(claim(None, false), &locked, None), Step::LookAtTasks);
        assert_eq!(
            decided(claim(None, false), &locked, Some(running)),
            Step::WaitForHost(Lock("clone".into()))
        );
        assert_eq!(
            decided(claim(None, true), &locked, Some(NOTHING)),
            Step::StaleLock(Lock("clone".into()))
        );
    }

    #[test]
    fn number_of_a_guest_that_is_not_shown_is_given_up_only_on_refusal() {
        let hidden = Sighting::Absent(Presence::Taken);
        let refused = Evidence {
            none_taken: true,
            ..NOTHING
        };
        for deleting in [false, true] {
            let step = |evidence| decide(&claim(None, deleting), &hidden, evidence);
            assert_eq!(step(None), Step::LookAtTasks);
            assert_eq!(step(Some(refused)), Step::GiveUp);
            assert_eq!(step(Some(NOTHING)), Step::WaitForPresence(Presence::Taken));
            assert_eq!(
                decide(&claim(Some(EXPECTED), deleting), &hidden, Some(refused)),
                Step::WaitForPresence(Presence::Taken)
            );
        }
    }

    #[test]
    fn resource_stays_while_a_second_create_may_still_arrive() {
        let until = Timestamp::UNIX_EPOCH;
        let late = Claim {
            template: false,
            late_call: Some(until),
            ..claim(Some(EXPECTED), true)
        };
        let wait = Step::WaitForPresence(Presence::Unsettled(until));
        assert_eq!(decide(&late, &Sighting::Absent(Presence::Gone), None), wait);
        assert_eq!(decide(&late, &Sighting::OtherKind, None), wait);
        let wanted = Claim {
            deleting: false,
            ..late
        };
        assert_eq!(
            decide(&wanted, &Sighting::Absent(Presence::Gone), None),
            Step::Lost
        );
    }

    #[test]
    fn container_under_the_number_is_a_successor() {
        let step = |recorded, deleting| decide(&claim(recorded, deleting), &Sighting::OtherKind, None);
        assert_eq!(step(Some(EXPECTED), true), Step::Release);
        assert_eq!(step(Some(EXPECTED), false), Step::Lost);
        assert_eq!(step(None, false), Step::GiveUp);
    }

    #[test]
    fn free_number_is_made_again_but_released_only_when_settled() {
        let until = Presence::Unsettled(jiff::Timestamp::UNIX_EPOCH);
        let step = |recorded, deleting, presence| {
            decide(
                &claim(recorded, deleting),
                &Sighting::Absent(presence),
                Some(OURS),
            )
        };
        assert_eq!(step(None, false, until), Step::Make);
        assert_eq!(step(None, true, until), Step::WaitForPresence(until));
        assert_eq!(step(None, true, Presence::Gone), Step::Release);
        assert_eq!(step(Some(EXPECTED), false, Presence::Gone), Step::Lost);
        assert_eq!(step(Some(EXPECTED), true, Presence::Gone), Step::Release);
        for presence in [Presence::NotQuorate, Presence::Taken] {
            for recorded in [None, Some(EXPECTED)] {
                for deleting in [false, true] {
                    assert_eq!(
                        step(recorded, deleting, presence),
                        Step::WaitForPresence(presence)
                    );
                }
            }
        }
    }
}
