//! Quirks of what lists and readings say.

use std::time::Duration;

use pve_sim::{Seed, SeedGuest, Timing};

use super::super::super::api::qemu::CreateVirtualMachine;
use super::super::super::api::storage::Content;
use super::super::super::api::{Kind, Options, guest};
use super::super::data;
use super::super::server::{Server, answer};
use super::{DONE, at, driver, ending, instant, simulator};
use crate::hypervisor::{Error, Hypervisor as _, Refusal};
use crate::model::Power;
use crate::runtime::Class;

#[tokio::test]
async fn quirk_06_memory_and_sizes_are_numbers_or_texts() {
    for (memory, size) in [("2048", "1048576"), (r#""2048""#, r#""1048576""#)] {
        let rows = format!(r#"[{{"key":"memory","value":{memory}}},{{"key":"digest","value":"d1"}}]"#);
        let server = Server::saying(data(&rows)).await;
        let config = server.driver().guest_config(&at("pve1", 100)).await.unwrap();
        assert_eq!(config.current.memory_mib, 2048);
        let rows = format!(r#"[{{"volid":"local:iso/x.iso","content":"iso","format":"iso","size":{size}}}]"#);
        let server = Server::saying(data(&rows)).await;
        let content = Content::new("pve1".parse().unwrap(), "local".to_owned());
        assert_eq!(
            server.driver().ask(&content).await.unwrap()[0].size,
            Some(1 << 20)
        );
    }
}

#[tokio::test]
async fn quirk_07_memory_is_more_than_32_bits_hold() {
    let seed = Seed::default().with_guest(SeedGuest::new(150, "db").set("memory", "524288").running());
    let (sim, driver) = instant(seed).await;
    sim.refresh_resources();
    let overview = driver.overview().await.unwrap();
    let row = overview
        .guests
        .iter()
        .find(|row| row.id == 150.try_into().unwrap())
        .unwrap();
    assert_eq!(row.memory, 512 << 30);
    let at = at("pve1", 150);
    let status = guest::GuestStatus::new(Kind::Qemu, at.node.clone(), at.id.number().unwrap());
    assert_eq!(driver.ask(&status).await.unwrap().maxmem, Some(512 << 30));
}

#[tokio::test]
async fn quirk_12_the_bulk_list_learns_of_a_new_guest_late() {
    let timing = Timing {
        resources_refresh: Duration::from_hours(1),
        ..Timing::instant()
    };
    let (sim, driver) = simulator(Seed::default().with_timing(timing)).await;
    let at = at("pve1", 150);
    let create = CreateVirtualMachine {
        options: Options::from_iter([("name", "web1")]).try_into().unwrap(),
        ..CreateVirtualMachine::new(at.node.clone(), at.id.number().unwrap())
    };
    let upid = driver.ask(&create).await.unwrap().unwrap();
    assert_eq!(ending(&driver, &upid).await, DONE);
    let row = |overview: &crate::model::Overview| {
        let row = overview.guests.iter().find(|row| row.id == at.id).unwrap();
        (row.power, row.name.clone())
    };
    let early = driver.overview().await.unwrap();
    assert_eq!(row(&early), (Power::Unknown, None));
    assert_eq!(driver.guest_power(&at).await.unwrap().power, Power::Stopped);
    sim.refresh_resources();
    let late = driver.overview().await.unwrap();
    assert_eq!(row(&late), (Power::Stopped, Some("web1".to_owned())));
    sim.power_on(150).unwrap();
    assert_eq!(row(&driver.overview().await.unwrap()).0, Power::Stopped);
    assert_eq!(driver.guest_power(&at).await.unwrap().power, Power::Running);
}

#[tokio::test]
async fn quirk_14_guests_of_a_dead_node_are_still_said_to_run() {
    let seed = Seed::nodes(3).with_guest(SeedGuest::new(150, "db").on("pve2").running());
    let (sim, driver) = instant(seed).await;
    sim.refresh_resources();
    sim.set_node_online("pve2", false).unwrap();
    let overview = driver.overview().await.unwrap();
    let guest = overview
        .guests
        .iter()
        .find(|row| row.id == 150.try_into().unwrap())
        .unwrap();
    let node = overview.nodes.iter().find(|row| row.name == guest.node).unwrap();
    assert_eq!((guest.power, node.online), (Power::Running, false));
}

#[tokio::test]
async fn quirk_17_a_token_without_rights_sees_empty_lists_and_no_error() {
    let token = pve_sim::SeedToken::limited("root@pam!poor", "s3cret", Vec::new());
    let seed = Seed::default()
        .with_guest(SeedGuest::new(150, "db"))
        .with_token(token);
    let (sim, rich) = instant(seed).await;
    let poor = driver(
        &sim,
        crate::hypervisor::proxmox::Credentials::Token {
            id: "root@pam!poor".to_owned(),
            secret: "s3cret".into(),
        },
    );
    sim.refresh_resources();
    assert!(!rich.overview().await.unwrap().guests.is_empty());
    assert!(poor.overview().await.unwrap().guests.is_empty());
    // What tells the two apart is that a reading of the one guest is forbidden, and not that it is missing.
    let error = poor.guest_config(&at("pve1", 150)).await.unwrap_err();
    assert_eq!((error.class(), error.refusal()), (Class::Denied, None));
}

#[tokio::test]
async fn quirk_18_who_may_not_look_is_refused_whether_or_not_the_guest_exists() {
    let token = pve_sim::SeedToken::limited("root@pam!poor", "s3cret", Vec::new());
    let seed = Seed::default()
        .with_guest(SeedGuest::new(150, "db"))
        .with_token(token);
    let (sim, rich) = instant(seed).await;
    let credentials = crate::hypervisor::proxmox::Credentials::Token {
        id: "root@pam!poor".to_owned(),
        secret: "s3cret".into(),
    };
    let poor = driver(&sim, credentials);
    for vmid in [150, 151] {
        let error = poor.guest_config(&at("pve1", vmid)).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{vmid}: {error:?}");
    }
    let error = rich.guest_config(&at("pve1", 151)).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::GuestMissing));
}

#[tokio::test]
async fn quirk_19_a_guest_that_was_moved_is_missing_where_it_was_by_status_500() {
    let (sim, driver) = instant(Seed::nodes(2).with_guest(SeedGuest::new(150, "db"))).await;
    sim.move_guest(150, "pve2").unwrap();
    for at in [at("pve1", 150), at("pve1", 999)] {
        let error = driver.guest_config(&at).await.unwrap_err();
        assert!(
            matches!(
                &error,
                Error::Refused {
                    status: 500,
                    refusal: Refusal::GuestMissing,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(error.class(), Class::NotFound);
    }
    driver.guest_config(&at("pve2", 150)).await.unwrap();
    // Another 500 with other words is not that.
    let server = Server::saying(answer(
        "500 got no worker upid - start worker failed",
        r#"{"data":null}"#,
    ))
    .await;
    let error = server.driver().guest_config(&at("pve1", 150)).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
}
