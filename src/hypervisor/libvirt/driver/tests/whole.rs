//! The life of a machine, as the floors above have it: by the trait alone, with the proofs that reads give.

use std::time::{Duration, Instant};

use libvirt_host::{LibvirtHost, Options};
use uuid::Uuid;

use super::{at, driver};
use crate::hypervisor::libvirt::driver::{Libvirt, Settings};
use crate::hypervisor::libvirt::link::{Credentials, KeepAlive, Target};
use crate::hypervisor::{Error, Hypervisor, StopMode};
use crate::model::{
    Change, CreateGuest, GuestAddress, GuestConfig, NewDisk, NumberState, Power, Progress, TaskExit,
    TaskState,
};
use crate::plan::identity::{Mark, Ownership, Verdict, judge};
use crate::runtime::{Clock, Fence};

const MIB: u64 = 1 << 20;
const UID: &str = "5d3f1a7c-9b11-4b7e-9d53-8c2a2e0e5e0f";

fn mark(at: &GuestAddress) -> Mark {
    Mark {
        cluster: "c0ffee".into(),
        kind: "VirtualMachine".into(),
        namespace: "default".into(),
        name: "web".into(),
        uid: UID.into(),
        id: at.id,
        uuid: None,
        released: false,
        adopted: false,
    }
}

fn blank(at: &GuestAddress, uuid: Uuid) -> CreateGuest {
    CreateGuest {
        at: at.clone(),
        name: "web".into(),
        description: mark(at).sealed(uuid).write_into("notes of a person"),
        uuid,
        pool: None,
        changes: vec![
            Change::Cores(1),
            Change::MemoryMib(32),
            Change::AddDisk(NewDisk {
                slot: "scsi0".into(),
                storage: "default".into(),
                size: 16 * MIB,
                ..NewDisk::default()
            }),
        ],
    }
}

/// Waits for the end of what was begun.
async fn finished(host: &dyn Hypervisor, progress: Progress) {
    let Progress::Running(upid) = progress else { return };
    let deadline = Instant::now() + Duration::from_mins(2);
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    loop {
        pause.tick().await;
        match host.task(&upid).await.unwrap() {
            TaskState::Running => assert!(Instant::now() < deadline, "{upid} does not end"),
            TaskState::Ended(exit) => {
                assert_eq!(exit, TaskExit::Ok { warnings: 0 });
                return;
            }
            TaskState::Forgotten => panic!("{upid} is not known"),
        }
    }
}

/// The configuration, and the proof that it gives, as one that was found to be the resource's own.
async fn own(host: &dyn Hypervisor, at: &GuestAddress, uuid: Uuid) -> (GuestConfig, Ownership) {
    let config = host.guest_config(at).await.unwrap();
    assert_eq!(judge(UID, Some(uuid), at.id, &config, false), Verdict::Ours);
    let proof = Ownership::for_tests(at.clone(), &config.digest);
    (config, proof)
}

#[tokio::test]
async fn machine_is_made_changed_run_and_destroyed_by_the_trait_alone() {
    let Some(daemon) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = driver(&daemon.uri());
    let uuid = Uuid::new_v4();
    let at = at(&driver, uuid).await;
    let host: &dyn Hypervisor = &driver;
    assert_eq!(host.number_state(at.id).await.unwrap(), NumberState::Free);

    let made = host.create(&blank(&at, uuid)).await.unwrap();
    finished(host, made).await;
    assert_eq!(host.number_state(at.id).await.unwrap(), NumberState::Taken);
    let again = host.create(&blank(&at, uuid)).await.unwrap_err();
    assert!(!again.outcome_unknown(), "{again}");

    let (config, proof) = own(host, &at, uuid).await;
    assert_eq!(config.next.disks["scsi0"].size, Some(16 * MIB));
    assert!(
        config.description.starts_with("notes of a person\n"),
        "{}",
        config.description
    );
    assert_eq!((config.next.memory_mib, config.pending.len()), (32, 0));

    let changed = host
        .configure(&proof, &config, &[Change::MemoryMib(48)])
        .await
        .unwrap();
    finished(host, changed).await;
    let stale = host
        .configure(&proof, &config, &[Change::MemoryMib(64)])
        .await
        .unwrap_err();
    assert!(matches!(stale, Error::Refused { .. }), "{stale:?}");

    let (config, proof) = own(host, &at, uuid).await;
    assert_eq!(config.next.memory_mib, 48);
    let started = host.start(&proof).await.unwrap();
    finished(host, started).await;
    let row = host
        .overview()
        .await
        .unwrap()
        .guests
        .into_iter()
        .find(|row| row.id == at.id);
    assert_eq!(row.unwrap().power, Power::Running);

    let (_, proof) = own(host, &at, uuid).await;
    let refused = host.destroy(&proof).await.unwrap_err();
    assert!(!refused.outcome_unknown(), "it runs: {refused}");
    let stopped = host.stop(&proof, StopMode::Hard).await.unwrap();
    finished(host, stopped).await;
    assert_eq!(host.guest_power(&at).await.unwrap().power, Power::Stopped);

    let (_, proof) = own(host, &at, uuid).await;
    let destroyed = host.destroy(&proof).await.unwrap();
    finished(host, destroyed).await;
    assert_eq!(host.number_state(at.id).await.unwrap(), NumberState::Free);
    let left = daemon.virsh(&["vol-list", "default"]).unwrap();
    assert!(!left.contains(&uuid.to_string()), "{left}");
}

#[tokio::test]
async fn nothing_is_sent_by_who_does_not_lead() {
    let Some(daemon) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let driver = Libvirt::new(Settings {
        target: Target::new(
            daemon.uri().parse().unwrap(),
            Credentials::None,
            KeepAlive::default(),
        ),
        timeout: Duration::from_mins(1),
        fence: Fence::closed(Clock::default()),
        clock: Clock::default(),
    });
    let uuid = Uuid::new_v4();
    let at = at(&driver, uuid).await;
    let error = Hypervisor::create(&driver, &blank(&at, uuid)).await.unwrap_err();
    assert!(matches!(error, Error::NotLeading { .. }), "{error:?}");
    assert_eq!(daemon.virsh(&["list", "--all", "--name"]).unwrap().trim(), "");
}
