//! The simulator held to recordings of real Proxmox VE 9.2.11 and 8.4.1, exchange by exchange. How a recording is
//! scripted is written in `recordings/mod.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "recordings/mod.rs"]
mod recordings;

use recordings::{Kind, Report, directory, report};
use tokio::sync::OnceCell;

/// The replay, which is done once for all tests; none where the recordings aren't.
async fn replayed() -> Option<&'static Report> {
    static REPORT: OnceCell<Report> = OnceCell::const_new();
    if let Err(reason) = directory() {
        println!("skipped: {reason}");
        return None;
    }
    Some(REPORT.get_or_init(report).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulator_answers_as_the_recorded_machines_did() {
    let Some(report) = replayed().await else { return };
    println!("{}", report.text());
    let faults = report.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The share of values that are compared as they are, in percent of those that were changed.
const COMPARED_BY_VALUE: usize = 87;

/// The share of names that are bound already, or stand beside themselves, when they are changed.
const NAMES_BOUND: usize = 55;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_of_a_recorded_answer_goes_unseen_but_in_a_masked_value() {
    let Some(report) = replayed().await else { return };
    let flips = report.flips();
    assert!(flips.unseen.is_empty(), "unseen:\n{}", flips.unseen.join("\n"));
    if !report.is_whole() {
        return;
    }
    for (kind, count) in flips.counts {
        let most = match kind {
            Kind::Value => 100 - COMPARED_BY_VALUE,
            Kind::Name => 100 - NAMES_BOUND,
            // A number that is a string as well, a key that the recorded machine lacked.
            Kind::Type | Kind::MissingKey => 1,
            _ => 0,
        };
        assert!(count.masked * 100 <= count.made * most, "{kind:?}: {count:?}");
    }
}
