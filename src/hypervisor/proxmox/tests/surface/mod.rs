//! One of every call in the tables, to a simulator of each release: nothing that a host answers is a surprise, and
//! what is sent lies with the other requests of the run, where it is held to the schemas.

mod cluster;
mod guests;
mod storages;

use std::any::type_name;
use std::collections::BTreeSet;
use std::time::Duration;

use pve_sim::{Release as SimulatedRelease, Seed, SeedGuest, Simulator, Timing};

use super::super::api::{GuestChange, Kind, Request, calls, guest};
use super::super::versions::Release;
use super::super::{Connection, Credentials, Proxmox, Trust};
use crate::hypervisor::{Error, Hypervisor as _};
use crate::model::{GuestAddress, NodeName, Vmid, VolumeId};
use crate::plan::identity::Ownership;

const VM: u32 = 150;
const RUNNING_VM: u32 = 151;
const CT: u32 = 152;

/// A simulator under test, and what came of the calls to it.
struct Round {
    release: Release,
    driver: Proxmox,
    sim: Simulator,
    sent: BTreeSet<String>,
    surprises: Vec<String>,
    unknown: Vec<String>,
    done: usize,
}

fn name_of<T>() -> String {
    let name = type_name::<T>();
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

impl Round {
    async fn new(release: SimulatedRelease) -> Self {
        let seed = Seed::nodes(2)
            .with_release(release)
            .with_timing(Timing::instant())
            .with_guest(SeedGuest::new(VM, "db"))
            .with_guest(SeedGuest::new(RUNNING_VM, "web").running())
            .with_guest(SeedGuest::container(CT, "ct"));
        let sim = Simulator::start(seed).await.unwrap();
        let driver = Proxmox::connect(&Connection {
            fence: crate::runtime::Fence::open(),
            host: "127.0.0.1".into(),
            port: sim.port(),
            trust: Trust::Fingerprint(sim.fingerprint().parse().unwrap()),
            others: Vec::new(),
            credentials: Credentials::Token {
                id: sim.token_id().into(),
                secret: sim.token_secret().into(),
            },
            timeout: Connection::TIMEOUT,
        })
        .unwrap();
        Self {
            release: Release::of(&driver.version().await.unwrap()),
            driver,
            sim,
            sent: BTreeSet::new(),
            surprises: Vec::new(),
            unknown: Vec::new(),
            done: 0,
        }
    }

    /// Enters what came of a call. That a host refuses it is no surprise: this is no story, and the task before may
    /// not have ended.
    fn enter(&mut self, name: String, operation: &str, error: Option<&Error>) {
        self.sent.insert(name);
        match error {
            None => self.done += 1,
            Some(Error::Refused { status: 501, .. }) => self.unknown.push(operation.to_owned()),
            Some(Error::Refused { status: 400, .. }) => {
                self.surprises
                    .push(error.map(ToString::to_string).unwrap_or_default());
            }
            Some(Error::Refused { .. } | Error::Forbidden { .. }) => {}
            Some(error) => self.surprises.push(error.to_string()),
        }
    }

    async fn ask<R: Request>(&mut self, request: R) -> Option<R::Answer> {
        let call = request.call();
        if self.release.unknown_in(&call).is_some() {
            return None;
        }
        let result = self.driver.ask(&request).await;
        self.enter(name_of::<R>(), &call.operation(), result.as_ref().err());
        result.ok()
    }

    async fn change<C: GuestChange>(&mut self, vmid: u32, change: C) {
        let kind = if vmid == CT { Kind::Lxc } else { Kind::Qemu };
        let config = guest::GuestConfig::new(kind, node(), number(vmid));
        let digest = match self.driver.ask(&config).await {
            Ok(config) => config["digest"].as_str().unwrap_or_default().to_owned(),
            Err(_) => "0".repeat(40),
        };
        let at = GuestAddress {
            node: node(),
            id: number(vmid).into(),
        };
        let own = Ownership::for_tests(at, &digest);
        let call = change.call(&own);
        if self.release.unknown_in(&call).is_some() {
            return;
        }
        let result = self.driver.change(&own, &change).await;
        self.enter(name_of::<C>(), &call.operation(), result.as_ref().err());
        assert!(
            self.sim.idle(Duration::from_secs(10)).await,
            "{}",
            call.operation()
        );
    }
}

fn node() -> NodeName {
    "pve1".parse().unwrap()
}

fn other_node() -> NodeName {
    "pve2".parse().unwrap()
}

fn number(vmid: u32) -> Vmid {
    vmid.try_into().unwrap()
}

fn volume(name: &str) -> VolumeId {
    name.parse().unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn one_of_every_call_meets_no_surprise_in_any_release() {
    // Answers that are files are not read as data.
    let files = ["TaskLogFile", "FileFromBackup"];
    let mut sent = BTreeSet::new();
    let mut surprises = Vec::new();
    for release in SimulatedRelease::ALL {
        let mut round = Round::new(release).await;
        cluster::of_the_cluster(&mut round).await;
        cluster::of_ha(&mut round).await;
        cluster::of_jobs(&mut round).await;
        for (vmid, kind) in [(VM, Kind::Qemu), (CT, Kind::Lxc)] {
            guests::of_both_kinds(&mut round, vmid, kind).await;
            guests::of_firewall_and_snapshots(&mut round, vmid, kind).await;
        }
        storages::of_storages(&mut round).await;
        guests::of_containers(&mut round).await;
        guests::of_virtual_machines(&mut round).await;
        guests::of_running_machines(&mut round).await;
        cluster::of_nodes(&mut round).await;
        println!(
            "{}: {} calls, {} done, not simulated: {}",
            round.release,
            round.sent.len(),
            round.done,
            round.unknown.join(", ")
        );
        surprises.extend(round.surprises.iter().map(|s| format!("{}: {s}", round.release)));
        sent.extend(round.sent);
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let missing: Vec<&str> = calls()
        .map(|call| call.name)
        .filter(|name| !sent.contains(*name) && !files.contains(name))
        .collect();
    assert!(missing.is_empty(), "never sent: {}", missing.join(", "));
}
