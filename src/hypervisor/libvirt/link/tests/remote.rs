//! Hosts by TLS and TCP, and QEMU's driver.

use libvirt_host::{ClientFiles, LibvirtHost, Options, Pki};

use super::*;
use crate::model::SecretText;

fn shown(files: &ClientFiles) -> Credentials {
    Credentials::Certificate {
        ca: SecretText::new(&files.ca),
        certificate: SecretText::new(&files.certificate),
        key: SecretText::new(&files.key),
    }
}

async fn by_tls(host: &LibvirtHost, files: &ClientFiles) -> Result<(Link, Events), Error> {
    let uri = host.tls_uri().unwrap().parse().unwrap();
    Link::open(&Target::new(uri, shown(files), KeepAlive::default()), LONG).await
}

#[tokio::test]
async fn by_tls_a_host_takes_its_client_and_refuses_others() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default().listening()) else {
        return;
    };
    let own = host.client_files().unwrap().unwrap();
    let (link, mut events) = by_tls(&host, &own).await.unwrap();
    assert_eq!(link.driver(), "QEMU");
    assert!(names(&link).await.unwrap().is_empty());
    assert!(link.close(LONG).await);
    // They end when libvirt has given back what it was given with each registration.
    let ended = async { while events.next().await.is_some() {} };
    tokio::time::timeout(LONG, ended).await.unwrap();

    let stranger = host.pki().unwrap().client("stranger").unwrap();
    let error = by_tls(&host, &stranger).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");

    let elsewhere = Pki::new().unwrap().client("drover").unwrap();
    let error = by_tls(&host, &elsewhere).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }), "{error}");

    let mut rubbish = own.clone();
    rubbish.key = "no key".to_owned();
    let error = by_tls(&host, &rubbish).await.map(drop).unwrap_err();
    assert_eq!(error.class(), crate::runtime::Class::Unreachable, "{error}");
}

#[tokio::test]
async fn by_tcp_on_loopback_a_host_is_reached_and_a_port_that_nobody_has_is_not() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default().listening()) else {
        return;
    };
    let (link, _events) = open(&host.tcp_uri().unwrap()).await;
    assert!(names(&link).await.unwrap().is_empty());
    let uri = host.tcp_uri().unwrap();
    drop(host);
    let error = Link::open(&target(&uri), LONG).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}

#[tokio::test]
async fn figures_of_two_hundred_domains_are_one_call() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let (link, _events) = open(&host.test_driver_uri()).await;
    let uuids: Vec<Uuid> = (0..200).map(|_| Uuid::new_v4()).collect();
    let wanted = uuids.clone();
    link.run("define", move |conn| {
        for uuid in wanted {
            conn.define_domain_xml(&definition(uuid))?;
        }
        // Asked once a connection, and known from then on.
        all_domain_stats(conn, StatGroups::STATE)?;
        Ok(())
    })
    .await
    .unwrap();
    let before = host.rpc_log();
    let all = link
        .run("figures", |conn| Ok(all_domain_stats(conn, StatGroups::STATE)?))
        .await
        .unwrap();
    let calls = host.rpc_log().since(&before);
    assert_eq!(
        calls.into_iter().collect::<Vec<_>>(),
        [("ConnectGetAllDomainStats".to_owned(), 1)]
    );
    assert!(
        uuids
            .iter()
            .all(|uuid| all.iter().any(|stats| stats.domain == *uuid))
    );
}

#[tokio::test]
async fn a_machine_of_qemu_has_figures_and_its_events_come() {
    let Some(host) = LibvirtHost::start_or_say(&Options::default()) else {
        return;
    };
    let (link, mut events) = open(&host.uri()).await;
    let uuid = Uuid::new_v4();
    let xml = format!(
        "<domain type='qemu'><name>small</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os><devices><memballoon model='none'/></devices></domain>"
    );
    let created = link
        .run("create", move |conn| {
            Ok(conn.create_domain_xml(&xml, 0).map(drop)?)
        })
        .await;
    if let Err(error) = created {
        assert!(error.to_string().contains("emulator"), "{error}");
        println!("skipped: QEMU is not installed ({error})");
        return;
    }
    let changes = [
        event_of(&mut events, uuid).await,
        event_of(&mut events, uuid).await,
    ];
    assert!(
        changes.iter().any(|what| change(what) == Lifecycle::Started),
        "{changes:?}"
    );
    let groups = StatGroups::STATE.and(StatGroups::CPU).and(StatGroups::VCPU);
    let all = link
        .run("figures", move |conn| Ok(all_domain_stats(conn, groups)?))
        .await
        .unwrap();
    assert_eq!(all[0].domain, uuid);
    assert_eq!(all[0].number("state.state"), Some(1), "{all:?}");
    assert!(all[0].number("cpu.time").is_some_and(|time| time > 0), "{all:?}");
}
