//! Certificates that are not accepted: each is told by its fingerprint and by what is wrong with it.

use rcgen::{CertificateParams, date_time_ymd};

use super::server::{Deed, Server};
use super::{Trust, data, own};
use crate::hypervisor::proxmox::Proxmox;
use crate::hypervisor::{Error, Hypervisor};
use crate::runtime::Class;

async fn server(name: &str, change: impl Fn(&mut CertificateParams)) -> Server {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    Server::certified(params, |_, _| Deed::Answer(data(r#"{"version":"9.2.11"}"#))).await
}

/// What is said when the certificate is its own authority, and wrong in some other way.
async fn complaint(server: &Server) -> String {
    let driver = Proxmox::connect(&server.connection(Trust::Bundle(server.pem.clone()))).unwrap();
    let error = driver.version().await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    let shown = server.fingerprint.to_string();
    assert!(
        matches!(&error, Error::Certificate { fingerprint: Some(f), .. } if *f == shown),
        "{error:?}"
    );
    assert!(server.seen().is_empty());
    let text = error.to_string();
    assert!(text.contains(&shown), "{text}");
    text
}

#[tokio::test]
async fn a_certificate_of_another_name_says_both_names() {
    let text = complaint(&server("pve1.example.org", |_| {}).await).await;
    assert!(
        text.contains("127.0.0.1") && text.contains("pve1.example.org"),
        "{text}"
    );
}

#[tokio::test]
async fn an_expired_certificate_says_when_and_what_time_it_is_here() {
    let expired = server("127.0.0.1", |p| {
        p.not_before = date_time_ymd(2001, 1, 1);
        p.not_after = date_time_ymd(2002, 1, 1);
    })
    .await;
    let text = complaint(&expired).await;
    assert!(
        text.contains("expired at 2002-01-01") && text.contains("clock says"),
        "{text}"
    );
}

#[tokio::test]
async fn a_certificate_of_the_future_hints_at_the_clocks() {
    let early = server("127.0.0.1", |p| {
        p.not_before = date_time_ymd(2999, 1, 1);
        p.not_after = date_time_ymd(3000, 1, 1);
    })
    .await;
    let text = complaint(&early).await;
    assert!(
        text.contains("not valid before 2999-01-01") && text.contains("clock says"),
        "{text}"
    );
}

#[tokio::test]
async fn a_pinned_certificate_may_bear_any_name_and_date() {
    let odd = server("pve1.example.org", |p| p.not_before = date_time_ymd(2999, 1, 1)).await;
    let driver = Proxmox::connect(&odd.connection(Trust::Fingerprint(odd.fingerprint))).unwrap();
    driver.version().await.unwrap();
}

#[tokio::test]
async fn a_replaced_certificate_says_the_old_and_the_new_fingerprint() {
    let (before, after) = (
        server("127.0.0.1", |_| {}).await,
        server("127.0.0.1", |_| {}).await,
    );
    let driver = Proxmox::connect(&after.connection(Trust::Fingerprint(before.fingerprint))).unwrap();
    let text = driver.version().await.unwrap_err().to_string();
    let both = [before.fingerprint.to_string(), after.fingerprint.to_string()];
    assert!(
        both.iter().all(|f| text.contains(f)) && text.contains("replaced"),
        "{text}"
    );
}

#[tokio::test]
async fn the_right_fingerprint_bundle_or_carelessness_lets_in() {
    let server = Server::saying(data(r#"{"version":"8.4.1"}"#)).await;
    for trust in [
        Trust::Fingerprint(server.fingerprint),
        Trust::Bundle(server.pem.clone()),
        Trust::Insecure,
    ] {
        let driver = Proxmox::connect(&server.connection(trust)).unwrap();
        assert_eq!(driver.version().await.unwrap().major, 8);
    }
}

#[tokio::test]
async fn a_wrong_fingerprint_names_both() {
    let server = Server::saying(data("null")).await;
    let wrong = ["AB"; 32].join(":");
    let driver = Proxmox::connect(&server.connection(Trust::Fingerprint(wrong.parse().unwrap()))).unwrap();
    let error = driver.start(&own()).await.unwrap_err();
    let found = server.fingerprint.to_string();
    assert!(
        matches!(&error, Error::Certificate { fingerprint: Some(f), .. } if *f == found),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains(&wrong) && text.contains(&found), "{text}");
    assert!(!error.outcome_unknown());
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_named() {
    let server = Server::saying(data("null")).await;
    let stranger = Server::saying(data("null")).await;
    let driver = Proxmox::connect(&server.connection(Trust::Bundle(stranger.pem.clone()))).unwrap();
    let error = driver.version().await.unwrap_err();
    let found = server.fingerprint.to_string();
    assert!(
        matches!(&error, Error::Certificate { fingerprint: Some(f), .. } if *f == found),
        "{error}"
    );
    assert_eq!(error.class(), Class::Unreachable);
}
