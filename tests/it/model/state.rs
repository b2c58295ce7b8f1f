//! The state: two declared machines, three numbers, one host, one Drover and what it believes. Small numbers stand for
//! UIDs and UUIDs, so that a state is a few bytes.

/// How many numbers the host has.
pub(super) const NUMBERS: usize = 3;
/// How many names are declared. The first is made as a copy of a template, the second empty.
pub(super) const NAMES: usize = 2;
/// How many UIDs Kubernetes gives to the resources of one name, one after another.
pub(super) const UIDS: u8 = 3;
/// How many UUIDs the host gives of its own accord.
pub(super) const UUIDS: u8 = 4;

/// A declared machine as the API server, or a cache, has it. `uid` 0: there is none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Resource {
    pub(super) uid: u8,
    pub(super) deleting: bool,
    pub(super) finalizer: bool,
    pub(super) retain: bool,
    /// What is lost is made again.
    pub(super) recreates: bool,
    /// The number of the guest that a person wants adopted by it; 0: none.
    pub(super) adopts: u8,
    /// The annotation with the number that was reserved last; 0: none.
    pub(super) annotated: u8,
    /// `status.vmid`; 0: none.
    pub(super) vmid: u8,
    /// `status.identity`; 0: none.
    pub(super) identity: u8,
    /// `status.createSentAgainAt`, less than the settling time ago.
    pub(super) sent_again: bool,
}

/// What the process remembers of the calls for a reservation.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Making {
    /// The number that was named in the annotation and is about to be reserved; 0: none.
    pub(super) named: u8,
    pub(super) reserved_here: bool,
    pub(super) refused: bool,
    pub(super) maybe_taken: bool,
    /// A call was sent whose answer is unknown, less than the settling time ago.
    pub(super) unknown: bool,
}

/// A mark; `uid` 0: none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) uid: u8,
    pub(super) id: u8,
    pub(super) uuid: u8,
    pub(super) released: bool,
}

/// A guest on the host.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Guest {
    pub(super) uuid: u8,
    pub(super) mark: Mark,
    /// The host is making it.
    pub(super) locked: bool,
    /// Somebody moves it to another node: the list still shows it on the former one, where it can't be read.
    pub(super) moving: bool,
    /// The name that it bears: the number of a declared machine plus one, or 0.
    pub(super) name: u8,
    /// Whose it truly is: a UID, or 0 for somebody else's.
    pub(super) owner: u8,
}

/// A call that makes a guest and has not arrived yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flight {
    pub(super) name: u8,
    pub(super) uid: u8,
    pub(super) vmid: u8,
}

/// How many faults may still come.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// The process is killed.
    pub(super) crash: u8,
    /// An answer is lost.
    pub(super) lost: u8,
    /// Somebody does something on the host.
    pub(super) person: u8,
    /// Kubernetes loses something.
    pub(super) etcd: u8,
    /// A user declares or deletes.
    pub(super) user: u8,
    /// The token loses its rights.
    pub(super) rights: u8,
    /// Another Drover takes over while the first goes on.
    pub(super) takeover: u8,
    /// Whether machines may be declared that are made again when they are lost.
    pub(super) recreation: bool,
}

/// What a process believes and remembers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) cached: [Resource; NAMES],
    pub(super) making: [Making; NAMES],
    /// It has listed all resources since its start; before that it does nothing.
    pub(super) listed: bool,
    /// It started less than the settling time ago.
    pub(super) young: bool,
}

/// Everything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) stored: [Resource; NAMES],
    /// The one that has the lease.
    pub(super) process: Process,
    /// One that had it before, and goes on with what it believed then: it was stopped, or cut off.
    pub(super) former: Option<Process>,
    pub(super) guests: [Option<Guest>; NUMBERS],
    /// By number: the task lists show that Drover may have made a guest there, and no destroy since.
    pub(super) made: [bool; NUMBERS],
    pub(super) flight: Option<Flight>,
    /// By number: to which UID Drover gave it last.
    pub(super) given: [u8; NUMBERS],
    /// `status.highestVmid` of the host.
    pub(super) highest: u8,
    /// The list shows no guests: the token lost its rights.
    pub(super) blind: bool,
    pub(super) uids: [u8; NAMES],
    pub(super) uuids: u8,
    /// UIDs whose resources Kubernetes lost, and which therefore left guests behind.
    pub(super) lost_uids: u8,
    pub(super) budget: Budget,
}

impl State {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            stored: [Resource::default(); NAMES],
            process: Process::default(),
            former: None,
            guests: [None; NUMBERS],
            made: [false; NUMBERS],
            flight: None,
            given: [0; NUMBERS],
            highest: 0,
            blind: false,
            uids: [0; NAMES],
            uuids: 0,
            lost_uids: 0,
            budget,
        }
    }

    pub(super) fn guest(&self, vmid: u8) -> Option<Guest> {
        self.guests[usize::from(vmid) - 1]
    }

    pub(super) fn put(&mut self, vmid: u8, guest: Option<Guest>) {
        self.guests[usize::from(vmid) - 1] = guest;
    }

    /// Whether the list shows something under a number.
    pub(super) fn shown(&self, vmid: u8) -> Option<Guest> {
        self.guest(vmid).filter(|_| !self.blind)
    }

    /// What can be read under a number.
    pub(super) fn readable(&self, vmid: u8) -> Option<Guest> {
        self.shown(vmid).filter(|guest| !guest.moving)
    }

    /// The name whose resource has a UID now.
    pub(super) fn name_of(&self, uid: u8) -> Option<usize> {
        self.stored.iter().position(|r| r.uid == uid && uid != 0)
    }

    /// Takes a guest off a number, by whoever.
    pub(super) fn destroy(&mut self, vmid: u8) {
        self.put(vmid, None);
        self.made[usize::from(vmid) - 1] = false;
    }

    /// The next UID of a name; `None` when they are used up.
    pub(super) fn new_uid(&mut self, name: usize) -> Option<u8> {
        (self.uids[name] < UIDS).then(|| {
            self.uids[name] += 1;
            u8::try_from(name).unwrap() * UIDS + self.uids[name]
        })
    }

    /// The next UUID that the host gives; `None` when they are used up.
    pub(super) fn new_uuid(&mut self) -> Option<u8> {
        (self.uuids < UUIDS).then(|| {
            self.uuids += 1;
            self.uuids
        })
    }
}

/// The name whose resources have a UID.
pub(super) const fn name_of_uid(uid: u8) -> u8 {
    (uid - 1) / UIDS
}

/// The identity that Drover gives: by UID and number, told apart from the host's own.
pub(super) const fn identity(uid: u8, vmid: u8) -> u8 {
    0x40 | (uid << 3) | vmid
}

/// UID and number of an identity that Drover gave; `None` for one of the host's own.
pub(super) const fn given(identity: u8) -> Option<(u8, u8)> {
    match identity & 0x40 {
        0 => None,
        _ => Some(((identity & 0x3f) >> 3, identity & 0x7)),
    }
}
