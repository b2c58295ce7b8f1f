//! One step of Drover's pass over one of its machines, from what it believes: the order is that of
//! `controllers/virtual_machine` (`place.rs`, `look.rs`, `make.rs`, `remove.rs`), the decisions are the real ones.

use super::rest::Rest;
use super::rules::{Due, Placed, Seek, Sight, Unplaced};
use super::state::{Guest, Making, Mark, NUMBERS, Process, Resource, State, identity, name_of_uid};
use super::{Mistake, Move, Moves};

impl Moves<'_> {
    /// The next step over the machine of a name, if one is due that changes anything.
    pub(super) fn pass(&mut self, name: usize) {
        let seen = self.from.process.cached[name];
        if seen.uid == 0 || (seen.deleting && !seen.finalizer) {
            return;
        }
        self.rest[name] = Rest::AtWork;
        if seen.vmid == 0 {
            self.place(name, seen);
        } else {
            self.look(name, seen);
        }
    }

    /// The same by the process that had the lease before. It looks at its lease right before it sends or writes anything
    /// (`docs/identity.md`, "Who leads"), so that it does nothing but by mistake.
    pub(super) fn pass_of_former(&mut self, name: usize) {
        let (sends, writes) = (
            self.rules.has(Mistake::StaleLeaderSends),
            self.rules.has(Mistake::StaleLeaderWrites),
        );
        let current = self.from;
        let Some(former) = current.former.filter(|_| sends || writes) else {
            return;
        };
        let (known, rest) = (self.found.len(), self.rest);
        self.from.process = former;
        self.sends = sends;
        self.pass(name);
        self.sends = true;
        self.from = current;
        self.rest = rest;
        for (_, to) in &mut self.found[known..] {
            to.former = Some(to.process);
            to.process = current.process;
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
        to.process.cached[name] = new;
        self.to(step, to);
    }

    fn place(&mut self, name: usize, seen: Resource) {
        let from = self.from;
        let mut unowned = [None; NUMBERS];
        for (index, slot) in unowned.iter_mut().enumerate() {
            let vmid = number(index);
            let claimed = from
                .process
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
            adopts: seen.adopts,
            other: self.other(name).filter(|_| seen.adopts != 0),
            unowned,
        };
        match self.rules.unplaced(asked) {
            Seek::Wait => self.rest[name] = Rest::Waits,
            Seek::Hold => self.rest[name] = Rest::Told,
            Seek::Bind { vmid, .. } if !seen.finalizer && !self.rules.has(Mistake::BoundWithoutFinalizer) => {
                self.claim(name, seen, vmid);
            }
            Seek::Bind { vmid, sealed } => {
                let uuid = from.guest(vmid).map_or(0, |guest| guest.uuid);
                self.write(Move::Bind, name, seen, |to, r| {
                    r.sent_again = to.process.young;
                    r.vmid = vmid;
                    r.identity = if sealed { uuid } else { 0 };
                });
            }
            Seek::Take { vmid, former } => self.take(name, seen, vmid, former),
            Seek::Adopt { vmid } => self.adopt(name, seen, vmid),
            Seek::Release => {
                if self.reserved_may_exist(seen) {
                    self.rest[name] = Rest::Told;
                } else {
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
            // There is nothing to adopt.
            Seek::Reserve if seen.adopts != 0 => self.rest[name] = Rest::Told,
            Seek::Reserve => {
                if self.reserved_may_exist(seen) {
                    self.rest[name] = Rest::Told;
                } else {
                    self.reserve(name, seen);
                }
            }
        }
    }

    /// The resource of the other name: its UID, and the number that was reserved for it if its status was lost.
    fn other(&self, name: usize) -> Option<(u8, u8)> {
        let other = self.from.process.cached[1 - name];
        let reserved = if other.vmid == 0 { other.annotated } else { 0 };
        (other.uid != 0).then_some((other.uid, reserved))
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
                let unknown = from.process.making[usize::from(name_of_uid(seen.uid))].unknown;
                (from.process.young || unknown) && !self.rules.has(Mistake::NoSettling)
            }
        }
    }

    fn take(&mut self, name: usize, seen: Resource, vmid: u8, former: u8) {
        // By a list that the API server itself gives.
        if self.from.name_of(former).is_some() {
            self.rest[name] = Rest::Told;
            return;
        }
        let Some(guest) = self.claimed(name, seen, vmid) else {
            return;
        };
        if guest.owner == 0 || guest.owner != former {
            self.violation("a guest was bound that was not made for its predecessor");
        }
        self.mark_as(Move::MarkBound, seen, vmid, guest);
    }

    fn adopt(&mut self, name: usize, seen: Resource, vmid: u8) {
        let Some(guest) = self.claimed(name, seen, vmid) else {
            return;
        };
        // Of one whose resource is lost, and whose mark somebody took, nobody can tell whose it was.
        let lives = self.from.name_of(guest.owner).is_some() && !guest.mark.released;
        if lives && guest.owner != seen.uid {
            self.violation("a guest of a resource was adopted by another");
        }
        self.mark_as(Move::Adopt, seen, vmid, guest);
    }

    /// The guest as it is read before it becomes the resource's own, which that has named before.
    fn claimed(&mut self, name: usize, seen: Resource, vmid: u8) -> Option<Guest> {
        let guest = self.from.readable(vmid)?;
        if !seen.finalizer || seen.annotated != vmid {
            self.claim(name, seen, vmid);
            return None;
        }
        self.sends.then_some(guest)
    }

    /// The guest is the resource's own from here on.
    fn mark_as(&mut self, step: Move, seen: Resource, vmid: u8, guest: Guest) {
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
        self.to(step, to);
    }

    fn reserve(&mut self, name: usize, seen: Resource) {
        let from = self.from;
        let numbers = 1..=u8::try_from(NUMBERS).unwrap();
        let annotated = from.process.cached.iter().map(|r| r.annotated).max().unwrap_or(0);
        let mut above = from.highest;
        // Tasks, volumes and archives on the host tell which numbers were given.
        let told = (1..)
            .zip(from.given)
            .filter(|(_, uid)| *uid != 0 && *uid != seen.uid);
        above = above.max(told.map(|(vmid, _)| vmid).max().unwrap_or(0));
        if self.rules.has(Mistake::NumbersReused) {
            above = 0;
        }
        for vmid in numbers.clone() {
            let used = from.shown(vmid).is_some() || from.process.cached.iter().any(|r| r.vmid == vmid);
            if used && !self.rules.has(Mistake::NumbersReused) {
                above = above.max(vmid);
            }
        }
        // The cluster itself says whether it is free; what another resource has is skipped in any case.
        let taken =
            |vmid: u8| from.guest(vmid).is_some() || from.process.cached.iter().any(|r| r.vmid == vmid);
        // The one that this pass named a moment ago is reserved, whatever others name meanwhile.
        let named = from.process.making[name].named;
        let own = (named > above && named == seen.annotated && !taken(named)).then_some(named);
        let above = above.max(annotated);
        let Some(vmid) = own.or_else(|| numbers.clone().find(|n| *n > above && !taken(*n))) else {
            // The range is used up.
            self.rest[name] = Rest::Told;
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
            self.write(Move::Claim, name, seen, |to, r| {
                r.finalizer = true;
                r.annotated = vmid;
                to.process.making[name].named = vmid;
            });
            return;
        }
        self.write(Move::Reserve, name, seen, |to, r| {
            r.vmid = vmid;
            r.identity = 0;
            to.process.making[name] = Making {
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
        let making = from.process.making[name];
        let none_taken = making.reserved_here && !making.maybe_taken;
        let vmid = seen.vmid;
        if seen.identity == 0 && none_taken && !making.refused && !seen.deleting && from.shown(vmid).is_none()
        {
            self.make(name, seen, vmid);
            return;
        }
        let unsettled = seen.identity == 0
            && (making.unknown || (!making.reserved_here && from.process.young))
            && !self.rules.has(Mistake::NoSettling);
        let sight = match (from.readable(vmid), from.guest(vmid)) {
            (Some(guest), _) => Sight::Guest(guest),
            (None, Some(guest)) if guest.moving && self.rules.has(Mistake::MovingIsGone) => {
                Sight::Free { unsettled }
            }
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
            Due::Wait => self.rest[name] = Rest::Waits,
            Due::Lost if seen.recreates => self.recreate(name, seen, asked.late_call),
            Due::Hold | Due::Lost => self.rest[name] = Rest::Told,
            Due::Act => self.act(name, seen),
            Due::Remark => self.mark(Move::Remark, seen, seen.identity, false),
            Due::Seal => self.mark(Move::Seal, seen, identity(seen.uid, vmid), false),
            Due::Record => {
                let uuid = from.guest(vmid).map_or(0, |g| g.uuid);
                self.write(Move::Record, name, seen, |to, r| {
                    r.sent_again |= to.process.young && !to.process.making[name].reserved_here;
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
                to.process.making[name] = Making::default();
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

    /// The guest is gone, and is to be made again under another number.
    fn recreate(&mut self, name: usize, seen: Resource, late_call: bool) {
        if late_call && !self.rules.has(Mistake::RecreatesTooEarly) {
            self.rest[name] = Rest::Waits;
            return;
        }
        self.write(Move::Recreate, name, seen, |to, r| {
            to.highest = to.highest.max(r.vmid);
            (r.vmid, r.identity, r.annotated) = (0, 0, 0);
            r.sent_again = false;
            to.process.making[name] = Making::default();
        });
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
        let Some(guest) = self.from.guest(seen.vmid).filter(|_| self.sends) else {
            return;
        };
        self.touch(seen, guest);
        if !seen.deleting {
            // It is kept as declared, which changes nothing here.
            self.rest[name] = Rest::Ready;
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
        let Some(guest) = self.from.guest(seen.vmid).filter(|_| self.sends) else {
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
}

impl State {
    /// The process dies, and another one starts: what it believed and remembered is gone.
    pub(super) fn die(&mut self) {
        self.process = Process {
            young: true,
            ..Process::default()
        };
    }
}

fn number(index: usize) -> u8 {
    u8::try_from(index).unwrap() + 1
}

pub(super) fn small(name: usize) -> u8 {
    u8::try_from(name).unwrap()
}
