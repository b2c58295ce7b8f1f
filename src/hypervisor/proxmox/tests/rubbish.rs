//! What is no answer of Proxmox VE, or only half of one: each is told as what it is, and none is taken for the
//! absence of anything.

use super::server::{Deed, Server, answer, typed};
use super::{at, data, own};
use crate::hypervisor::{Error, Hypervisor, Refusal};
use crate::runtime::Class;

/// The bulk list, a guest's configuration, and a change: whatever is said must be an error of that class.
async fn each_is(class: Class, text: &str, ends: bool) {
    let deed = text.to_owned();
    let server = Server::start(move |_, _| {
        if ends {
            Deed::Close(deed.clone())
        } else {
            Deed::Answer(deed.clone())
        }
    })
    .await;
    let driver = server.driver();
    let head: String = text.chars().take(60).collect();
    for error in [
        driver.overview().await.unwrap_err(),
        driver.guest_config(&at()).await.unwrap_err(),
        driver.guest_power(&at()).await.unwrap_err(),
        driver.start(&own()).await.unwrap_err(),
    ] {
        assert_eq!(error.class(), class, "{head:?}: {error:?}");
        assert_ne!(error.refusal(), Some(&Refusal::GuestMissing), "{head:?}");
    }
}

#[tokio::test]
async fn a_web_page_is_no_list() {
    let page = "<html><body>Sign in</body></html>";
    for status in ["200 OK", "404 Not Found", "500 Internal Server Error"] {
        each_is(Class::Transient, &typed(status, "text/html", page), false).await;
    }
}

#[tokio::test]
async fn half_a_json_is_no_list() {
    for body in [r#"{"data":[{"type":"qemu","#, r#"{"data":["#, "{", r#"{"data""#] {
        each_is(Class::Transient, &answer("200 OK", body), false).await;
    }
}

#[tokio::test]
async fn nothing_is_not_an_empty_list() {
    for body in ["", "null", "{}", r#"{"data":null}"#, "[]"] {
        let text = answer("200 OK", body);
        let server = Server::saying(text).await;
        let error = server.driver().overview().await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{body}");
    }
    each_is(Class::Transient, "HTTP/1.1 204 No Content\r\n\r\n", false).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let text =
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    each_is(Class::Transient, text, false).await;
}

#[tokio::test]
async fn a_connection_that_ends_early_is_no_answer() {
    for text in [
        "",
        "HTTP/1.1",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"data\":[",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"dat",
    ] {
        each_is(Class::Transient, text, true).await;
    }
}

#[tokio::test]
async fn what_speaks_no_http_is_no_answer() {
    each_is(Class::Transient, "SSH-2.0-OpenSSH_9.2\r\n", true).await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let row = format!(r#"{{"key":"description","value":"{}"}}"#, "x".repeat(10 << 20));
    let server = Server::saying(data(&format!("[{row}]"))).await;
    let error = server.driver().guest_config(&at()).await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    assert!(error.to_string().contains("8 MiB"), "{error}");
}

#[tokio::test]
async fn compressed_answers_are_neither_asked_for_nor_taken_for_lists() {
    let text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u{1f}\u{2}\u{8}\u{0}";
    each_is(Class::Transient, text, false).await;
    let server = Server::saying(data("[]")).await;
    server.driver().overview().await.unwrap();
    assert_eq!(server.seen()[0].header("accept-encoding"), None);
}

#[tokio::test]
async fn rights_lost_in_the_middle_are_told_as_that() {
    let forbidden = r#"{"data":null,"message":"Permission check failed (/vms/100, VM.Audit)\n"}"#;
    let server = Server::start(move |number, seen| {
        if seen.line.contains("/cluster/resources") {
            // A token without rights sees a shorter list, and no error.
            return Deed::Answer(data("[]"));
        }
        Deed::Answer(match number {
            0 => data(r#"{"status":"running"}"#),
            _ => answer("403 Permission check failed (/vms/100, VM.Audit)", forbidden),
        })
    })
    .await;
    let driver = server.driver();
    driver.guest_power(&at()).await.unwrap();
    for error in [
        driver.guest_power(&at()).await.unwrap_err(),
        driver.guest_config(&at()).await.unwrap_err(),
        driver.start(&own()).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
        assert_eq!((error.class(), error.refusal()), (Class::Denied, None));
        assert!(error.to_string().contains("VM.Audit"), "{error}");
    }
    assert!(driver.overview().await.unwrap().guests.is_empty());
}
