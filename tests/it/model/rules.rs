//! The rules: the very functions that the controller calls, asked with guests as the host would show them. Their
//! answers depend on little, so each is asked once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use drover::model::{GuestAddress, GuestConfig, GuestId, Hardware, Lock, NumberState};
use drover::plan::identity::mark::Mark as RealMark;
use drover::plan::identity::numbers;
use drover::plan::identity::placed::{self, Claim, Evidence, Made, Sighting, Step};
use drover::plan::identity::presence::{self, NumberLook, Presence};
use drover::plan::identity::unplaced::{self, Next, Obstacle, Other, Seeker, Taking, Unowned};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::state::{Guest, Mark, NUMBERS, given, identity, name_of_uid};
use super::{Mistake, Mistakes};

/// What [`placed::decide`] was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Placed {
    pub(super) name: u8,
    pub(super) uid: u8,
    pub(super) vmid: u8,
    pub(super) recorded: u8,
    pub(super) deleting: bool,
    /// What stands there, or what the cluster says of the number.
    pub(super) sight: Sight,
    /// What the tasks tell.
    pub(super) made: bool,
    pub(super) none_taken: bool,
    pub(super) late_call: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sight {
    Guest(Guest),
    Taken,
    Free { unsettled: bool },
}

/// A step, without what only a driver needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Act,
    Remark,
    Seal,
    Record,
    Make,
    GiveUp,
    Lost,
    Release,
    LetGo,
    /// Nothing is done, and why is told.
    Hold,
    /// Something is under way.
    Wait,
}

/// What [`unplaced::decide`] was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Unplaced {
    pub(super) name: u8,
    pub(super) uid: u8,
    pub(super) deleting: bool,
    pub(super) annotated: u8,
    /// The number of the guest that it is to adopt; 0: none.
    pub(super) adopts: u8,
    /// The UID of the other resource, where it adopts, and the number that was reserved for that.
    pub(super) other: Option<(u8, u8)>,
    pub(super) unowned: [Option<Guest>; NUMBERS],
}

/// What is due for a resource without a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seek {
    Bind {
        vmid: u8,
        sealed: bool,
    },
    /// For the resource with this UID it was made.
    Take {
        vmid: u8,
        former: u8,
    },
    Adopt {
        vmid: u8,
    },
    Reserve,
    Release,
    /// Nothing is done, and why is told.
    Hold,
    /// Something is under way.
    Wait,
}

/// The rules with one mistake in them, or none.
pub(super) struct Rules {
    mistakes: Mistakes,
    placed: RefCell<HashMap<Placed, Due>>,
    unplaced: RefCell<HashMap<Unplaced, Seek>>,
}

impl Rules {
    pub(super) fn new(mistakes: Mistakes) -> Self {
        Self {
            mistakes,
            placed: RefCell::default(),
            unplaced: RefCell::default(),
        }
    }

    pub(super) fn has(&self, mistake: Mistake) -> bool {
        self.mistakes == Some(mistake)
    }

    pub(super) fn placed(&self, asked: Placed) -> Due {
        if let Some(known) = self.placed.borrow().get(&asked) {
            return *known;
        }
        let due = self.ask_placed(asked);
        self.placed.borrow_mut().insert(asked, due);
        due
    }

    pub(super) fn unplaced(&self, asked: Unplaced) -> Seek {
        if let Some(known) = self.unplaced.borrow().get(&asked) {
            return *known;
        }
        let due = self.ask_unplaced(asked);
        self.unplaced.borrow_mut().insert(asked, due);
        due
    }

    fn ask_placed(&self, asked: Placed) -> Due {
        let number = vmid(asked.vmid);
        let uid = uid(asked.uid);
        let claim = Claim {
            uid: &uid,
            id: number,
            expected: uuid(identity(asked.uid, asked.vmid)),
            recorded: (asked.recorded != 0).then(|| uuid(asked.recorded)),
            deleting: asked.deleting,
            template: false,
            late_call: (asked.late_call && !self.has(Mistake::SecondCallForgotten))
                .then_some(Timestamp::UNIX_EPOCH),
        };
        let at = address(asked.vmid);
        let config;
        let sighting = match asked.sight {
            Sight::Guest(guest) => {
                config = self.config(asked.vmid, guest);
                Sighting::Guest {
                    at: &at,
                    config: &config,
                    read_at: Instant::now(),
                }
            }
            Sight::Taken => Sighting::Absent(self.presence(NumberState::Taken, false)),
            Sight::Free { unsettled } => Sighting::Absent(self.presence(NumberState::Free, unsettled)),
        };
        let evidence = Evidence {
            made: if asked.made || self.has(Mistake::UnsealedCounts) {
                Made::ByUs
            } else {
                Made::NotByUs
            },
            running: true,
            none_taken: asked.none_taken || self.has(Mistake::GiveUpAlways),
        };
        let step = match placed::decide(&claim, &sighting, None) {
            Step::LookAtTasks => placed::decide(&claim, &sighting, Some(evidence)),
            step => step,
        };
        let held = matches!(step, Step::Hold(_));
        match step {
            _ if held && self.has(Mistake::HoldActs) => Due::Act,
            Step::Act(_) => Due::Act,
            Step::Remark(_) => Due::Remark,
            Step::Seal(_) => Due::Seal,
            Step::Record(_) => Due::Record,
            Step::Make => Due::Make,
            Step::GiveUp if self.has(Mistake::NeverGivesUp) => Due::Wait,
            Step::GiveUp => Due::GiveUp,
            Step::GiveUpLater(_) if self.has(Mistake::GivesUpTooEarly) => Due::GiveUp,
            Step::Lost if self.has(Mistake::LostIsMadeAgain) => Due::Make,
            Step::Lost => Due::Lost,
            Step::Release => Due::Release,
            Step::LetGo => Due::LetGo,
            Step::Hold(_) | Step::StaleLock(_) => Due::Hold,
            Step::LookAtTasks | Step::WaitForHost(_) | Step::WaitForPresence(_) | Step::GiveUpLater(_) => {
                Due::Wait
            }
        }
    }

    fn presence(&self, state: NumberState, unsettled: bool) -> Presence {
        let look = NumberLook {
            quorate_before: true,
            state,
            quorate_after: true,
        };
        let now = Timestamp::UNIX_EPOCH;
        let sent = unsettled && !self.has(Mistake::NoSettling);
        presence::conclude(look, sent.then_some(now), SignedDuration::from_mins(2), now)
    }

    fn ask_unplaced(&self, asked: Unplaced) -> Seek {
        let configs: Vec<(u8, Guest, GuestConfig)> = (1..)
            .zip(asked.unowned)
            .filter_map(|(vmid, guest)| guest.map(|guest| (vmid, guest, self.config(vmid, guest))))
            .collect();
        let names: Vec<String> = configs
            .iter()
            .map(|(_, guest, _)| guest_name(guest.name))
            .collect();
        let unowned: Vec<Unowned<'_>> = configs
            .iter()
            .zip(&names)
            .map(|((number, guest, config), name)| Unowned {
                id: vmid(*number),
                name: Some(name),
                // One that moves can't be read on the node on which the list shows it.
                config: (!guest.moving).then(|| (config, Instant::now())),
            })
            .collect();
        let others: Vec<Other> = asked.other.into_iter().map(other).collect();
        let (uid, name) = (uid(asked.uid), guest_name(asked.name + 1));
        let wanted = if self.has(Mistake::NamesIgnored) {
            "unique"
        } else {
            &name
        };
        let seeker = Seeker {
            uid: &uid,
            kind: "VirtualMachine",
            namespace: "default",
            name: &name,
            guest_name: wanted,
            deleting: asked.deleting,
            cluster: "cluster",
            recover_from: &[],
            pinned: (asked.adopts != 0).then(|| vmid(asked.adopts)),
            reserved: (asked.annotated != 0).then(|| vmid(asked.annotated)),
            adopt: asked.adopts != 0,
            template: false,
            others: &others,
        };
        match unplaced::decide(&seeker, &unowned) {
            Next::Bind(..) if self.has(Mistake::OwnMarkIgnored) => Seek::Reserve,
            Next::Bind(number, sealed) => Seek::Bind {
                vmid: small(number),
                sealed: sealed.is_some(),
            },
            Next::Hold(number, Obstacle::Adoption(_)) if self.has(Mistake::AdoptsWhatIsMarked) => {
                Seek::Adopt { vmid: small(number) }
            }
            Next::Hold(..) if self.has(Mistake::ObstaclesIgnored) && !asked.deleting => Seek::Reserve,
            Next::Hold(_, obstacle) if asked.deleting || !obstacle.is_of_guest() => Seek::Hold,
            // One that is held is read anew, too.
            Next::Take(number) | Next::Hold(number, _) => {
                let found = configs.iter().find(|(known, ..)| *known == small(number));
                let (.., config) = found.expect("it is one of them");
                match unplaced::take(&seeker, &address(small(number)), config, Instant::now()) {
                    Ok((_, Taking::Rebind(former))) => Seek::Take {
                        vmid: small(number),
                        former: former.parse().expect("a UID of ours"),
                    },
                    Ok((_, Taking::Adopt)) => Seek::Adopt { vmid: small(number) },
                    Err(_) => Seek::Hold,
                }
            }
            Next::Reserve => Seek::Reserve,
            Next::Release => Seek::Release,
            Next::WaitFor(_) if self.has(Mistake::NoWaitForMaking) && !asked.deleting => Seek::Reserve,
            Next::Read(_) | Next::WaitFor(_) => Seek::Wait,
        }
    }

    /// A guest as its configuration shows it.
    fn config(&self, number: u8, guest: Guest) -> GuestConfig {
        let mut mark = guest.mark;
        if mark.uid != 0 && self.has(Mistake::CopiesCount) {
            (mark.id, mark.uuid) = (number, guest.uuid);
        }
        if mark.uid != 0 && self.has(Mistake::SealIgnored) && mark.uuid != 0 {
            mark.uuid = guest.uuid;
        }
        if self.has(Mistake::ReleasedCounts) {
            mark.released = false;
        }
        GuestConfig {
            digest: "digest".to_owned(),
            lock: (guest.locked && !self.has(Mistake::LocksIgnored)).then(|| Lock("clone".to_owned())),
            template: false,
            protection: false,
            name: Some(guest_name(guest.name)),
            description: if mark.uid == 0 {
                String::new()
            } else {
                written(mark).to_string()
            },
            uuid: Some(uuid(guest.uuid)),
            current: Hardware::default(),
            next: Hardware::default(),
            pending: Vec::new(),
            raw: std::collections::BTreeMap::new(),
        }
    }
}

/// The mark as it is written. The resource's name never changes, whatever the guest is called.
fn written(mark: Mark) -> RealMark {
    RealMark {
        cluster: "cluster".to_owned(),
        kind: "VirtualMachine".to_owned(),
        namespace: "default".to_owned(),
        name: guest_name(name_of_uid(mark.uid) + 1),
        uid: uid(mark.uid),
        id: vmid(mark.id),
        uuid: (mark.uuid != 0).then(|| uuid(mark.uuid)),
        released: mark.released,
        adopted: false,
    }
}

fn uid(uid: u8) -> String {
    uid.to_string()
}

/// By its code: one that Drover gives, or one of the host's own.
fn uuid(code: u8) -> Uuid {
    match given(code) {
        Some((owner, number)) => numbers::identity("cluster", &uid(owner), vmid(number)),
        None => Uuid::from_u128(u128::from(code)),
    }
}

fn other((owner, reserved): (u8, u8)) -> Other {
    Other {
        uid: uid(owner),
        title: uid(owner),
        reserved: (reserved != 0).then(|| vmid(reserved)),
    }
}

fn guest_name(name: u8) -> String {
    match name {
        0 => "somebodys".to_owned(),
        name => format!("machine-{name}"),
    }
}

fn vmid(number: u8) -> GuestId {
    GuestId::try_from(100 + u32::from(number)).expect("a number")
}

fn small(id: GuestId) -> u8 {
    let number = id.number().expect("a number");
    u8::try_from(number.get() - 100).expect("a small number")
}

fn address(number: u8) -> GuestAddress {
    GuestAddress {
        node: "pve1".parse().expect("a node"),
        id: vmid(number),
    }
}
