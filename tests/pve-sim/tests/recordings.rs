//! The simulator held to recordings of real Proxmox VE 9.2.11 and 8.4.1, exchange by exchange. How a recording is
//! scripted is written in `recordings/mod.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "recordings/mod.rs"]
mod recordings;

use recordings::{directory, report};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulator_answers_as_the_recorded_machines_did() {
    if let Err(reason) = directory() {
        println!("skipped: {reason}");
        return;
    }
    let report = report().await;
    println!("{}", report.text());
    let faults = report.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
