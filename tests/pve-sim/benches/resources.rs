//! How long `GET /cluster/resources` takes with 20,000 guests, as a client sees it, with a token that may see all and with
//! one that sees a pool: `make bench`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for people at a terminal"
)]

use std::time::{Duration, Instant};

use pve_sim::{Rights, Seed, SeedPool, SeedToken, Simulator};
use reqwest::{Certificate, Client};

const GUESTS: u32 = 20_000;
const ROUNDS: usize = 30;

/// What the median should stay below.
const TARGET: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() {
    let pool = SeedPool {
        id: "some".to_owned(),
        guests: (100..1100).collect(),
        ..SeedPool::default()
    };
    let rights = vec![Rights::new("/pool/some", &["VM.Audit", "Pool.Audit"])];
    let seed = Seed::nodes(3)
        .with_foreign_vms(GUESTS)
        .with_pool(pool)
        .with_token(SeedToken::limited("root@pam!pool", "secret", rights));
    let sim = Simulator::start(seed).await.unwrap();
    measure(&sim, "all rights", sim.token_id(), sim.token_secret()).await;
    measure(&sim, "a pool of 1,000", "root@pam!pool", "secret").await;
    sim.shutdown().await;
}

async fn measure(sim: &Simulator, who: &str, id: &str, secret: &str) {
    let ca = Certificate::from_pem(sim.ca_pem().as_bytes()).unwrap();
    let http = Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .http1_only()
        .build()
        .unwrap();
    let token = format!("PVEAPIToken={id}={secret}");
    let url = format!("{}/api2/json/cluster/resources", sim.url());
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    let mut size = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let answer = http.get(&url).header("Authorization", &token);
        let answer = answer.send().await.unwrap().error_for_status().unwrap();
        size = answer.bytes().await.unwrap().len();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let ms = |at: usize| times[at].as_secs_f64() * 1000.0;
    println!(
        "{GUESTS} guests, {who}, {} KiB: median {:.1} ms, 90 % {:.1} ms, slowest {:.1} ms; {:.2} of the target of {} ms",
        size / 1024,
        ms(ROUNDS / 2),
        ms(ROUNDS * 9 / 10),
        ms(ROUNDS - 1),
        times[ROUNDS / 2].div_duration_f64(TARGET),
        TARGET.as_millis()
    );
}
