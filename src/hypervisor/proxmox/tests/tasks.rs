//! Following tasks: every way in which one ends, and what comes in between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::server::{Deed, Seen, Server, answer};
use super::{UPID, data};
use crate::hypervisor::proxmox::{Ending, Pace};
use crate::hypervisor::{Error, Refusal};
use crate::model::Upid;
use crate::runtime::Class;

fn upid() -> Upid {
    UPID.parse().unwrap()
}

fn pace() -> Pace {
    Pace {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(5),
        lines: 2,
        ..Pace::default()
    }
}

fn running() -> String {
    data(r#"{"status":"running"}"#)
}

fn ended(exit: &str) -> String {
    data(&format!(r#"{{"status":"stopped","exitstatus":"{exit}"}}"#))
}

/// The log of a task, whole or a page of it.
fn log(seen: &Seen) -> String {
    let rows = if seen.line.contains("start=0&limit=1 ") {
        r#"[{"n":1,"t":"begin"}]"#
    } else if seen.line.contains("start=3&limit=2 ") {
        r#"[{"n":4,"t":"copy disk"},{"n":5,"t":"TASK ERROR: x"}]"#
    } else {
        "[]"
    };
    answer("200 OK", &format!(r#"{{"data":{rows},"total":5}}"#))
}

/// A host whose task says one thing after the other, and the last one for ever.
async fn host(says: Vec<String>) -> Server {
    let asked = AtomicUsize::new(0);
    Server::start(move |_, seen| {
        if seen.line.contains("/log?") {
            return Deed::Answer(log(seen));
        }
        let number = asked.fetch_add(1, Ordering::SeqCst).min(says.len() - 1);
        match says[number].as_str() {
            "" => Deed::Close(String::new()),
            text => Deed::Answer(text.to_owned()),
        }
    })
    .await
}

#[tokio::test]
async fn a_task_is_followed_to_its_end() {
    for (exit, expected) in [
        ("OK", Ending::Succeeded { warnings: 0 }),
        ("WARNINGS: 3", Ending::Succeeded { warnings: 3 }),
    ] {
        let server = host(vec![running(), running(), ended(exit)]).await;
        let ending = server.driver().follow(&upid(), pace()).await.unwrap();
        assert_eq!((ending.class(), &ending), (None, &expected));
        assert_eq!(server.seen().len(), 3);
    }
}

#[tokio::test]
async fn a_failure_brings_its_meaning_and_the_end_of_its_log() {
    let server = host(vec![running(), ended("VM is locked (backup)")]).await;
    let ending = server.driver().follow(&upid(), pace()).await.unwrap();
    assert_eq!(ending.class(), Some(Class::Busy));
    assert_eq!(
        ending,
        Ending::Failed {
            sentence: "VM is locked (backup)".to_owned(),
            refusal: Refusal::Locked("backup".to_owned()),
            log: vec!["copy disk".to_owned(), "TASK ERROR: x".to_owned()],
        }
    );
}

#[tokio::test]
async fn what_a_task_says_is_bounded_and_on_one_line() {
    let long = format!("a\\nb\\u001b{}", "x".repeat(5000));
    let status = ended(&long);
    let rows: Vec<String> = (0..9).map(|n| format!(r#"{{"n":{n},"t":"{long}"}}"#)).collect();
    let page = answer("200 OK", &format!(r#"{{"data":[{}],"total":9}}"#, rows.join(",")));
    let server = Server::start(move |_, seen| {
        Deed::Answer(if seen.line.contains("/log?") {
            page.clone()
        } else {
            status.clone()
        })
    })
    .await;
    let ending = server.driver().follow(&upid(), pace()).await.unwrap();
    let Ending::Failed { sentence, log, .. } = ending else {
        panic!("{ending:?}");
    };
    assert_eq!(log.len(), 2);
    for text in log.iter().chain([&sentence]) {
        assert!(text.starts_with("a b xx") && text.len() == 2000, "{text}");
    }
}

#[tokio::test]
async fn a_task_that_was_cut_off_is_neither_done_nor_refused() {
    let server = host(vec![ended("unexpected status")]).await;
    let ending = server.driver().follow(&upid(), pace()).await.unwrap();
    assert!(
        matches!(&ending, Ending::CutOff { log } if log.len() == 2),
        "{ending:?}"
    );
    assert_eq!(ending.class(), Some(Class::Transient));
}

#[tokio::test]
async fn a_task_that_vanished_is_no_error_and_no_success() {
    let vanished = r#"{"data":null,"errors":{"upid":"no such task"},"message":"x\n"}"#;
    let server = host(vec![
        running(),
        answer("400 Parameter verification failed.", vanished),
    ])
    .await;
    let ending = server.driver().follow(&upid(), pace()).await.unwrap();
    assert_eq!(
        (ending.class(), ending),
        (Some(Class::Transient), Ending::Vanished)
    );
}

#[tokio::test]
async fn a_host_that_is_out_of_reach_for_a_moment_is_waited_for() {
    let unreachable = "HTTP/1.1 595 Connection refused\r\nContent-Length: 0\r\n\r\n".to_owned();
    let broken = vec![String::new(); 4];
    let says = [vec![running()], broken, vec![unreachable, ended("OK")]].concat();
    let server = host(says).await;
    let ending = server.driver().follow(&upid(), pace()).await.unwrap();
    assert_eq!(ending, Ending::Succeeded { warnings: 0 });
}

#[tokio::test]
async fn a_host_that_stays_out_of_reach_is_an_error() {
    let server = host(vec![String::new()]).await;
    let impatient = Pace {
        patience: Duration::from_millis(300),
        ..pace()
    };
    let error = server.driver().follow(&upid(), impatient).await.unwrap_err();
    assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
}

#[tokio::test]
async fn who_may_not_see_the_task_learns_nothing_of_its_end() {
    let server = host(vec![
        running(),
        answer("403 Permission check failed (/, Sys.Audit)", r#"{"data":null}"#),
    ])
    .await;
    let error = server.driver().follow(&upid(), pace()).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
}
