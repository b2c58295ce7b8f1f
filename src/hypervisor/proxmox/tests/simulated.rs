//! The driver against the simulator of Proxmox VE: whole lives of guests, and what may happen on the way.

use std::time::Duration;

use pve_sim::{Fault, Matcher, Rights, Seed, SeedGuest, SeedToken, Simulator, Timing};
use uuid::Uuid;

use super::super::{Connection, Credentials, Proxmox, Trust};
use crate::hypervisor::{Error, Hypervisor, Refusal, StopMode, TaskFilter};
use crate::model::{
    Change, CloneGuest, CreateGuest, GuestAddress, GuestConfig, NewDisk, NicSettings, NumberState, Power,
    Progress, TaskExit, TaskState, Upid, VolumeId,
};
use crate::plan::identity::Ownership;

const GIB: u64 = 1 << 30;
const DEADLINE: Duration = Duration::from_secs(10);

async fn simulator(seed: Seed) -> (Simulator, Proxmox) {
    let sim = Simulator::start(seed.with_timing(Timing::instant()))
        .await
        .unwrap();
    let driver = driver(&sim, sim.token_secret());
    (sim, driver)
}

fn driver(sim: &Simulator, secret: &str) -> Proxmox {
    Proxmox::connect(&Connection {
        fence: crate::runtime::Fence::open(),
        host: "127.0.0.1".into(),
        port: sim.port(),
        trust: Trust::Fingerprint(sim.fingerprint().parse().unwrap()),
        others: Vec::new(),
        credentials: Credentials::Token {
            id: sim.token_id().into(),
            secret: secret.into(),
        },
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

fn iso() -> VolumeId {
    "local:iso/debian-12.iso".parse().unwrap()
}

fn new_guest(vmid: u32) -> CreateGuest {
    CreateGuest {
        at: at("pve1", vmid),
        name: "web1".into(),
        description: "<!-- mark; & more -->\nü".into(),
        uuid: Uuid::from_u128(7),
        pool: None,
        changes: vec![
            Change::MemoryMib(1024),
            Change::Agent(true),
            Change::AddDisk(NewDisk {
                slot: "scsi0".into(),
                storage: "local-lvm".into(),
                size: 8 * GIB + 1,
                ..NewDisk::default()
            }),
            Change::AddNic {
                slot: "net0".into(),
                settings: NicSettings {
                    model: Some("virtio".into()),
                    bridge: Some("vmbr0".into()),
                    ..NicSettings::default()
                },
            },
            Change::Cdrom {
                slot: "ide2".into(),
                volume: Some(iso()),
            },
        ],
    }
}

/// Waits for the task and demands that it succeeded.
async fn succeeded(sim: &Simulator, driver: &Proxmox, progress: Progress) -> Option<Upid> {
    let Progress::Running(upid) = progress else {
        return None;
    };
    assert!(sim.idle(DEADLINE).await);
    let state = driver.task(&upid).await.unwrap();
    assert_eq!(state, TaskState::Ended(TaskExit::Ok { warnings: 0 }), "{upid}");
    Some(upid)
}

async fn judged(driver: &Proxmox, at: &GuestAddress) -> (GuestConfig, Ownership) {
    let config = driver.guest_config(at).await.unwrap();
    let own = Ownership::for_tests(at.clone(), &config.digest);
    (config, own)
}

#[tokio::test]
async fn a_guest_is_made_changed_started_stopped_and_destroyed() {
    let (sim, driver) = simulator(Seed::default()).await;
    let guest = new_guest(120);
    let at = &guest.at;
    assert_eq!(driver.number_state(at.id).await.unwrap(), NumberState::Free);

    let upid = succeeded(&sim, &driver, driver.create(&guest).await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        (upid.kind(), upid.vmid(), upid.user()),
        ("qmcreate", at.id.number(), driver.user())
    );
    assert_eq!(driver.number_state(at.id).await.unwrap(), NumberState::Taken);

    let (config, own) = judged(&driver, at).await;
    assert_eq!(config.name.as_deref(), Some("web1"));
    assert_eq!(config.description.trim_end(), guest.description);
    assert_eq!(config.uuid, Some(guest.uuid));
    assert!(config.current.agent && config.lock.is_none() && config.pending.is_empty());
    assert_eq!(config.current.disks["scsi0"].size, Some(8 * GIB + (1 << 20)));
    assert_eq!(config.current.cdroms["ide2"], Some(iso()));
    let mac = config.current.nics["net0"].mac.clone();
    assert!(mac.is_some());

    let bridge = Change::Nic {
        slot: "net0".into(),
        settings: NicSettings {
            bridge: Some("vmbr1".into()),
            ..NicSettings::default()
        },
    };
    let changes = [Change::Cores(2), Change::Name("web2".into()), bridge];
    driver.configure(&own, &config, &changes).await.unwrap();
    let (config, own) = judged(&driver, at).await;
    assert_eq!((config.current.cores, config.name.as_deref()), (2, Some("web2")));
    assert_eq!(config.current.nics["net0"].bridge.as_deref(), Some("vmbr1"));
    assert_eq!(config.current.nics["net0"].mac, mac);

    succeeded(
        &sim,
        &driver,
        driver.grow_disk(&own, "scsi0", 10 * GIB).await.unwrap(),
    )
    .await;
    let (config, own) = judged(&driver, at).await;
    assert_eq!(config.current.disks["scsi0"].size, Some(10 * GIB));

    succeeded(&sim, &driver, driver.start(&own).await.unwrap()).await;
    assert_eq!(driver.guest_power(at).await.unwrap().power, Power::Running);
    let (config, own) = judged(&driver, at).await;
    driver
        .configure(&own, &config, &[Change::MemoryMib(2048)])
        .await
        .unwrap();
    let (config, own) = judged(&driver, at).await;
    assert_eq!((config.current.memory_mib, config.next.memory_mib), (1024, 2048));
    assert_eq!(config.pending, ["memory"]);

    let error = driver.destroy(&own).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::GuestRunning));
    let graceful = StopMode::Graceful {
        grace_seconds: 5,
        force: true,
    };
    succeeded(&sim, &driver, driver.stop(&own, graceful).await.unwrap()).await;
    assert_eq!(driver.guest_power(at).await.unwrap().power, Power::Stopped);

    let (_, own) = judged(&driver, at).await;
    succeeded(&sim, &driver, driver.destroy(&own).await.unwrap()).await;
    assert_eq!(driver.number_state(at.id).await.unwrap(), NumberState::Free);
    let error = driver.guest_config(at).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::GuestMissing));

    let filter = TaskFilter {
        guest: Some(at.id),
        since: Some(upid.started()),
        ..TaskFilter::default()
    };
    let tasks = driver.node_tasks(&at.node, &filter).await.unwrap();
    assert!(tasks.iter().any(|t| t.upid == upid));
    assert!(tasks.iter().any(|t| t.upid.kind() == "qmdestroy"));
    let creates = TaskFilter {
        kind: Some("qmcreate".into()),
        ..filter
    };
    assert_eq!(driver.node_tasks(&at.node, &creates).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_clone_bears_its_name_and_description_and_another_identity() {
    let (sim, driver) = simulator(Seed::default()).await;
    let clone = CloneGuest {
        source: at("pve1", 9000),
        at: at("pve1", 121),
        name: "copy".into(),
        description: "marked".into(),
        storage: None,
        pool: None,
        linked: false,
        snapshot: None,
    };
    let upid = succeeded(&sim, &driver, driver.clone_guest(&clone).await.unwrap())
        .await
        .unwrap();
    assert_eq!((upid.kind(), upid.id()), ("qmclone", "9000"));
    let (config, own) = judged(&driver, &clone.at).await;
    let (template, _) = judged(&driver, &clone.source).await;
    assert!(template.template && !config.template);
    assert_eq!(
        (config.name.as_deref(), config.description.trim_end()),
        (Some("copy"), "marked")
    );
    assert!(config.uuid.is_some() && config.uuid != template.uuid);

    let sealed = Uuid::from_u128(9);
    driver
        .configure(&own, &config, &[Change::Uuid(sealed)])
        .await
        .unwrap();
    assert_eq!(driver.guest_config(&clone.at).await.unwrap().uuid, Some(sealed));
    let again = driver.clone_guest(&clone).await.unwrap_err();
    assert_eq!(again.refusal(), Some(&Refusal::GuestExists));
}

#[tokio::test]
async fn the_cluster_shows_itself() {
    let seed = Seed {
        next_id_lower: Some(200),
        next_id_upper: Some(300),
        ..Seed::nodes(2).with_guest(SeedGuest::new(100, "other").running())
    };
    let (sim, driver) = simulator(seed).await;
    let node = "pve1".parse().unwrap();
    assert!(driver.version().await.unwrap().major >= 7);
    assert_eq!(
        driver.cluster_id(&node).await.unwrap().as_str(),
        sim.ca_fingerprint().replace(':', "").to_lowercase()
    );
    let status = driver.cluster_status().await.unwrap();
    assert!(status.quorate && status.name.is_some() && status.members.len() == 2);
    let bounds = driver.number_bounds().await.unwrap();
    assert_eq!((bounds.lower, bounds.upper), (Some(200), Some(299)));
    let overview = driver.overview().await.unwrap();
    assert!(overview.guests.iter().any(|g| g.id == 100.try_into().unwrap()));
    assert_eq!(overview.nodes.len(), 2);
    assert!(
        overview
            .storages
            .iter()
            .any(|s| s.storage == "local-lvm" && s.available)
    );
    let isos = driver.volumes(&node, "local", Some("iso"), None).await.unwrap();
    assert_eq!(isos[0].id.to_string(), "local:iso/debian-12.iso");
    let error = driver.volumes(&node, "nosuch", None, None).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::StorageMissing));
    driver.recent_tasks().await.unwrap();
}

#[tokio::test]
async fn the_certificate_authority_of_the_cluster_can_be_trusted() {
    let (sim, _) = simulator(Seed::default()).await;
    let connection = Connection {
        trust: Trust::Bundle(sim.ca_pem().to_owned()),
        ..super::connection(sim.port(), Trust::Insecure)
    };
    let error = Proxmox::connect(&connection)
        .unwrap()
        .version()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
}

#[tokio::test]
async fn a_token_is_accepted_or_refused() {
    let limited = SeedToken::limited("root@pam!reader", "r", vec![Rights::new("/vms", &["VM.Audit"])]);
    let (sim, driver) = simulator(Seed::default().with_token(limited)).await;
    assert!(driver.version().await.is_ok());
    let error = self::driver(&sim, "wrong").version().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    let reader = Proxmox::connect(&Connection {
        credentials: Credentials::Token {
            id: "root@pam!reader".into(),
            secret: "r".into(),
        },
        ..super::connection(sim.port(), Trust::Insecure)
    })
    .unwrap();
    let (_, own) = judged(&reader, &at("pve1", 9000)).await;
    let error = reader.start(&own).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
}

#[tokio::test]
async fn without_a_lease_changes_are_not_sent_and_reads_are() {
    let (sim, _) = simulator(Seed::default().with_guest(SeedGuest::new(100, "a"))).await;
    let fenced = Proxmox::connect(&Connection {
        fence: crate::runtime::Fence::closed(crate::runtime::Clock::system()),
        credentials: Credentials::Token {
            id: sim.token_id().into(),
            secret: sim.token_secret().into(),
        },
        ..super::connection(sim.port(), Trust::Insecure)
    })
    .unwrap();
    let (_, own) = judged(&fenced, &at("pve1", 100)).await;
    let start = fenced.start(&own).await.unwrap_err();
    let create = fenced.create(&new_guest(300)).await.unwrap_err();
    for error in [start, create] {
        assert!(matches!(error, Error::NotLeading { .. }), "{error:?}");
        assert!(!error.outcome_unknown());
    }
    assert!(sim.mutations().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_twice() {
    let (sim, driver) = simulator(Seed::default().with_guest(SeedGuest::new(100, "a"))).await;
    sim.fault(Fault::lost_answer(Matcher::new(
        "POST",
        "/nodes/*/qemu/100/status/start",
    )));
    let (_, own) = judged(&driver, &at("pve1", 100)).await;
    let error = driver.start(&own).await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
    assert!(error.outcome_unknown());
    assert_eq!(sim.mutations().len(), 1);
    assert!(sim.idle(DEADLINE).await);
    assert!(sim.guest(100).unwrap().running);
}

#[tokio::test]
async fn a_connection_reset_before_a_read_is_answered_is_made_again() {
    let (sim, driver) = simulator(Seed::default()).await;
    let mut fault = Fault::refuse(Matcher::new("GET", "/version"));
    fault.times = Some(2);
    sim.fault(fault);
    assert!(driver.version().await.is_ok());
}

#[tokio::test]
async fn a_host_that_is_down_is_unreachable() {
    let (sim, driver) = simulator(Seed::default()).await;
    driver.version().await.unwrap();
    sim.stop_listener();
    let own = Ownership::for_tests(at("pve1", 100), "d");
    let error = driver.start(&own).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(!error.outcome_unknown());
}

#[tokio::test]
async fn a_node_that_is_away_is_told_from_one_that_refuses() {
    let seed = Seed::nodes(2).with_guest(SeedGuest::new(100, "a").on("pve2"));
    let (sim, driver) = simulator(seed).await;
    sim.set_node_online("pve2", false).unwrap();
    let error = driver.guest_config(&at("pve2", 100)).await.unwrap_err();
    assert!(
        matches!(error, Error::NodeUnreachable { status: 595, .. }),
        "{error:?}"
    );
    assert!(!error.outcome_unknown());
}

#[tokio::test]
async fn a_configuration_that_changed_in_between_is_not_overwritten() {
    let (sim, driver) = simulator(Seed::default().with_guest(SeedGuest::new(100, "a"))).await;
    let (config, own) = judged(&driver, &at("pve1", 100)).await;
    sim.change_config(100, &[("cores", Some("3"))]).unwrap();
    let error = driver
        .configure(&own, &config, &[Change::Cores(2)])
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::DigestMismatch));
    sim.lock(100, Some("backup")).unwrap();
    let (config, own) = judged(&driver, &at("pve1", 100)).await;
    assert_eq!(config.lock.as_ref().map(|l| l.0.as_str()), Some("backup"));
    let error = driver
        .configure(&own, &config, &[Change::Cores(2)])
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Locked("backup".into())));
}

#[tokio::test]
async fn connections_that_the_host_keeps_but_a_moment_do_no_harm() {
    let timing = Timing {
        keep_alive: Duration::from_millis(1),
        ..Timing::instant()
    };
    let seed = Seed::default().with_guest(SeedGuest::new(100, "a"));
    let (sim, driver) = simulator(seed).await;
    sim.set_timing(timing);
    for cores in 1..=20 {
        let (config, own) = judged(&driver, &at("pve1", 100)).await;
        let progress = driver
            .configure(&own, &config, &[Change::Cores(cores)])
            .await
            .unwrap();
        assert_eq!(progress, Progress::Done);
    }
    assert_eq!(sim.mutations().len(), 20);
}

#[tokio::test]
async fn the_agent_tells_addresses_once_it_runs() {
    let guests = Seed::default().with_guest(SeedGuest::new(100, "a").running());
    let (sim, driver) =
        simulator(guests.with_guest(SeedGuest::new(101, "b").running().without_agent())).await;
    assert!(sim.idle(DEADLINE).await);
    let error = driver.guest_addresses(&at("pve1", 101)).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::AgentNotRunning));
    let addresses = driver.guest_addresses(&at("pve1", 100)).await.unwrap();
    assert!(
        !addresses.is_empty() && addresses.iter().all(|a| !a.is_loopback()),
        "{addresses:?}"
    );
}
