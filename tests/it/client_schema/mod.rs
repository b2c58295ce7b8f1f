//! Every request that Drover sent in a run of tests passes the schema of the release that it went to.
//!
//! The simulators write down what they receive, those of this process and, where `PVE_SIM_RECORD` names a folder, those
//! of all processes. `make test` names one, and at the end has this file's check go over all that lies there: it says so
//! by `DROVER_WHOLE_RUN`, and then what was written down must be the whole of it.

mod check;
mod coverage;
mod finds;
mod hosts;
mod schema;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use drover::hypervisor::Hypervisor as _;
use drover::hypervisor::proxmox::api::{self, Kind, Timeframe};
use drover::hypervisor::proxmox::{Connection, Credentials, Proxmox, Trust};
use drover::model::{Change, CreateGuest, GuestAddress, NewDisk, NicSettings};
use pve_sim::{RecordedRequest, Release, Seed, Simulator, Timing};
use schema::Schema;
use uuid::Uuid;

/// What Drover calls itself; other clients may send what they like.
const DROVER: &str = "drover/";

fn driver(sim: &Simulator) -> Proxmox {
    Proxmox::connect(&Connection {
        fence: drover::runtime::Fence::open(),
        host: "127.0.0.1".to_owned(),
        port: sim.port(),
        trust: Trust::Fingerprint(sim.fingerprint().parse().unwrap()),
        others: Vec::new(),
        credentials: Credentials::Token {
            id: sim.token_id().to_owned(),
            secret: sim.token_secret().into(),
        },
        timeout: Connection::TIMEOUT,
    })
    .unwrap()
}

fn new_guest() -> CreateGuest {
    CreateGuest {
        at: GuestAddress {
            node: "pve1".parse().unwrap(),
            id: 120.try_into().unwrap(),
        },
        name: "web1".to_owned(),
        description: "<!-- mark; & more -->\nü".to_owned(),
        uuid: Uuid::from_u128(7),
        pool: None,
        changes: vec![
            Change::MemoryMib(1024),
            Change::Agent(true),
            Change::AddDisk(NewDisk {
                slot: "scsi0".to_owned(),
                storage: "local-lvm".to_owned(),
                size: 8 << 30,
                ..NewDisk::default()
            }),
            Change::AddNic {
                slot: "net0".to_owned(),
                settings: NicSettings {
                    model: Some("virtio".to_owned()),
                    bridge: Some("vmbr0".to_owned()),
                    ..NicSettings::default()
                },
            },
            Change::Cdrom {
                slot: "ide2".to_owned(),
                volume: Some("local:iso/debian-12.iso".parse().unwrap()),
            },
        ],
    }
}

/// Set by `make test` when all other tests have run.
const WHOLE_RUN: &str = "DROVER_WHOLE_RUN";
/// How many distinct calls all tests together make at least.
const WHOLE: usize = 100;

/// What tests put into `extraConfig` to see the host refuse it.
const ON_PURPOSE: [&str; 1] = ["serial1: '/dev/ttyS0,nowait' is not of its pattern"];

/// Some calls to each release, so that there is something to check whatever else runs.
async fn some_calls(release: Release) {
    let seed = Seed::default()
        .with_timing(Timing::instant())
        .with_release(release);
    let sim = Simulator::start(seed).await.unwrap();
    let driver = driver(&sim);
    let guest = new_guest();
    let node = guest.at.node.clone();
    driver.version().await.unwrap();
    driver.overview().await.unwrap();
    driver.number_state(guest.at.id).await.unwrap();
    driver.create(&guest).await.unwrap();
    assert!(sim.idle(Duration::from_secs(10)).await);
    driver.guest_config(&guest.at).await.unwrap();
    driver
        .ask(&api::nodes::NodeStatus::new(node.clone()))
        .await
        .unwrap();
    driver
        .ask(&api::guest::GuestStatus::new(
            Kind::Qemu,
            node.clone(),
            guest.at.id.number().unwrap(),
        ))
        .await
        .unwrap();
    // Whether the simulator has figures over time is no matter here: the request counts.
    let _ = driver
        .ask(&api::nodes::NodeStatistics::new(node, Timeframe::Hour))
        .await;
}

/// What was written down so far in a folder of Drover's requests, and by how many processes.
fn recorded(folder: &Path) -> (Vec<RecordedRequest>, usize) {
    let mut requests = Vec::new();
    let mut processes = 0;
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "jsonl")) {
        let bytes = fs::read(file).unwrap();
        // A line that is being written has no end yet, and may be cut within a character.
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let before = requests.len();
        requests.extend(
            whole
                .lines()
                .map(|line| serde_json::from_str::<RecordedRequest>(line).unwrap())
                .filter(|request| request.user_agent.starts_with(DROVER)),
        );
        processes += usize::from(requests.len() > before);
    }
    (requests, processes)
}

/// What a whole run lacks, if anything.
fn lacks(calls: usize, processes: usize, schemas: usize) -> Vec<String> {
    let mut lacks = Vec::new();
    if calls < WHOLE {
        lacks.push(format!("{calls} distinct calls are too few for a whole run"));
    }
    if processes < 2 {
        lacks.push("the other processes of the run left no requests".to_owned());
    }
    if schemas < Release::ALL.len() {
        lacks.push(format!("only {schemas} schemas are here"));
    }
    lacks
}

#[test]
fn a_run_that_is_not_whole_is_found() {
    let all = Release::ALL.len();
    assert!(lacks(WHOLE, 2, all).is_empty());
    for (calls, processes, schemas) in [(WHOLE - 1, 2, all), (WHOLE, 1, all), (WHOLE, 2, all - 1)] {
        assert_eq!(lacks(calls, processes, schemas).len(), 1);
    }
}

#[tokio::test]
async fn every_request_of_drover_passes_the_schema_of_its_release() {
    let own = tempfile::tempdir().unwrap();
    let folder = pve_sim::record_requests(own.path()).expect("requests can be written down");
    // Where other tests go on writing, the folder must outlive this one.
    let _kept = (folder == own.path()).then(|| own.keep());
    for release in Release::ALL {
        some_calls(release).await;
    }
    let schemas: BTreeMap<&str, Schema> = Release::ALL
        .iter()
        .filter_map(|release| Some((release.name(), Schema::read(release.name())?)))
        .collect();
    if schemas.is_empty() {
        println!("skipped: the schemas are not here (../shared/pve, or what DROVER_PVE names)");
        return;
    }
    let (mut requests, processes) = recorded(&folder);
    requests.retain(|request| schemas.contains_key(request.release.as_str()));
    let mut calls = BTreeSet::new();
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for request in &requests {
        let schema = &schemas[request.release.as_str()];
        if let Some(call) = schema.call(&request.method, &request.segments) {
            calls.insert((request.method.clone(), call.template.to_owned()));
        }
        let mistakes = check::mistakes(schema, request).into_iter();
        for mistake in mistakes.filter(|mistake| !ON_PURPOSE.contains(&mistake.as_str())) {
            let path = request.segments.join("/");
            let line = format!(
                "{} {} /{path}: {mistake} ({})",
                request.release, request.method, request.thread
            );
            *wrong.entry(line).or_default() += 1;
        }
    }
    let releases: BTreeSet<&str> = requests.iter().map(|request| request.release.as_str()).collect();
    println!(
        "checked {} requests of Drover by {processes} processes, {} distinct calls, to {}: {} mistakes",
        requests.len(),
        calls.len(),
        releases.into_iter().collect::<Vec<_>>().join(", "),
        wrong.len()
    );
    assert!(
        requests.len() >= 20 && calls.len() >= 8,
        "too few requests were written down"
    );
    if std::env::var_os(WHOLE_RUN).is_some() {
        let lacks = lacks(calls.len(), processes, schemas.len());
        assert!(lacks.is_empty(), "{}", lacks.join("; "));
    }
    let wrong: Vec<String> = wrong
        .into_iter()
        .map(|(line, times)| format!("{times} times {line}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
