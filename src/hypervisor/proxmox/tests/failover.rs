//! Several members of one cluster: which of them is asked when another can't be reached, and what is never sent
//! twice.

use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::server::{Deed, Server, answer, connection};
use super::{Trust, UPID, at, data, own};
use crate::hypervisor::proxmox::api::agent::{AgentExec, AgentPing};
use crate::hypervisor::proxmox::{Connection, Endpoint, Proxmox};
use crate::hypervisor::{Error, Hypervisor};

/// A port on which nobody listens.
pub(super) async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

pub(super) fn endpoint(server: &Server) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        trust: Trust::Fingerprint(server.fingerprint),
    }
}

fn driver(first: Connection, others: &[&Server]) -> Proxmox {
    let others = others.iter().map(|server| endpoint(server)).collect();
    Proxmox::connect(&Connection { others, ..first }).unwrap()
}

async fn host() -> Server {
    Server::start(|_, seen| {
        Deed::Answer(if seen.line.starts_with("GET") {
            data(r#"{"version":"9.2.11"}"#)
        } else {
            data(&format!("{UPID:?}"))
        })
    })
    .await
}

#[tokio::test]
async fn reads_and_changes_go_to_the_next_member_when_one_refuses_connections() {
    let (second, third) = (host().await, host().await);
    let driver = driver(
        connection(closed_port().await, Trust::Insecure),
        &[&second, &third],
    );
    driver.start(&own()).await.unwrap();
    driver.version().await.unwrap();
    assert_eq!(second.seen().len(), 2);
    assert!(third.seen().is_empty());
}

#[tokio::test]
async fn the_member_that_answers_is_kept_to() {
    let (first, second) = (host().await, host().await);
    let first_connection = first.connection(Trust::Fingerprint(first.fingerprint));
    let driver = driver(first_connection, &[&second]);
    for _ in 0..3 {
        driver.version().await.unwrap();
    }
    assert_eq!((first.seen().len(), second.seen().len()), (3, 0));
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_sent_to_another_member() {
    let first = Server::start(|_, _| Deed::Close(String::new())).await;
    let second = host().await;
    let driver = driver(
        first.connection(Trust::Fingerprint(first.fingerprint)),
        &[&second],
    );
    let error = driver.start(&own()).await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
    assert!(second.seen().is_empty());
    driver.version().await.unwrap();
    assert_eq!(second.seen().len(), 1);
}

#[tokio::test]
async fn a_read_leaves_a_member_that_breaks_every_connection() {
    let first = Server::start(|_, _| Deed::Close(String::new())).await;
    let second = host().await;
    let driver = driver(
        first.connection(Trust::Fingerprint(first.fingerprint)),
        &[&second],
    );
    driver.version().await.unwrap();
    driver.version().await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (3, 2));
}

#[tokio::test]
async fn a_silent_member_costs_one_read_and_not_the_next() {
    let first = Server::start(|_, _| Deed::Hang).await;
    let second = host().await;
    let mut silent = first.connection(Trust::Fingerprint(first.fingerprint));
    silent.timeout = Duration::from_millis(300);
    let driver = driver(silent, &[&second]);
    let error = driver.version().await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
    driver.version().await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}

#[tokio::test]
async fn what_a_member_says_of_another_node_or_of_rights_is_its_answer() {
    for status in [
        "595 No route to host",
        "596 Broken pipe",
        "403 Permission check failed",
        "500 x",
    ] {
        let first = Server::saying(answer(status, "")).await;
        let second = host().await;
        let driver = driver(
            first.connection(Trust::Fingerprint(first.fingerprint)),
            &[&second],
        );
        driver.version().await.unwrap_err();
        driver.start(&own()).await.unwrap_err();
        assert_eq!((first.seen().len(), second.seen().len()), (2, 0), "{status}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_told_and_not_gone_round() {
    let (first, second) = (host().await, host().await);
    let wrong = first.connection(Trust::Fingerprint(second.fingerprint));
    let error = driver(wrong, &[&second]).version().await.unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }), "{error:?}");
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn a_member_that_comes_back_with_a_wrong_certificate_is_not_kept_to() {
    let (changed, second) = (host().await, host().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = connection(
        listener.local_addr().unwrap().port(),
        Trust::Fingerprint(second.fingerprint),
    );
    let back_after_one = async {
        drop(listener.accept().await.unwrap());
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(("127.0.0.1", changed.port)).await.unwrap();
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
    };
    let driver = driver(first, &[&second]);
    let story = async {
        driver.version().await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(1)).await;
        tokio::time::resume();
        let error = driver.version().await.unwrap_err();
        assert!(matches!(error, Error::Certificate { .. }), "{error:?}");
        driver.version().await.unwrap();
        driver.start(&own()).await.unwrap();
    };
    tokio::select! {
        () = back_after_one => {}
        () = story => {}
    }
    assert_eq!((changed.seen().len(), second.seen().len()), (0, 3));
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_tried_again_at_another_member() {
    // It takes connections, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = host().await;
    let first = connection(listener.local_addr().unwrap().port(), Trust::Insecure);
    let driver = driver(first, &[&second]);
    driver.version().await.unwrap();
    listener.accept().await.unwrap();
    let another = tokio::time::timeout(Duration::from_millis(100), listener.accept());
    assert!(another.await.is_err(), "it was tried again");
    assert_eq!(second.seen().len(), 1);
}

#[tokio::test]
async fn a_guest_s_agent_that_takes_too_long_is_not_the_member_s_fault() {
    let asks_agent = |line: &str| line.contains("/agent/");
    let first = Server::start(move |_, seen| {
        if asks_agent(&seen.line) {
            Deed::Hang
        } else {
            Deed::Answer(data(r#"{"version":"9.2.11"}"#))
        }
    })
    .await;
    let second = host().await;
    let mut short = first.connection(Trust::Fingerprint(first.fingerprint));
    short.timeout = Duration::from_millis(300);
    let driver = driver(short, &[&second]);
    let run = AgentExec::new(vec!["true".into()]);
    for error in [
        driver
            .ask(&AgentPing::new(at().node, at().id.number().unwrap()))
            .await
            .unwrap_err(),
        driver.change(&own(), &run).await.unwrap_err(),
        driver.guest_addresses(&at()).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("none within 0.3 s"), "{error}");
    }
    driver.version().await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (4, 0));
}

#[tokio::test]
async fn when_no_member_can_be_reached_the_last_one_tried_is_named() {
    let first = connection(closed_port().await, Trust::Insecure);
    let other = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: closed_port().await,
        trust: Trust::Insecure,
    };
    let named = other.port.to_string();
    let others = vec![other];
    let driver = Proxmox::connect(&Connection { others, ..first }).unwrap();
    let error = driver.start(&own()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains(&named) && !error.outcome_unknown());
}
