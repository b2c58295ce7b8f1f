//! Quirks of guests and of the tasks that change them.

use std::time::Duration;

use pve_sim::{Fault, Seed, SeedGuest, Timing};

use super::super::super::api::agent::{AgentInterfaces, AgentPing};
use super::super::super::api::cluster::NextId;
use super::super::super::api::guest::{Resize, Start};
use super::super::super::api::qemu::{CloneVirtualMachine, CreateVirtualMachine, UpdateVirtualMachine};
use super::super::super::api::{Kind, List, Options};
use super::{DONE, at, changed, ending, failed, instant, own, simulator};
use crate::hypervisor::proxmox::{Ending, meaning};
use crate::hypervisor::{Error, Hypervisor as _, Refusal};
use crate::model::NumberState;
use crate::runtime::Class;

#[tokio::test]
async fn quirk_01_a_free_number_is_told_to_everybody_and_reserved_for_nobody() {
    let (_sim, driver) = instant(Seed::default()).await;
    let (next, other_next) = (NextId::new(), NextId::new());
    let (first, second) = tokio::join!(driver.ask(&next), driver.ask(&other_next));
    let number = first.unwrap();
    assert_eq!(number, second.unwrap());
    let create = CreateVirtualMachine::new("pve1".parse().unwrap(), number);
    let upid = driver.ask(&create).await.unwrap().unwrap();
    assert_eq!(ending(&driver, &upid).await, DONE);
    let error = driver.ask(&create).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::GuestExists), "{error}");
    assert_eq!(error.class(), Class::Conflict);
    assert!(driver.ask(&next).await.unwrap() > number);
}

/// A guest that runs is locked by its clone alone; one that does not, and a template, by several at a time
/// (qemu-server, `API2/Qemu.pm`, `clone_vm`).
#[tokio::test]
async fn quirk_02_of_two_clones_of_one_guest_that_runs_one_waits_in_vain_for_its_lock() {
    let timing = Timing {
        clone_base: Duration::from_millis(1500),
        lock_timeout: Duration::from_millis(100),
        ..Timing::instant()
    };
    let seed = Seed::default().with_guest(SeedGuest::new(150, "db").running());
    let (_sim, driver) = simulator(seed.with_timing(timing)).await;
    let source = at("pve1", 150);
    let clone = |newid: u32| CloneVirtualMachine {
        full: Some(true),
        ..CloneVirtualMachine::new(
            source.node.clone(),
            source.id.number().unwrap(),
            newid.try_into().unwrap(),
        )
    };
    let (one, other) = (clone(131), clone(132));
    let (first, second) = tokio::join!(driver.ask(&one), driver.ask(&other));
    let mut refused = Vec::new();
    for (clone, answer) in [(&one, first), (&other, second)] {
        let refusal = match answer {
            Ok(upid) => match ending(&driver, &upid.unwrap()).await {
                Ending::Failed { refusal, .. } => refusal,
                done => {
                    assert_eq!(done, DONE);
                    continue;
                }
            },
            Err(error) => error.refusal().cloned().unwrap(),
        };
        assert_eq!(refusal, Refusal::LockTimeout);
        refused.push(clone);
    }
    assert_eq!(refused.len(), 1);
    for clone in refused {
        let upid = driver.ask(clone).await.unwrap().unwrap();
        assert_eq!(ending(&driver, &upid).await, DONE);
    }
}

#[tokio::test]
async fn quirk_03_a_clone_that_waits_in_vain_for_the_storage_leaves_nothing() {
    let (sim, driver) = instant(Seed::default()).await;
    let sentence =
        "clone failed: can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout";
    sim.fault(Fault::task_error("qmclone", sentence));
    let clone = CloneVirtualMachine::new(
        "pve1".parse().unwrap(),
        9000.try_into().unwrap(),
        140.try_into().unwrap(),
    );
    let upid = driver.ask(&clone).await.unwrap().unwrap();
    let ending = ending(&driver, &upid).await;
    assert!(
        matches!(
            &ending,
            Ending::Failed {
                refusal: Refusal::LockTimeout,
                ..
            }
        ),
        "{ending:?}"
    );
    assert_eq!(ending.class(), Some(Class::Busy));
    assert_eq!(
        driver.number_state(140.try_into().unwrap()).await.unwrap(),
        NumberState::Free
    );
}

#[tokio::test]
async fn quirk_04_a_task_with_warnings_has_done_its_work() {
    let (sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db"))).await;
    sim.fault(Fault::task_error("qmstart", "WARNINGS: 1"));
    let ending = changed(&driver, &at("pve1", 150), &Start::new(Kind::Qemu))
        .await
        .unwrap();
    assert_eq!(ending, Ending::Succeeded { warnings: 1 });
    assert_eq!(ending.class(), None);
    assert!(sim.guest(150).unwrap().running);
}

#[tokio::test]
async fn quirk_05_an_accepted_start_is_no_start() {
    let guest = SeedGuest::new(150, "db");
    let (sim, driver) = instant(Seed::default().with_guest(guest)).await;
    let (at, start) = (at("pve1", 150), Start::new(Kind::Qemu));
    sim.lock(150, Some("backup")).unwrap();
    let locked = changed(&driver, &at, &start).await.unwrap();
    assert!(
        matches!(&locked, Ending::Failed { refusal: Refusal::Locked(lock), .. } if lock == "backup"),
        "{locked:?}"
    );
    sim.lock(150, None).unwrap();
    assert_eq!(changed(&driver, &at, &start).await.unwrap(), DONE);
    let again = changed(&driver, &at, &start).await.unwrap();
    assert_eq!(failed(&again), "VM 150 already running");
    let own = own(&driver, &at).await;
    sim.destroy(150).unwrap();
    let upid = driver.change(&own, &start).await.unwrap().unwrap();
    let missing = ending(&driver, &upid).await;
    assert!(
        matches!(
            &missing,
            Ending::Failed {
                refusal: Refusal::GuestMissing,
                ..
            }
        ),
        "{missing:?}"
    );
}

#[tokio::test]
async fn quirk_20_a_running_guest_takes_a_change_and_goes_on_as_before() {
    let (_sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db").running())).await;
    let at = at("pve1", 150);
    let update = UpdateVirtualMachine {
        options: Options::from_iter([("memory", "2048")]),
        ..UpdateVirtualMachine::new()
    };
    driver.change(&own(&driver, &at).await, &update).await.unwrap();
    let config = driver.guest_config(&at).await.unwrap();
    assert_eq!((config.current.memory_mib, config.next.memory_mib), (1024, 2048));
    assert_eq!(config.pending, ["memory"]);
}

#[tokio::test]
async fn quirk_21_a_failed_snapshot_locks_its_guest() {
    let (sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db"))).await;
    let at = at("pve1", 150);
    sim.lock(150, Some("snapshot")).unwrap();
    let locked = Refusal::Locked("snapshot".to_owned());
    let update = UpdateVirtualMachine {
        options: Options::from_iter([("cores", "2")]),
        ..UpdateVirtualMachine::new()
    };
    let error = driver
        .change(&own(&driver, &at).await, &update)
        .await
        .unwrap_err();
    assert_eq!((error.refusal(), error.class()), (Some(&locked), Class::Busy));
    let started = changed(&driver, &at, &Start::new(Kind::Qemu)).await.unwrap();
    assert_eq!(meaning(failed(&started)), locked);
    assert_eq!(
        driver.guest_config(&at).await.unwrap().lock.unwrap().0,
        "snapshot"
    );
}

#[tokio::test]
async fn quirk_22_a_deleted_disk_lies_on_the_storage_unused() {
    let guest = SeedGuest::new(150, "db").set("scsi1", "local-lvm:vm-150-disk-1,size=4G");
    let (sim, driver) = instant(Seed::default().with_guest(guest)).await;
    let at = at("pve1", 150);
    let delete = |slot: &str| UpdateVirtualMachine {
        delete: List::from_iter([slot]),
        ..UpdateVirtualMachine::new()
    };
    let volume = "local-lvm:vm-150-disk-1".to_owned();
    driver
        .change(&own(&driver, &at).await, &delete("scsi1"))
        .await
        .unwrap();
    let config = driver.guest_config(&at).await.unwrap();
    assert_eq!(config.raw.get("unused0"), Some(&volume));
    assert!(sim.volumes("pve1").contains(&volume));
    driver
        .change(&own(&driver, &at).await, &delete("unused0"))
        .await
        .unwrap();
    assert!(!sim.volumes("pve1").contains(&volume));
}

#[tokio::test]
async fn quirk_23_a_disk_that_would_shrink_fails_in_the_task_alone() {
    let (_sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db"))).await;
    let at = at("pve1", 150);
    let resize = |size: &str| Resize::new(Kind::Qemu, "scsi0".to_owned(), size.to_owned());
    let ending = changed(&driver, &at, &resize("4G")).await.unwrap();
    assert!(
        failed(&ending).contains("shrinking disks is not supported"),
        "{ending:?}"
    );
    assert_eq!(changed(&driver, &at, &resize("8G")).await.unwrap(), DONE);
    let size = driver.guest_config(&at).await.unwrap().current.disks["scsi0"].size;
    assert_eq!(size, Some(8 << 30));
}

#[tokio::test]
async fn quirk_24_a_silent_agent_says_nothing_about_its_guest() {
    let guest = SeedGuest::new(150, "db").running().without_agent();
    let (_sim, driver) = instant(Seed::default().with_guest(guest)).await;
    let at = at("pve1", 150);
    let interfaces = AgentInterfaces::new(at.node.clone(), at.id.number().unwrap());
    let ping = AgentPing::new(at.node.clone(), at.id.number().unwrap());
    for error in [
        driver.ask(&ping).await.unwrap_err(),
        driver.ask(&interfaces).await.unwrap_err(),
        driver.guest_addresses(&at).await.unwrap_err(),
    ] {
        assert_eq!(error.refusal(), Some(&Refusal::AgentNotRunning), "{error}");
        assert_eq!(error.class(), Class::Busy);
        assert!(!matches!(error, Error::AnswerLost { .. }));
    }
    assert_eq!(
        driver.guest_power(&at).await.unwrap().power,
        crate::model::Power::Running
    );
}
