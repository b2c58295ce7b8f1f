//! The rules of `docs/identity.md`, explored: every interleaving of Drover's steps with crashes, lost answers, stale
//! caches, lost rights, users, people on the host and losses of Kubernetes, to a stated number of each. The decisions
//! are the functions that the controller calls; host and Kubernetes are abstract (`state.rs`).
//!
//! Assumed: a configuration is read and acted upon in one step (calls without a digest are sent within two seconds of the
//! read); the list shows all guests or, without rights, none; a person does not both rename a guest and clear its notes, nor clear those of one that is
//! not sealed yet, nor restores one as it was, UUID and all, beside one that was made since; rights are not lost together with all that Kubernetes knows of a machine; what a Drover writes to Kubernetes while it has 5 s of its
//! lease left arrives before the next one leads.
//!
//! Besides what must never be, each state is asked whether it ends well: every run from it without further faults comes to
//! an end, and there each machine is as declared, or its resource says why not.
//!
//! That mistakes would be found is shown by making them: each of [`Mistake`] is switched on in turn, and must lead to a
//! violation.

#![allow(
    clippy::struct_excessive_bools,
    reason = "a state is many small facts, each of which may be so or not"
)]

mod drover;
mod making;
mod others;
mod rest;
mod rules;
mod state;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use self::rest::{Rest, Runs};
use self::rules::Rules;
use self::state::{Budget, NAMES, State};

/// A mistake that could have been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    /// A copied mark counts for the guest that bears it.
    CopiesCount,
    /// The UUID in a mark is not compared.
    SealIgnored,
    /// An unsealed mark counts without a task.
    UnsealedCounts,
    /// A mark counts although its owner let the guest go.
    ReleasedCounts,
    /// What is held is acted upon.
    HoldActs,
    /// A number is given up although the guest under it may be the resource's own.
    GiveUpAlways,
    /// A guest that is gone is made again.
    LostIsMadeAgain,
    /// A lost status is not searched for by mark.
    OwnMarkIgnored,
    /// Guests that stand in the way do not.
    ObstaclesIgnored,
    /// Guests that are being made are not waited for.
    NoWaitForMaking,
    /// A guest's name is no witness.
    NamesIgnored,
    /// Locks say nothing.
    LocksIgnored,
    /// The number is reserved after the call.
    ReservedAfterTheCall,
    /// A resource gets no finalizer before its guest is made.
    NoFinalizer,
    /// The finalizer goes when the destroy was sent.
    FinalizerOffWhenAsked,
    /// A guest that the list does not show is gone.
    ShorterListIsGone,
    /// A number that is free is so at once, although a call may be under way.
    NoSettling,
    /// A lost answer is taken for a refusal.
    LostAnswerIsRefusal,
    /// Numbers are given again.
    NumbersReused,
    /// The number that was reserved before the status was lost is not asked for.
    ReservedNotAsked,
    /// A guest that is found again is bound without the finalizer.
    BoundWithoutFinalizer,
    /// That a second creating call was sent is forgotten.
    SecondCallForgotten,
    /// New guests get a UUID by chance.
    RandomIdentity,
    /// Who lost the lease goes on sending.
    StaleLeaderSends,
    /// A guest that can't be read where the list shows it is gone.
    MovingIsGone,
    /// What a person wants adopted is taken, whosever it is.
    AdoptsWhatIsMarked,
    /// A number that somebody else has is waited for.
    NeverGivesUp,
    /// Who lost the lease goes on writing to Kubernetes.
    StaleLeaderWrites,
    /// It is given up although a call for it may be under way.
    GivesUpTooEarly,
    /// What is lost is made again although a call for it may be under way.
    RecreatesTooEarly,
}

const MISTAKES: [Mistake; 30] = [
    Mistake::CopiesCount,
    Mistake::SealIgnored,
    Mistake::UnsealedCounts,
    Mistake::ReleasedCounts,
    Mistake::HoldActs,
    Mistake::GiveUpAlways,
    Mistake::LostIsMadeAgain,
    Mistake::OwnMarkIgnored,
    Mistake::ObstaclesIgnored,
    Mistake::NoWaitForMaking,
    Mistake::NamesIgnored,
    Mistake::LocksIgnored,
    Mistake::ReservedAfterTheCall,
    Mistake::NoFinalizer,
    Mistake::FinalizerOffWhenAsked,
    Mistake::ShorterListIsGone,
    Mistake::NoSettling,
    Mistake::LostAnswerIsRefusal,
    Mistake::NumbersReused,
    Mistake::ReservedNotAsked,
    Mistake::BoundWithoutFinalizer,
    Mistake::SecondCallForgotten,
    Mistake::RandomIdentity,
    Mistake::StaleLeaderSends,
    Mistake::MovingIsGone,
    Mistake::AdoptsWhatIsMarked,
    Mistake::NeverGivesUp,
    Mistake::GivesUpTooEarly,
    Mistake::RecreatesTooEarly,
    Mistake::StaleLeaderWrites,
];

type Mistakes = Option<Mistake>;

/// What happened, for the way into a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Claim,
    Reserve,
    Make,
    MakeUnheard,
    MakeUnderWay,
    MakeRefused,
    Seal,
    Record,
    Remark,
    Release,
    Destroy,
    Bind,
    MarkBound,
    Adopt,
    GiveUp,
    Recreate,
    NoteSecondCall,
    LetGo,
    LetGoUnmade,
    AndDies(&'static str),
    Dies,
    Lists,
    CacheCatchesUp,
    TaskEnds,
    GuestArrives,
    FormerEnds,
    TakeOver,
    CallArrives,
    CallIsLost,
    TimePasses,
    RightsAreLost,
    RightsComeBack,
    UserDeclares,
    UserAdopts,
    UserDeletes,
    StatusIsLost,
    StatusOfYesterday,
    ResourceOfYesterday,
    EtcdIsLost,
    PersonMakes,
    PersonCopies,
    PersonDestroys,
    PersonRestores,
    PersonClearsNotes,
    PersonRenames,
    PersonMoves,
}

impl Move {
    const fn plain(self) -> &'static str {
        match self {
            Self::Make => "Make",
            Self::MakeUnderWay => "MakeUnderWay",
            _ => "Destroy",
        }
    }

    /// Whether a step of Drover's meets a fault.
    const fn is_fault(self) -> bool {
        matches!(self, Self::MakeUnheard | Self::MakeUnderWay | Self::AndDies(_))
    }
}

/// The moves from one state.
struct Moves<'a> {
    rules: &'a Rules,
    from: State,
    found: Vec<(Move, State)>,
    violation: Option<&'static str>,
    /// Whether the process may send to the host.
    sends: bool,
    /// How each name stands for the process that has the lease.
    rest: [Rest; NAMES],
}

impl Moves<'_> {
    fn to(&mut self, step: Move, state: State) {
        self.found.push((step, state));
    }

    fn violation(&mut self, what: &'static str) {
        self.violation.get_or_insert(what);
    }
}

/// What must hold in every state.
fn broken(state: &State) -> Option<&'static str> {
    let of_drover = || state.guests.iter().flatten().filter(|guest| guest.owner != 0);
    for guest in of_drover() {
        if of_drover().filter(|other| other.owner == guest.owner).count() > 1 {
            return Some("a resource has two guests");
        }
        let of_name = |uid| state::name_of_uid(uid);
        let is_released = |g: &state::Guest| g.mark.released;
        let same_name = of_drover().filter(|other| of_name(other.owner) == of_name(guest.owner));
        if same_name.filter(|other| !is_released(other)).count() > 1 {
            return Some("a name has two guests");
        }
        let forgotten = state.lost_uids & (1 << guest.owner) != 0;
        if !guest.mark.released && state.name_of(guest.owner).is_none() && !forgotten {
            return Some("a guest has no resource");
        }
    }
    None
}

#[derive(Default)]
struct Quick(u64);

/// States are hashed millions of times, and nobody chooses them to collide.
impl std::hash::Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

/// What a search found.
struct Explored {
    states: usize,
    depth: u16,
    violation: Option<String>,
}

/// Breadth first, so that the way into a violation is a shortest one. `most` bounds the search for a mistake.
fn explore(mistake: Mistakes, budget: Budget, most: usize) -> Explored {
    let rules = Rules::new(mistake);
    let mut numbers: HashMap<State, u32, BuildHasherDefault<Quick>> = HashMap::default();
    let mut states: Vec<(State, u32, Move, u16)> = Vec::new();
    let start = State::new(budget);
    numbers.insert(start, 0);
    states.push((start, 0, Move::TimePasses, 0));
    let mut runs = Runs::default();
    let mut next = 0;
    let mut depth = 0;
    while next < states.len() && states.len() < most {
        let (from, _, _, deep) = states[next];
        depth = depth.max(deep);
        let mut moves = Moves {
            rules: &rules,
            from,
            found: Vec::with_capacity(32),
            violation: None,
            sends: true,
            rest: [Rest::Ready; NAMES],
        };
        for name in 0..NAMES {
            moves.pass(name);
        }
        for name in 0..NAMES {
            moves.pass_of_former(name);
        }
        moves.by_itself();
        let chance = moves.found.len();
        moves.by_chance();
        let quiet = |(index, (step, to)): &(usize, &(Move, State))| {
            *index < chance && !step.is_fault() && *to != from
        };
        let rests = !moves.found.iter().enumerate().any(|step| quiet(&step));
        let violation = moves.violation.or_else(|| broken(&from));
        if let Some(what) = violation.or_else(|| moves.unrest().filter(|_| rests)) {
            return Explored {
                states: states.len(),
                depth,
                violation: Some(way(&states, next, what)),
            };
        }
        runs.begin();
        for (index, (step, to)) in moves.found.iter().enumerate() {
            let target = *numbers.entry(*to).or_insert_with(|| {
                let number = u32::try_from(states.len()).unwrap();
                states.push((*to, u32::try_from(next).unwrap(), *step, deep + 1));
                number
            });
            if quiet(&(index, &(*step, *to))) {
                runs.goes_to(target);
            }
        }
        next += 1;
    }
    let endless = runs.endless(next);
    Explored {
        states: states.len(),
        depth,
        violation: endless.map(|state| way(&states, state, "what goes on by itself never ends")),
    }
}

fn way(states: &[(State, u32, Move, u16)], last: usize, what: &str) -> String {
    let mut steps = Vec::new();
    let mut at = last;
    while at != 0 {
        let (_, before, step, _) = states[at];
        steps.push(format!("{step:?}"));
        at = usize::try_from(before).unwrap();
    }
    steps.reverse();
    format!("{what}: {}", steps.join(" > "))
}

/// How many faults each search allows.
const SEARCHES: [Budget; 5] = [
    // A machine, and people who are busy on its host.
    Budget {
        crash: 0,
        lost: 1,
        person: 2,
        etcd: 1,
        user: 1,
        rights: 0,
        takeover: 0,
        recreation: true,
    },
    // Two Drovers, of which one is stale.
    Budget {
        crash: 0,
        lost: 1,
        person: 1,
        etcd: 0,
        user: 2,
        rights: 0,
        takeover: 1,
        recreation: false,
    },
    // Machines that come and go.
    Budget {
        crash: 0,
        lost: 0,
        person: 1,
        etcd: 1,
        user: 3,
        rights: 0,
        takeover: 0,
        recreation: false,
    },
    Budget {
        crash: 1,
        lost: 1,
        person: 1,
        etcd: 0,
        user: 3,
        rights: 0,
        takeover: 0,
        recreation: false,
    },
    // Everything that can happen to a machine or two.
    Budget {
        crash: 1,
        lost: 1,
        person: 1,
        etcd: 1,
        user: 2,
        rights: 1,
        takeover: 0,
        recreation: false,
    },
];

/// Where no mistake can be found, this many states were looked at.
const MOST: usize = 1_500_000;

#[test]
fn no_interleaving_breaks_the_rules_and_every_mistake_is_found() {
    let right = SEARCHES.map(|budget| explore(None, budget, usize::MAX));
    for broken in right.iter().filter_map(|search| search.violation.as_ref()) {
        println!("model: {broken}");
    }
    let states: usize = right.iter().map(|search| search.states).sum();
    let depth = right.iter().map(|search| search.depth).max().unwrap_or_default();
    let violations = right.iter().filter(|search| search.violation.is_some()).count();
    let missed: Vec<Mistake> = MISTAKES
        .into_iter()
        .filter(|mistake| {
            let found = |budget| explore(Some(*mistake), budget, MOST).violation.is_some();
            !SEARCHES.into_iter().any(found)
        })
        .collect();
    println!(
        "model: {states} states explored, depth {depth}, {violations} violations, {} of {} deliberate mistakes found",
        MISTAKES.len() - missed.len(),
        MISTAKES.len()
    );
    assert!(missed.is_empty(), "not found: {missed:?}");
    assert_eq!(violations, 0);
    assert!(states >= 1_000_000);
}
