//! One step of Drover's pass over one of its machines, from what it believes: the order is that of
//! `controllers/virtual_machine` (`place.rs`, `look.rs`, `make.rs`, `remove.rs`), the decisions are the real ones.

use super::rules::{Due, Placed, Seek, Sight, Unplaced};
use super::state::{Flight, Guest, Making, Mark, NUMBERS, Resource, State, identity, name_of_uid};
use super::{Mistake, Move, Moves};

impl Moves<'_> {
    /// The next step over the machine of a name, if one is due that changes anything.
    pub(super) fn pass(&mut self, name: usize) {
        let seen = self.from.cached[name];
        if seen.uid == 0 || (seen.deleting && !seen.finalizer) {
            return;
        }
        if seen.vmid == 0 {
            self.place(name, seen);
        } else {
            self.look(name, seen);
        }
    }

    /// A write to the API server, refused if the stored object is not the one that was seen.
    fn write(
        &mut self,
        step: Move,
        name: usize,
        seen: Resource,
        change: impl FnOnce(&mut State, &mut Resource),
    ) {
        let mut to = self.from;
        if to.stored[name] != seen {
            return;
        }
        let mut new = seen;
        change(&mut to, &mut new);
        if new.deleting && !new.finalizer {
            new = Resource::default();
        } else if new.vmid != 0 {
            // From here on Drover knows its guest again.
            to.lost_uids &= !(1 << new.uid);
        }
        to.stored[name] = new;
        to.cached[name] = new;
        self.to(step, to);
    }

    fn place(&mut self, name: usize, seen: Resource) {
        let from = self.from;
        let mut unowned = [None; NUMBERS];
        for (index, slot) in unowned.iter_mut().enumerate() {
            let vmid = number(index);
            let claimed = from
                .cached
                .iter()
                .enumerate()
                .any(|(other, r)| other != name && r.vmid == vmid);
            *slot = from.shown(vmid).filter(|_| !claimed);
        }
        let asked = Unplaced {
            name: small(name),
            uid: seen.uid,
            deleting: seen.deleting,
            annotated: seen.annotated,
            unowned,
        };
        match self.rules.unplaced(asked) {
            Seek::Wait => {}
            Seek::Bind { vmid, .. } if !seen.finalizer && !self.rules.has(Mistake::BoundWithoutFinalizer) => {
                self.claim(name, seen, vmid);
            }
            Seek::Bind { vmid, sealed } => {
                let uuid = from.guest(vmid).map_or(0, |guest| guest.uuid);
                self.write(Move::Bind, name, seen, |to, r| {
                    r.sent_again = to.young;
                    r.vmid = vmid;
                    r.identity = if sealed { uuid } else { 0 };
                });
            }
            Seek::Take { vmid, former } => self.take(name, seen, vmid, former),
            Seek::Release => {
                if !self.reserved_may_exist(seen) {
                    self.write(Move::LetGoUnmade, name, seen, |to, r| {
                        r.finalizer = false;
                        // One that it let go itself, before its status was lost.
                        for guest in to.guests.iter_mut().flatten() {
                            if guest.mark.released && guest.owner == seen.uid {
                                guest.owner = 0;
                            }
                        }
                    });
                }
            }
            Seek::Reserve => {
                if !self.reserved_may_exist(seen) {
                    self.reserve(name, seen);
                }
            }
        }
    }

    /// Adds the finalizer and names the number.
    fn claim(&mut self, name: usize, seen: Resource, vmid: u8) {
        self.write(Move::Claim, name, seen, |_, r| {
            r.finalizer = true;
            r.annotated = vmid;
        });
    }

    /// Whether a guest may exist under the number that was reserved before the status was lost.
    fn reserved_may_exist(&self, seen: Resource) -> bool {
        let from = self.from;
        if seen.annotated == 0 || self.rules.has(Mistake::ReservedNotAsked) {
            return false;
        }
        match from.guest(seen.annotated) {
            // The list shows whose it is.
            Some(_) if !seen.deleting => from.blind,
            Some(_) | None if from.blind && from.guest(seen.annotated).is_some() => true,
            Some(_) | None => {
                let unknown = from.making[usize::from(name_of_uid(seen.uid))].unknown;
                (from.young || unknown) && !self.rules.has(Mistake::NoSettling)
            }
        }
    }

    fn take(&mut self, name: usize, seen: Resource, vmid: u8, former: u8) {
        // By a list that the API server itself gives.
        if self.from.name_of(former).is_some() {
            return;
        }
        if !seen.finalizer || seen.annotated != vmid {
            self.claim(name, seen, vmid);
            return;
        }
        let Some(guest) = self.from.guest(vmid) else {
            return;
        };
        if guest.owner == 0 || guest.owner != former {
            self.violation("a guest was bound that was not made for its predecessor");
        }
        let mut to = self.from;
        to.put(
            vmid,
            Some(Guest {
                mark: Mark {
                    uid: seen.uid,
                    id: vmid,
                    uuid: guest.uuid,
                    released: false,
                },
                owner: seen.uid,
                ..guest
            }),
        );
        self.to(Move::MarkBound, to);
    }

    fn reserve(&mut self, name: usize, seen: Resource) {
        let from = self.from;
        let numbers = 1..=u8::try_from(NUMBERS).unwrap();
        let annotated = from.cached.iter().map(|r| r.annotated).max().unwrap_or(0);
        let own = seen.annotated;
        // One that was named and not reserved yet is taken up again.
        let mut above = if annotated == own {
            from.highest
        } else {
            from.highest.max(annotated)
        };
        // Tasks, volumes and archives on the host tell which numbers were given.
        let told = (1..)
            .zip(from.given)
            .filter(|(_, uid)| *uid != 0 && *uid != seen.uid);
        above = above.max(told.map(|(vmid, _)| vmid).max().unwrap_or(0));
        if self.rules.has(Mistake::NumbersReused) {
            above = 0;
        }
        for vmid in numbers.clone() {
            let used = from.shown(vmid).is_some() || from.cached.iter().any(|r| r.vmid == vmid);
            if used && !self.rules.has(Mistake::NumbersReused) {
                above = above.max(vmid);
            }
        }
        // The cluster itself says whether it is free; what another resource has is skipped in any case.
        let taken = |vmid: u8| from.guest(vmid).is_some() || from.cached.iter().any(|r| r.vmid == vmid);
        let Some(vmid) = numbers.clone().find(|n| *n > above && !taken(*n)) else {
            return;
        };
        if self.rules.has(Mistake::ReservedAfterTheCall) {
            if seen.finalizer {
                let before = self.from;
                self.make(name, seen, vmid);
                self.from = before;
            } else {
                self.write(Move::Claim, name, seen, |_, r| r.finalizer = true);
            }
            return;
        }
        let claimed = seen.finalizer && seen.annotated == vmid;
        if !claimed && !self.rules.has(Mistake::NoFinalizer) {
            self.claim(name, seen, vmid);
            return;
        }
        self.write(Move::Reserve, name, seen, |to, r| {
            r.vmid = vmid;
            r.identity = 0;
            to.making[name] = Making {
                reserved_here: true,
                ..Making::default()
            };
        });
    }

    fn look(&mut self, name: usize, seen: Resource) {
        let from = self.from;
        if !seen.deleting && !seen.finalizer && !self.rules.has(Mistake::NoFinalizer) {
            self.claim(name, seen, seen.vmid);
            return;
        }
        let making = from.making[name];
        let none_taken = making.reserved_here && !making.maybe_taken;
        let vmid = seen.vmid;
        if seen.identity == 0 && none_taken && !making.refused && !seen.deleting && from.shown(vmid).is_none()
        {
            self.make(name, seen, vmid);
            return;
        }
        let unsettled = seen.identity == 0
            && (making.unknown || (!making.reserved_here && from.young))
            && !self.rules.has(Mistake::NoSettling);
        let sight = match (from.shown(vmid), from.guest(vmid)) {
            (Some(guest), _) => Sight::Guest(guest),
            (None, Some(_)) if !self.rules.has(Mistake::ShorterListIsGone) => Sight::Taken,
            (None, _) => Sight::Free { unsettled },
        };
        let asked = Placed {
            name: small(name),
            uid: seen.uid,
            vmid,
            recorded: seen.identity,
            deleting: seen.deleting,
            sight,
            made: from.made[usize::from(vmid) - 1],
            none_taken,
            late_call: seen.sent_again || (seen.identity == 0 && unsettled),
        };
        match self.rules.placed(asked) {
            Due::Wait | Due::Lost => {}
            Due::Act => self.act(name, seen),
            Due::Remark => self.mark(Move::Remark, seen, seen.identity, false),
            Due::Seal => self.mark(Move::Seal, seen, identity(seen.uid, vmid), false),
            Due::Record => {
                let uuid = from.guest(vmid).map_or(0, |g| g.uuid);
                self.write(Move::Record, name, seen, |to, r| {
                    r.sent_again |= to.young && !to.making[name].reserved_here;
                    r.identity = uuid;
                });
            }
            Due::Make if unsettled && !seen.sent_again => {
                self.write(Move::NoteSecondCall, name, seen, |_, r| r.sent_again = true);
            }
            Due::Make => self.make(name, seen, vmid),
            Due::GiveUp => self.write(Move::GiveUp, name, seen, |to, r| {
                to.highest = to.highest.max(vmid);
                r.vmid = 0;
                r.annotated = 0;
                to.making[name] = Making::default();
            }),
            due @ (Due::Release | Due::LetGo) => self.write(Move::LetGo, name, seen, |to, r| {
                to.highest = to.highest.max(vmid);
                r.finalizer = false;
                if due == Due::LetGo
                    && let Some(guest) = to.guest(vmid)
                {
                    to.put(vmid, Some(Guest { owner: 0, ..guest }));
                }
            }),
        }
    }

    /// Whether it was made for a resource of the same name that Kubernetes has lost.
    fn is_forgotten(&self, owner: u8, uid: u8) -> bool {
        self.from.lost_uids & (1 << owner) != 0 && name_of_uid(owner) == name_of_uid(uid)
    }

    /// A change of a guest that was judged to be the resource's own.
    fn touch(&mut self, seen: Resource, guest: Guest) {
        if guest.owner == 0 {
            self.violation("a guest of somebody else was touched");
        } else if guest.owner != seen.uid && !self.is_forgotten(guest.owner, seen.uid) {
            self.violation("a guest of another resource was touched");
        } else if guest.mark.released && guest.mark.uid == seen.uid {
            self.violation("a guest was touched that had been let go");
        }
    }

    fn act(&mut self, name: usize, seen: Resource) {
        let Some(guest) = self.from.guest(seen.vmid) else {
            return;
        };
        self.touch(seen, guest);
        if !seen.deleting {
            // It is kept as declared, which changes nothing here.
            return;
        }
        if seen.retain {
            self.mark(Move::Release, seen, guest.uuid, true);
            return;
        }
        if self.rules.has(Mistake::FinalizerOffWhenAsked) {
            self.write(Move::LetGo, name, seen, |_, r| r.finalizer = false);
            return;
        }
        let mut to = self.from;
        to.destroy(seen.vmid);
        self.to(Move::Destroy, to);
        self.answer_lost(Move::Destroy, name, to);
    }

    fn mark(&mut self, step: Move, seen: Resource, uuid: u8, released: bool) {
        let Some(guest) = self.from.guest(seen.vmid) else {
            return;
        };
        self.touch(seen, guest);
        let mut to = self.from;
        to.put(
            seen.vmid,
            Some(Guest {
                uuid,
                mark: Mark {
                    uid: seen.uid,
                    id: seen.vmid,
                    uuid,
                    released,
                },
                ..guest
            }),
        );
        self.to(step, to);
    }

    /// The same, and the process dies before it hears of it.
    fn answer_lost(&mut self, step: Move, _name: usize, mut to: State) {
        if to.budget.crash > 0 {
            to.budget.crash -= 1;
            to.die();
            self.to(Move::AndDies(step.plain()), to);
        }
    }

    fn make(&mut self, name: usize, seen: Resource, vmid: u8) {
        let from = self.from;
        if from.guest(vmid).is_some() {
            // Refused: the number exists.
            let mut to = from;
            to.making[name].refused = true;
            self.to(Move::MakeRefused, to);
            return;
        }
        let mut to = from;
        if !self.begin(&mut to, name, seen.uid, vmid) {
            return;
        }
        let late = self.rules.has(Mistake::ReservedAfterTheCall);
        let answered = |to: &mut State| {
            to.making[name].maybe_taken = true;
            if late && to.stored[name] == seen {
                to.stored[name].vmid = vmid;
                to.cached[name] = to.stored[name];
            }
        };
        let mut heard = to;
        answered(&mut heard);
        self.to(Move::Make, heard);
        if from.budget.lost > 0 {
            let mut unheard = to;
            unheard.budget.lost -= 1;
            unheard.making[name].maybe_taken = true;
            unheard.making[name].unknown = true;
            self.forget_call(&mut unheard, name, seen);
            self.to(Move::MakeUnheard, unheard);
            if from.flight.is_none() {
                let mut late = from;
                late.budget.lost -= 1;
                late.making[name].maybe_taken = true;
                late.making[name].unknown = true;
                late.flight = Some(Flight {
                    name: small(name),
                    uid: seen.uid,
                    vmid,
                });
                self.forget_call(&mut late, name, seen);
                self.to(Move::MakeUnderWay, late);
            }
        }
        if from.budget.crash > 0 {
            let mut dead = to;
            dead.budget.crash -= 1;
            dead.die();
            self.to(Move::AndDies(Move::Make.plain()), dead);
            if from.flight.is_none() {
                let mut late = from;
                late.budget.crash -= 1;
                late.die();
                late.flight = Some(Flight {
                    name: small(name),
                    uid: seen.uid,
                    vmid,
                });
                self.to(Move::AndDies(Move::MakeUnderWay.plain()), late);
            }
        }
    }

    /// The mistake of taking a lost answer for a refusal.
    fn forget_call(&self, to: &mut State, name: usize, seen: Resource) {
        if !self.rules.has(Mistake::LostAnswerIsRefusal) || to.stored[name] != seen {
            return;
        }
        to.stored[name].vmid = 0;
        to.cached[name] = to.stored[name];
        to.highest = to.highest.max(seen.vmid);
        to.making[name] = Making::default();
    }

    /// The host takes a call: the guest shows, locked and unmarked. False when no UUID is left to give.
    pub(super) fn begin(&mut self, to: &mut State, name: usize, uid: u8, vmid: u8) -> bool {
        let copied = name == 0;
        let identifier = if copied || self.rules.has(Mistake::RandomIdentity) {
            match to.new_uuid() {
                Some(new) => new,
                None => return false,
            }
        } else {
            identity(uid, vmid)
        };
        let index = usize::from(vmid) - 1;
        if to.given[index] != 0 && to.given[index] != uid {
            self.violation("a number was given twice");
        }
        to.given[index] = uid;
        to.put(
            vmid,
            Some(Guest {
                uuid: identifier,
                mark: Mark::default(),
                locked: true,
                name: small(name) + 1,
                owner: uid,
            }),
        );
        // A copy's task bears the number of its source.
        if copied {
            to.made = [true; NUMBERS];
        } else {
            to.made[index] = true;
        }
        true
    }
}

impl State {
    /// The process dies, and another one starts: what it believed and remembered is gone.
    pub(super) fn die(&mut self) {
        self.cached = [Resource::default(); super::state::NAMES];
        self.making = [Making::default(); super::state::NAMES];
        self.young = true;
        self.listed = false;
    }
}

fn number(index: usize) -> u8 {
    u8::try_from(index).unwrap() + 1
}

fn small(name: usize) -> u8 {
    u8::try_from(name).unwrap()
}
