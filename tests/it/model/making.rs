//! The call that makes a guest: what becomes of it on the host, and of its answer.

use super::drover::small;
use super::state::{Flight, Guest, Making, Mark, NUMBERS, Resource, State, identity};
use super::{Mistake, Move, Moves};

impl Moves<'_> {
    pub(super) fn make(&mut self, name: usize, seen: Resource, vmid: u8) {
        if !self.sends {
            return;
        }
        let from = self.from;
        if from.guest(vmid).is_some() {
            // Refused: the number exists.
            let mut to = from;
            to.process.making[name].refused = true;
            self.to(Move::MakeRefused, to);
            return;
        }
        let mut to = from;
        if !self.begin(&mut to, name, seen.uid, vmid) {
            return;
        }
        let late = self.rules.has(Mistake::ReservedAfterTheCall);
        let answered = |to: &mut State| {
            to.process.making[name].maybe_taken = true;
            if late && to.stored[name] == seen {
                to.stored[name].vmid = vmid;
                to.process.cached[name] = to.stored[name];
            }
        };
        let mut heard = to;
        answered(&mut heard);
        self.to(Move::Make, heard);
        if from.budget.lost > 0 {
            let mut unheard = to;
            unheard.budget.lost -= 1;
            unheard.process.making[name].maybe_taken = true;
            unheard.process.making[name].unknown = true;
            self.forget_call(&mut unheard, name, seen);
            self.to(Move::MakeUnheard, unheard);
            if from.flight.is_none() {
                let mut late = from;
                late.budget.lost -= 1;
                late.process.making[name].maybe_taken = true;
                late.process.making[name].unknown = true;
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
        to.process.cached[name] = to.stored[name];
        to.highest = to.highest.max(seen.vmid);
        to.process.making[name] = Making::default();
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
                moving: false,
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
