//! How long `GET /cluster/resources` takes with 20,000 guests, as a client sees it: `cargo bench -p pve-sim`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for people at a terminal"
)]

use std::time::{Duration, Instant};

use pve_sim::{Seed, Simulator};
use reqwest::{Certificate, Client};

const GUESTS: u32 = 20_000;
const ROUNDS: usize = 30;

#[tokio::main]
async fn main() {
    let seed = Seed::nodes(3).with_foreign_vms(GUESTS);
    let sim = Simulator::start(seed).await.unwrap();
    let ca = Certificate::from_pem(sim.ca_pem().as_bytes()).unwrap();
    let http = Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .http1_only()
        .build()
        .unwrap();
    let token = format!("PVEAPIToken={}={}", sim.token_id(), sim.token_secret());
    let url = format!("{}/api2/json/cluster/resources", sim.url());
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    let mut size = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let answer = http.get(&url).header("Authorization", &token);
        size = answer.send().await.unwrap().bytes().await.unwrap().len();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let ms = |at: usize| times[at].as_secs_f64() * 1000.0;
    println!(
        "{GUESTS} guests, {} KiB: median {:.1} ms, 90 % {:.1} ms, slowest {:.1} ms",
        size / 1024,
        ms(ROUNDS / 2),
        ms(ROUNDS * 9 / 10),
        ms(ROUNDS - 1)
    );
    sim.shutdown().await;
}
