//! What the host does not grant, and what only looks like an answer of it: told apart by status, sentence and type.

use super::server::{Server, answer, typed};
use super::{data, own};
use crate::hypervisor::{Error, Hypervisor, Refusal};
use crate::runtime::Class;

#[tokio::test]
async fn a_refused_token_is_told_by_the_reason_phrase() {
    let server = Server::saying("HTTP/1.1 401 invalid token value!\r\nContent-Length: 0\r\n\r\n").await;
    let error = server.driver().version().await.unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized { message } if message == "invalid token value!"),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Denied);
    assert!(!error.to_string().contains("s3cret"));
}

#[tokio::test]
async fn complaints_about_parameters_are_bounded_and_on_one_line() {
    let long = "y".repeat(5000);
    let errors: Vec<String> = (0..50)
        .map(|n| format!(r#""{n}\n{long}":"bad\n{long}""#))
        .collect();
    let body = format!(r#"{{"data":null,"errors":{{{}}}}}"#, errors.join(","));
    let server = Server::saying(answer("400 Parameter verification failed.", &body)).await;
    let error = server.driver().start(&own()).await.unwrap_err();
    let Error::Refused { parameters, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(parameters.len(), 20);
    for text in parameters.iter().flat_map(|(name, value)| [name, value]) {
        assert!(text.len() == 2000 && !text.contains('\n'), "{text}");
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (text, class, refusal) in [
        (
            answer(
                "403 Permission check failed (/vms/100, VM.PowerMgmt)",
                r#"{"data":null,"message":"Permission check failed (/vms/100, VM.PowerMgmt)\n"}"#,
            ),
            Class::Denied,
            None,
        ),
        (
            answer(
                "500 VM is locked (backup)",
                r#"{"data":null,"message":"VM is locked (backup)\n"}"#,
            ),
            Class::Busy,
            Some(Refusal::Locked("backup".into())),
        ),
        // Up to 8.2 the sentence stands in the reason phrase only.
        (
            answer(
                "500 can't lock file '/var/lock/x' - got timeout",
                r#"{"data":null}"#,
            ),
            Class::Busy,
            Some(Refusal::LockTimeout),
        ),
        (
            answer(
                "400 Parameter verification failed.",
                r#"{"data":null,"errors":{"cores":"value must have a minimum value of 1"}}"#,
            ),
            Class::Invalid,
            Some(Refusal::Parameters),
        ),
        (
            answer("501 Method 'POST /x' not implemented", r#"{"data":null}"#),
            Class::Permanent,
            Some(Refusal::Other),
        ),
        (
            typed(
                "500 Not a HASH reference at AnyEvent.pm line 957.",
                "text/plain",
                "Not a HASH",
            ),
            Class::Transient,
            Some(Refusal::Other),
        ),
    ] {
        let server = Server::saying(text.clone()).await;
        let error = server.driver().start(&own()).await.unwrap_err();
        assert_eq!(
            (error.class(), error.refusal()),
            (class, refusal.as_ref()),
            "{text}"
        );
        assert!(!error.outcome_unknown(), "{text}");
        assert!(!error.sentence().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn an_unreachable_node_has_no_body_but_a_reason() {
    for (status, maybe_done) in [(595, false), (596, true), (599, true)] {
        let text = format!("HTTP/1.1 {status} Connection refused\r\nContent-Length: 0\r\n\r\n");
        let server = Server::saying(text).await;
        let error = server.driver().start(&own()).await.unwrap_err();
        assert!(
            matches!(&error, Error::NodeUnreachable { message, .. } if message == "Connection refused"),
            "{error:?}"
        );
        assert_eq!(error.outcome_unknown(), maybe_done);
    }
}

#[tokio::test]
async fn what_is_not_the_api_is_not_taken_for_it() {
    let long = format!("\"{}\"", "x".repeat(10 << 20));
    for text in [
        typed("200 OK", "text/html; charset=utf-8", "<html>"),
        typed("500 Oops", "text/html", "<html>"),
        typed("404 Not Found", "text/html", "<html>"),
        answer("200 OK", "{\"data\":"),
        answer("200 OK", ""),
        answer("200 OK", "{}"),
        answer("200 OK", "[1,2]"),
        data("12"),
        data("\"UPID:nonsense\""),
        data(&long),
        "HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        let server = Server::saying(text.clone()).await;
        let error = server.driver().start(&own()).await.unwrap_err();
        let head = &text[..text.len().min(80)];
        assert!(matches!(error, Error::Decode { .. }), "{head}: {error:?}");
        assert!(error.outcome_unknown(), "{head}");
        assert!(error.to_string().len() < 3000, "{head}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_proxy_that_lost_the_host_leaves_the_outcome_open() {
    for status in [
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        let server = Server::saying(typed(status, "text/html", "<html>")).await;
        let error = server.driver().start(&own()).await.unwrap_err();
        assert!(matches!(error, Error::AnswerLost { .. }), "{error:?}");
    }
}
