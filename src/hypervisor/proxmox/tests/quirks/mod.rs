//! The twenty-five quirks of Proxmox VE that every client meets sooner or later, each a test by its number.

mod guests;
mod hosts;
mod lists;
mod wire;

use std::time::Duration;

use pve_sim::{Seed, Simulator, Timing};

use super::super::api::GuestChange;
use super::super::{Connection, Credentials, Ending, Pace, Proxmox, Trust};
use crate::hypervisor::{Error, Hypervisor as _};
use crate::model::{GuestAddress, Upid};
use crate::plan::identity::Ownership;

const DEADLINE: Duration = Duration::from_secs(10);

async fn simulator(seed: Seed) -> (Simulator, Proxmox) {
    let sim = Simulator::start(seed).await.unwrap();
    let driver = driver(&sim, token(&sim, sim.token_secret()));
    (sim, driver)
}

async fn instant(seed: Seed) -> (Simulator, Proxmox) {
    simulator(seed.with_timing(Timing::instant())).await
}

fn token(sim: &Simulator, secret: &str) -> Credentials {
    Credentials::Token {
        id: sim.token_id().into(),
        secret: secret.into(),
    }
}

fn driver(sim: &Simulator, credentials: Credentials) -> Proxmox {
    Proxmox::connect(&Connection {
        fence: crate::runtime::Fence::open(),
        host: "127.0.0.1".into(),
        port: sim.port(),
        trust: Trust::Fingerprint(sim.fingerprint().parse().unwrap()),
        others: Vec::new(),
        credentials,
        timeout: Connection::TIMEOUT,
    })
    .unwrap()
}

fn at(node: &str, vmid: u32) -> GuestAddress {
    GuestAddress {
        node: node.parse().unwrap(),
        id: vmid.try_into().unwrap(),
    }
}

/// A proof for the guest as it is now.
async fn own(driver: &Proxmox, at: &GuestAddress) -> Ownership {
    let digest = driver.guest_config(at).await.unwrap().digest;
    Ownership::for_tests(at.clone(), &digest)
}

fn fast() -> Pace {
    Pace {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(50),
        ..Pace::default()
    }
}

/// Follows a task, which must end before the deadline.
async fn ending(driver: &Proxmox, upid: &Upid) -> Ending {
    let followed = tokio::time::timeout(DEADLINE, driver.follow(upid, fast()));
    followed.await.unwrap().unwrap()
}

/// Changes a guest, and follows the task.
async fn changed<C>(driver: &Proxmox, at: &GuestAddress, change: &C) -> Result<Ending, Error>
where
    C: GuestChange<Answer = Option<Upid>>,
{
    let own = own(driver, at).await;
    let upid = driver.change(&own, change).await?;
    Ok(ending(driver, &upid.unwrap()).await)
}

fn failed(ending: &Ending) -> &str {
    match ending {
        Ending::Failed { sentence, .. } => sentence,
        other => panic!("{other:?}"),
    }
}

const DONE: Ending = Ending::Succeeded { warnings: 0 };

#[test]
fn all_twenty_five_are_tested() {
    let sources = [
        include_str!("guests.rs"),
        include_str!("hosts.rs"),
        include_str!("lists.rs"),
        include_str!("wire.rs"),
    ];
    let mut numbers: Vec<u32> = sources
        .iter()
        .flat_map(|source| source.split("async fn quirk_").skip(1))
        .map(|rest| rest[..2].parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=25).collect::<Vec<_>>());
}
