//! Login by user and password: the ticket on each request, its renewal, and what a refusal leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;

use super::server::{Deed, Seen, Server, answer, by_password};
use super::{Trust, data, own};
use crate::hypervisor::proxmox::Proxmox;
use crate::hypervisor::{Error, Hypervisor};
use crate::model::Progress;
use crate::runtime::Class;

/// A grant whose times are a century ago: the host's clock is not ours.
fn grant(number: usize) -> String {
    data(&format!(
        r#"{{"ticket":"PVE:drover@pve:00000001::t{number}+/=","CSRFPreventionToken":"00000001:c{number}",
        "username":"drover@pve"}}"#
    ))
}

fn unauthorized() -> String {
    "HTTP/1.1 401 permission denied - invalid PVE ticket\r\nContent-Length: 0\r\n\r\n".to_owned()
}

/// A host that gives a ticket at each login, and takes none but the last `good` ones.
async fn host(good: impl Fn(usize) -> bool + Send + Sync + 'static) -> Server {
    let logins = AtomicUsize::new(0);
    Server::start(move |_, seen| {
        if seen.is_login() {
            return Deed::Answer(grant(logins.fetch_add(1, Ordering::SeqCst) + 1));
        }
        let ticket = ticket(seen);
        if good(ticket) && ticket == logins.load(Ordering::SeqCst) {
            Deed::Answer(data("null"))
        } else {
            Deed::Answer(unauthorized())
        }
    })
    .await
}

/// The number of the ticket that a request carries.
fn ticket(seen: &Seen) -> usize {
    let cookie = seen.header("cookie").unwrap_or_default();
    let encoded = cookie.strip_prefix("PVEAuthCookie=PVE%3Adrover%40pve%3A00000001%3A%3At");
    let number = encoded.and_then(|rest| rest.strip_suffix("%2B%2F%3D"));
    number.and_then(|n| n.parse().ok()).unwrap_or_default()
}

fn driver(server: &Server) -> Proxmox {
    by_password(server.connection(Trust::Fingerprint(server.fingerprint)))
}

/// A change that is guarded by a digest, and so sent however long the machine takes for it.
async fn grow(driver: &Proxmox) -> Result<Progress, Error> {
    driver.grow_disk(&own(), "scsi0", 9 << 30).await
}

fn logins(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.is_login()).count()
}

#[tokio::test]
async fn the_first_call_logs_in_and_the_next_ones_carry_the_ticket() {
    let server = host(|_| true).await;
    let driver = driver(&server);
    assert_eq!(driver.user(), "drover@pve");
    assert_eq!(driver.start(&own()).await.unwrap(), Progress::Done);
    driver.recent_tasks().await.unwrap_err();
    let seen = server.seen();
    assert_eq!(seen[0].body, "username=drover%40pve&password=pa%3Bss%20w%C3%B6rd");
    assert_eq!(
        (seen[0].header("cookie"), seen[0].header("authorization")),
        (None, None)
    );
    assert_eq!(ticket(&seen[1]), 1);
    assert_eq!(seen[1].header("csrfpreventiontoken"), Some("00000001:c1"));
    let read = &seen[2];
    assert_eq!((ticket(read), read.header("csrfpreventiontoken")), (1, None));
    assert_eq!(logins(&server), 1);
}

#[tokio::test]
async fn fifty_calls_that_meet_a_dead_ticket_make_one_login() {
    let dead = Arc::new(AtomicUsize::new(0));
    let last_dead = Arc::clone(&dead);
    let server = host(move |ticket| ticket > last_dead.load(Ordering::SeqCst)).await;
    let driver = driver(&server);
    grow(&driver).await.unwrap();
    dead.store(1, Ordering::SeqCst);
    let results = join_all((0..50).map(|_| grow(&driver))).await;
    assert!(results.iter().all(|result| matches!(result, Ok(Progress::Done))));
    assert_eq!(logins(&server), 2);
    let carried_out = server.seen().iter().filter(|seen| ticket(seen) == 2).count();
    assert_eq!(carried_out, 50);
}

#[tokio::test]
async fn fifty_first_calls_make_one_login() {
    let server = host(|_| true).await;
    let driver = driver(&server);
    let results = join_all((0..50).map(|_| grow(&driver))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(logins(&server), 1);
}

#[tokio::test]
async fn a_refused_login_is_not_repeated_by_every_caller() {
    let refused = answer(
        "401 authentication failure",
        r#"{"data":null,"message":"authentication failure\n"}"#,
    );
    let server = Server::saying(refused).await;
    let driver = driver(&server);
    for result in join_all((0..20).map(|_| grow(&driver))).await {
        let error = result.unwrap_err();
        assert_eq!(error.class(), Class::Denied);
        assert!(error.to_string().contains("authentication failure"), "{error}");
        assert!(!error.outcome_unknown());
    }
    driver.version().await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_ticket_that_is_refused_when_it_is_new_ends_the_attempts() {
    let server = host(|_| false).await;
    let driver = driver(&server);
    for _ in 0..3 {
        let error = driver.start(&own()).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    }
    assert_eq!(logins(&server), 2);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_second_factor_is_said_and_a_token_advised() {
    let server = Server::saying(data(
        r#"{"ticket":"PVE:!tfa!%7B%22totp%22%3Atrue%7D:6B:x","NeedTFA":1,"CSRFPreventionToken":"y"}"#,
    ))
    .await;
    let error = driver(&server).version().await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    let text = error.to_string();
    assert!(text.contains("TFA") && text.contains("API token"), "{text}");
}

#[tokio::test]
async fn a_login_without_a_ticket_or_an_answer_is_no_refusal() {
    for (deed, label) in [
        (Deed::Answer(data("null")), "decode"),
        (Deed::Answer(data("{}")), "decode"),
        (Deed::Answer(answer("200 OK", "<html>")), "decode"),
        (Deed::Close(String::new()), "answer_lost"),
    ] {
        let text = match &deed {
            Deed::Answer(text) => Some(text.clone()),
            _ => None,
        };
        let server = Server::start(move |_, _| match &text {
            Some(text) => Deed::Answer(text.clone()),
            None => Deed::Close(String::new()),
        })
        .await;
        let driver = driver(&server);
        for number in 1..=2 {
            let error = driver.start(&own()).await.unwrap_err();
            assert_eq!(error.label(), label);
            // The next call tries again.
            assert_eq!(server.seen().len(), number);
        }
    }
}

#[tokio::test]
async fn the_password_is_in_no_error() {
    let server = Server::saying(answer("500 pa;ss", r#"{"data":null}"#)).await;
    let driver = driver(&server);
    let error = driver.version().await.unwrap_err();
    assert!(!format!("{driver:?} {error:?}").contains("wörd"));
}
