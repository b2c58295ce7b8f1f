//! Quirks of nodes, clusters and logins.

use pve_sim::{Fault, Mark, Matcher, Release, Seed, SeedGuest};

use super::super::super::api::guest::Start;
use super::super::super::api::pools::CreatePool;
use super::super::super::api::qemu::{CreateVirtualMachine, UpdateVirtualMachine};
use super::super::super::api::{Kind, Options};
use super::{at, driver, ending, failed, fast, instant, own, token};
use crate::hypervisor::proxmox::{Call, Credentials, Ending, Method, answers};
use crate::hypervisor::{Error, Hypervisor as _, Refusal};
use crate::model::Upid;
use crate::runtime::Class;

#[tokio::test]
async fn quirk_13_a_dead_node_has_no_words_and_fails_nobody_else() {
    let seed = Seed::nodes(3)
        .with_guest(SeedGuest::new(150, "db").on("pve2"))
        .with_guest(SeedGuest::new(151, "web").on("pve3"));
    let (sim, driver) = instant(seed).await;
    sim.refresh_resources();
    sim.set_node_online("pve2", false).unwrap();
    let error = driver.guest_config(&at("pve2", 150)).await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NodeUnreachable {
                status: 595,
                maybe_done: false,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Unreachable);
    driver.guest_config(&at("pve3", 151)).await.unwrap();
    let overview = driver.overview().await.unwrap();
    assert!(
        overview
            .guests
            .iter()
            .any(|row| row.id == 150.try_into().unwrap())
    );
}

#[tokio::test]
async fn quirk_15_without_a_majority_reads_work_and_changes_fail_in_three_ways() {
    let (sim, driver) = instant(Seed::nodes(2).with_guest(SeedGuest::new(150, "db"))).await;
    let at = at("pve1", 150);
    let own = own(&driver, &at).await;
    sim.set_quorum(false);
    driver.overview().await.unwrap();
    driver.guest_config(&at).await.unwrap();
    assert!(!driver.cluster_status().await.unwrap().quorate);
    let create = CreateVirtualMachine::new(at.node.clone(), 160.try_into().unwrap());
    let update = UpdateVirtualMachine {
        options: Options::from_iter([("cores", "2")]),
        ..UpdateVirtualMachine::new()
    };
    for error in [
        driver.ask(&create).await.unwrap_err(),
        driver.change(&own, &update).await.unwrap_err(),
        driver.ask(&CreatePool::new("p1".to_owned())).await.unwrap_err(),
    ] {
        assert_eq!(error.refusal(), Some(&Refusal::NoQuorum), "{error}");
        assert_eq!(error.class(), Class::Busy);
    }
}

#[tokio::test]
async fn quirk_16_a_ticket_that_dies_while_a_task_runs_is_renewed_on_the_way() {
    let seed = Seed::default()
        .with_root_password("pa;ss")
        .with_guest(SeedGuest::new(150, "db"));
    let (sim, _) = instant(seed).await;
    let driver = driver(
        &sim,
        Credentials::Password {
            username: "root@pam".to_owned(),
            password: "pa;ss".into(),
        },
    );
    let own = own(&driver, &at("pve1", 150)).await;
    sim.hold_tasks();
    let upid = driver
        .change(&own, &Start::new(Kind::Qemu))
        .await
        .unwrap()
        .unwrap();
    sim.fault(Fault::status(Matcher::new("GET", "/nodes/*/tasks/**"), 401, "No ticket").times(1));
    // The second login is the sign that the old ticket was refused.
    let login = sim.hold(Matcher::new("POST", "/access/ticket"), Mark::BeforeAct);
    let released = async {
        login.reached().await;
        sim.release_tasks();
        login.release();
    };
    let (followed, ()) = tokio::join!(driver.follow(&upid, fast()), released);
    assert_eq!(followed.unwrap(), super::DONE);
    assert_eq!(sim.requests().matching("POST", "/access/ticket").len(), 2);
    for (release, words) in [
        (Release::V9_2, "Authentication failed!"),
        (Release::V8_4, "invalid token value!"),
    ] {
        let (sim, _) = instant(Seed::default().with_release(release)).await;
        let wrong = token(&sim, "11111111-1111-4111-8111-111111111111");
        let error = super::driver(&sim, wrong).version().await.unwrap_err();
        assert!(
            matches!(&error, Error::Unauthorized { message } if message == words),
            "{error}"
        );
    }
}

#[tokio::test]
async fn quirk_25_a_backup_of_several_guests_names_none_and_says_only_that_something_failed() {
    let seed = Seed::default()
        .with_guest(SeedGuest::new(150, "db"))
        .with_guest(SeedGuest::new(151, "web"));
    let (sim, driver) = instant(seed).await;
    sim.fault(Fault::task_error("vzdump", "job errors"));
    // Drover backs up one guest at a time; jobs of the host back up several.
    let backup = Call::new(Method::Post, "/nodes/{node}/vzdump", &[&"pve1"]).with("vmid", "150,151");
    let upid: Upid = driver
        .client
        .change_as(&backup, None, answers::lenient)
        .await
        .unwrap();
    assert_eq!((upid.kind(), upid.id(), upid.vmid()), ("vzdump", "", None));
    let ending = ending(&driver, &upid).await;
    assert_eq!(failed(&ending), "job errors");
    assert!(matches!(
        ending,
        Ending::Failed {
            refusal: Refusal::Other,
            ..
        }
    ));
}
