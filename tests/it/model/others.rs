//! What everybody else does: the host, the API server, users, people on the host.

use super::state::{Budget, Guest, NAMES, NUMBERS, Resource, State};
use super::{Move, Moves};

impl Moves<'_> {
    /// What goes on by itself, without anybody's fault.
    pub(super) fn by_itself(&mut self) {
        let from = self.from;
        if !from.process.listed {
            let mut to = from;
            to.process.cached = from.stored;
            to.process.listed = true;
            self.to(Move::Lists, to);
        }
        for name in 0..NAMES {
            if from.process.listed && from.process.cached[name] != from.stored[name] {
                let mut to = from;
                to.process.cached[name] = from.stored[name];
                self.to(Move::CacheCatchesUp, to);
            }
        }
        for vmid in 1..=u8::try_from(NUMBERS).unwrap() {
            if let Some(guest) = from.guest(vmid).filter(|guest| guest.locked) {
                let mut to = from;
                to.put(vmid, Some(guest.finished(vmid)));
                self.to(Move::TaskEnds, to);
            }
            if let Some(guest) = from.guest(vmid).filter(|guest| guest.moving) {
                let mut to = from;
                to.put(
                    vmid,
                    Some(Guest {
                        moving: false,
                        ..guest
                    }),
                );
                self.to(Move::GuestArrives, to);
            }
        }
        if from.former.is_some() {
            let mut to = from;
            to.former = None;
            self.to(Move::FormerEnds, to);
        }
        if let Some(flight) = from.flight {
            let mut to = from;
            to.flight = None;
            if from.guest(flight.vmid).is_some()
                || self.begin(&mut to, usize::from(flight.name), flight.uid, flight.vmid)
            {
                self.to(Move::CallArrives, to);
            }
        } else if from.process.young
            || from.process.making.iter().any(|m| m.unknown)
            || from.stored.iter().any(|r| r.sent_again)
        {
            let mut to = from;
            to.process.young = false;
            if let Some(former) = &mut to.former {
                former.young = false;
                former.cached.iter_mut().for_each(|r| r.sent_again = false);
            }
            for resource in to.stored.iter_mut().chain(&mut to.process.cached) {
                resource.sent_again = false;
            }
            for making in &mut to.process.making {
                making.unknown = false;
            }
            self.to(Move::TimePasses, to);
        }
        if from.blind {
            let mut to = from;
            to.blind = false;
            self.to(Move::RightsComeBack, to);
        }
    }

    /// What is limited by a budget.
    pub(super) fn by_chance(&mut self) {
        self.spend(
            |b| &mut b.crash,
            |moves, mut to| {
                to.die();
                moves.to(Move::Dies, to);
            },
        );
        self.spend(
            |b| &mut b.rights,
            |moves, mut to| {
                if !to.blind {
                    to.blind = true;
                    moves.to(Move::RightsAreLost, to);
                }
            },
        );
        self.spend(
            |b| &mut b.takeover,
            |moves, mut to| {
                to.former = Some(to.process);
                to.die();
                moves.to(Move::TakeOver, to);
            },
        );
        self.spend(|b| &mut b.user, Self::user);
        self.spend(|b| &mut b.etcd, Self::etcd);
        self.spend(|b| &mut b.person, Self::person);
        if self.from.flight.is_some() {
            self.spend(
                |b| &mut b.lost,
                |moves, mut to| {
                    to.flight = None;
                    moves.to(Move::CallIsLost, to);
                },
            );
        }
    }

    fn spend(&mut self, which: impl Fn(&mut Budget) -> &mut u8, then: impl FnOnce(&mut Self, State)) {
        let mut to = self.from;
        let left = which(&mut to.budget);
        if *left > 0 {
            *left -= 1;
            then(self, to);
        }
    }

    fn user(&mut self, base: State) {
        for name in 0..NAMES {
            let stored = base.stored[name];
            if stored.uid == 0 {
                // Machines of the first name may be retained.
                for retain in [false, true].into_iter().take(2 - name) {
                    let mut to = base;
                    if let Some(uid) = to.new_uid(name) {
                        to.stored[name] = Resource {
                            uid,
                            retain,
                            ..Resource::default()
                        };
                        self.to(Move::UserDeclares, to);
                    }
                }
                // One of the second name may be made again when it is lost, or have a guest that is there already.
                let mut to = base;
                if let Some(uid) = to.new_uid(name).filter(|_| name == 1 && base.budget.recreation) {
                    to.stored[name] = Resource {
                        uid,
                        recreates: true,
                        ..Resource::default()
                    };
                    self.to(Move::UserDeclares, to);
                }
                let there = (1..=u8::try_from(NUMBERS).unwrap()).filter(|vmid| base.guest(*vmid).is_some());
                for adopts in there.filter(|_| name == 1) {
                    let mut to = base;
                    if let Some(uid) = to.new_uid(name) {
                        to.stored[name] = Resource {
                            uid,
                            adopts,
                            ..Resource::default()
                        };
                        self.to(Move::UserAdopts, to);
                    }
                }
            } else if !stored.deleting {
                let mut to = base;
                to.stored[name] = if stored.finalizer {
                    Resource {
                        deleting: true,
                        ..stored
                    }
                } else {
                    Resource::default()
                };
                self.to(Move::UserDeletes, to);
            }
        }
    }

    fn etcd(&mut self, base: State) {
        for name in 0..NAMES {
            let stored = base.stored[name];
            if stored.uid == 0 {
                continue;
            }
            if stored.vmid != 0 {
                let mut to = base;
                (to.stored[name].vmid, to.stored[name].identity) = (0, 0);
                to.stored[name].sent_again = false;
                to.die();
                self.to(Move::StatusIsLost, to);
            }
            // Whoever adopts records number and identity at once.
            if stored.identity != 0 && stored.adopts == 0 {
                let mut to = base;
                to.stored[name].identity = 0;
                to.stored[name].sent_again = false;
                to.die();
                self.to(Move::StatusOfYesterday, to);
            }
            // Who sees no guests and has no reservation can know nothing.
            let mut base = base;
            if base.blind {
                continue;
            }
            base.budget.rights = 0;
            if stored.finalizer {
                // As it was before Drover saw it.
                let mut to = base;
                to.lost_uids |= 1 << stored.uid;
                to.stored[name] = Resource {
                    uid: stored.uid,
                    retain: stored.retain,
                    adopts: stored.adopts,
                    recreates: stored.recreates,
                    ..Resource::default()
                };
                to.die();
                self.to(Move::ResourceOfYesterday, to);
            }
            if !stored.deleting {
                let mut to = base;
                if let Some(uid) = to.new_uid(name) {
                    to.lost_uids |= 1 << stored.uid;
                    to.stored[name] = Resource {
                        uid,
                        retain: stored.retain,
                        adopts: stored.adopts,
                        recreates: stored.recreates,
                        ..Resource::default()
                    };
                    to.die();
                    self.to(Move::EtcdIsLost, to);
                }
            }
        }
    }

    fn person(&mut self, base: State) {
        let numbers = 1..=u8::try_from(NUMBERS).unwrap();
        for vmid in numbers.clone() {
            let Some(guest) = base.guest(vmid) else {
                let mut to = base;
                if let Some(uuid) = to.new_uuid() {
                    to.put(vmid, Some(Guest::of_somebody(uuid)));
                    self.to(Move::PersonMakes, to);
                }
                for source in numbers.clone() {
                    let Some(original) = base.guest(source).filter(|g| !g.locked && g.mark.uid != 0) else {
                        continue;
                    };
                    let mut to = base;
                    if let Some(uuid) = to.new_uuid() {
                        let copy = Guest {
                            mark: original.mark,
                            ..Guest::of_somebody(uuid)
                        };
                        to.put(vmid, Some(copy));
                        self.to(Move::PersonCopies, to);
                    }
                }
                continue;
            };
            if guest.moving {
                continue;
            }
            let mut to = base;
            to.destroy(vmid);
            self.to(Move::PersonDestroys, to);
            if !guest.locked {
                let mut to = base;
                to.put(
                    vmid,
                    Some(Guest {
                        moving: true,
                        ..guest
                    }),
                );
                self.to(Move::PersonMoves, to);
            }
            // From a backup, over itself: notes and all, as another machine.
            if !guest.locked && guest.mark.uid != 0 {
                let mut to = base;
                to.destroy(vmid);
                if let Some(uuid) = to.new_uuid() {
                    let restored = Guest {
                        mark: guest.mark,
                        ..Guest::of_somebody(uuid)
                    };
                    to.put(vmid, Some(restored));
                    self.to(Move::PersonRestores, to);
                }
            }
            // A person does not both rename a guest and clear its notes, and lets an unfinished one alone.
            let named = usize::from(guest.name) > 0;
            if !guest.locked && guest.mark.uuid != 0 && named {
                let mut to = base;
                to.put(
                    vmid,
                    Some(Guest {
                        mark: super::state::Mark::default(),
                        ..guest
                    }),
                );
                self.to(Move::PersonClearsNotes, to);
                let mut to = base;
                to.put(vmid, Some(Guest { name: 0, ..guest }));
                self.to(Move::PersonRenames, to);
            }
        }
    }
}

impl Guest {
    fn of_somebody(uuid: u8) -> Self {
        Self {
            uuid,
            mark: super::state::Mark::default(),
            locked: false,
            moving: false,
            name: 0,
            owner: 0,
        }
    }

    /// As the task leaves it: a copy with its mark and the UUID that the host gave, an empty one sealed.
    fn finished(self, vmid: u8) -> Self {
        let copied = super::state::name_of_uid(self.owner) == 0;
        Self {
            locked: false,
            mark: super::state::Mark {
                uid: self.owner,
                id: vmid,
                uuid: if copied { 0 } else { self.uuid },
                released: false,
            },
            ..self
        }
    }
}
