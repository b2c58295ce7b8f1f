//! Quirks of the wire.

use std::io::Cursor;

use pve_sim::{Seed, SeedGuest};

use super::super::super::Upload;
use super::super::super::api::guest::Destroy;
use super::super::super::api::qemu::UpdateVirtualMachine;
use super::super::super::api::storage::FileContent;
use super::super::super::api::{Kind, Options};
use super::super::super::devices::SshKeys;
use super::super::data;
use super::super::server::{Deed, Server};
use super::{DONE, at, changed, instant, own};
use crate::hypervisor::{Error, Hypervisor as _};
use crate::runtime::Class;

#[tokio::test]
async fn quirk_08_a_connection_that_was_idle_is_closed_and_nobody_hears_of_it() {
    // The host closes a kept connection just when the second request comes over it.
    let server = Server::start(|number, _| match number {
        1 => Deed::Close(String::new()),
        _ => Deed::Answer(data(r#"{"version":"9.2.11"}"#)),
    })
    .await;
    let driver = server.driver();
    for (attempts, connections) in [(1, 1), (3, 2)] {
        driver.version().await.unwrap();
        assert_eq!(
            (server.seen().len(), server.connections()),
            (attempts, connections)
        );
    }
}

#[tokio::test]
async fn quirk_09_bodies_are_never_chunked_never_on_delete_and_not_too_large() {
    let (sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db"))).await;
    let at = at("pve1", 150);
    let describe = |length: usize| UpdateVirtualMachine {
        options: Options::from_iter([("description", "x".repeat(length))]),
        ..UpdateVirtualMachine::new()
    };
    let error = driver
        .change(&own(&driver, &at).await, &describe(600 << 10))
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Refused { status: 501, .. }), "{error:?}");
    assert_eq!(error.class(), Class::Permanent);
    driver
        .change(&own(&driver, &at).await, &describe(8000))
        .await
        .unwrap();
    let upload = Upload {
        node: at.node.clone(),
        storage: "local".to_owned(),
        content: FileContent::Iso,
        filename: "x.iso".to_owned(),
        size: 3,
        checksum: None,
    };
    let upid = driver.upload(&upload, Cursor::new(b"iso")).await.unwrap();
    assert_eq!(super::ending(&driver, &upid).await, DONE);
    assert!(sim.volumes("pve1").contains(&"local:iso/x.iso".to_owned()));
    let destroyed = changed(&driver, &at, &Destroy::new(Kind::Qemu)).await.unwrap();
    assert_eq!(destroyed, DONE);
    assert!(
        sim.requests()
            .iter()
            .all(|request| request.status != Some(501) || request.method == "PUT")
    );
}

#[tokio::test]
async fn quirk_10_a_semicolon_does_not_cut_a_value_in_two() {
    let (_sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db"))).await;
    let at = at("pve1", 150);
    let update = UpdateVirtualMachine {
        options: Options::from_iter([("tags", "a;b"), ("description", "one; two & three=3 %3B")]),
        ..UpdateVirtualMachine::new()
    };
    driver.change(&own(&driver, &at).await, &update).await.unwrap();
    let config = driver.guest_config(&at).await.unwrap();
    assert_eq!(config.raw["tags"], "a;b");
    assert_eq!(config.description.trim_end(), "one; two & three=3 %3B");
}

#[tokio::test]
async fn quirk_11_keys_are_encoded_within_their_value() {
    let (sim, driver) = instant(Seed::default().with_guest(SeedGuest::new(150, "db"))).await;
    let at = at("pve1", 150);
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEC++++++++++++++++++++++++++++++++++++++++ me@example.org";
    let keys = SshKeys::of_lines(key).to_string();
    assert!(keys.contains("%20") && !keys.contains('+'), "{keys}");
    let update = UpdateVirtualMachine {
        options: Options::from_iter([("sshkeys", keys.clone())]),
        ..UpdateVirtualMachine::new()
    };
    driver.change(&own(&driver, &at).await, &update).await.unwrap();
    assert_eq!(sim.guest(150).unwrap().config["sshkeys"], keys);
    let read: SshKeys = driver.guest_config(&at).await.unwrap().raw["sshkeys"]
        .parse()
        .unwrap();
    assert_eq!(read, SshKeys::of_lines(key));
}
