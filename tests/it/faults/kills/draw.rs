//! What a seed orders: for each round its changes, its faults, and the instant of the kill. Drawn beforehand and a
//! round at a time, so that a seed repeats the orders whatever the machine's load made of the last run.

use std::time::Duration;

use fastrand::Rng;
use pve_sim::Mark;

/// How many machines there are.
pub(super) const MACHINES: usize = 20;
/// How late a held call acts at the most, in milliseconds: within what [`SETTLE`] allows for.
const LATEST: u64 = 4500;
/// How long Drover takes a create whose answer it did not see for one that may still arrive.
pub(super) const SETTLE: &str = "6s";
/// The GiB of the disk of which copies are made.
const TEMPLATE: u32 = 8;
/// How many of them a round may change.
const CHANGES: usize = 3;

/// Everything that happens between two kills.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// What people want of which machine.
    pub(super) changes: Vec<(usize, Change)>,
    /// The answer of the changing call after so many others is lost.
    pub(super) lost_after: Option<u32>,
    /// The host can't be reached for so long.
    pub(super) outage: Option<Duration>,
    /// Somebody makes a guest so far above the highest number that exists.
    pub(super) stranger: Option<u32>,
    /// When the program is killed.
    pub(super) kill: Kill,
    /// How long after the kill the host goes on with a call that it held.
    pub(super) late: Duration,
}

/// What somebody does with a machine; one that is not declared is declared whatever was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is deleted, and declared again once it is gone.
    Remake,
    /// It is to run, or not.
    Power(bool),
    /// It is to have so many cores.
    Cores(u32),
    /// Its disk is to have so many GiB; nobody makes it smaller, and no copy can be smaller than its source.
    Grow(u32),
}

/// When the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// When a changing call of this method, after so many others, stands at a mark in the simulator.
    Ordered(Mark, &'static str, u64),
    /// So long after the start.
    Random(Duration),
}

/// The round with a number.
pub(super) fn round(seed: u64, number: u64) -> Round {
    let mut rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let changes = (0..CHANGES)
        .map(|_| {
            let change = match rng.u32(0..10) {
                0..=5 => Change::Remake,
                6..=7 => Change::Power(rng.bool()),
                8 => Change::Grow(rng.u32(TEMPLATE..=16)),
                _ => Change::Cores(rng.u32(1..=4)),
            };
            (rng.usize(..MACHINES), change)
        })
        .collect();
    let millis = |rng: &mut Rng, from, to| Duration::from_millis(rng.u64(from..to));
    let kill = if number.is_multiple_of(2) {
        let mark = match rng.u32(0..5) {
            0..=1 => Mark::BeforeAct,
            2..=3 => Mark::AfterAct,
            _ => Mark::AfterAnswer,
        };
        let (method, others) = match rng.u32(0..10) {
            0..=5 => ("POST", 4),
            6..=7 => ("PUT", 2),
            _ => ("DELETE", 2),
        };
        Kill::Ordered(mark, method, rng.u64(0..others))
    } else {
        Kill::Random(millis(&mut rng, 100, 1500))
    };
    Round {
        changes,
        lost_after: (rng.u32(0..4) == 0).then(|| rng.u32(0..3)),
        outage: (rng.u32(0..20) == 0).then(|| millis(&mut rng, 100, 1000)),
        stranger: (rng.u32(0..15) == 0).then(|| rng.u32(1..=2)),
        kill,
        // At once, or when the next one long since runs and has seen that nothing is there.
        late: if rng.bool() {
            millis(&mut rng, 0, 500)
        } else {
            millis(&mut rng, 2000, LATEST)
        },
    }
}

#[test]
fn seed_repeats_its_orders_and_another_gives_others() {
    let orders = |seed| format!("{:?}", (0..100).map(|n| round(seed, n)).collect::<Vec<_>>());
    assert_eq!(orders(1), orders(1));
    assert_ne!(orders(1), orders(2));
}
