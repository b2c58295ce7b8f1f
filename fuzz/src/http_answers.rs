//! Answers over HTTP.

use drover::hypervisor::proxmox::{api, decode_answer};
use drover::hypervisor::{Error, Refusal};
use drover::runtime::Class;

/// Two bytes for the status, one for the length of the reason phrase, then that and the body.
///
/// An answer is data only if its status says so and it is an envelope. It is "gone" only if the host says in
/// its sentence that a configuration does not exist: no web page, half a JSON, proxy or lost right is. Data is read as
/// the answer of every call.
pub fn http_answers(data: &[u8]) {
    let [high, low, length, rest @ ..] = data else {
        return;
    };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 900;
    let (reason, body) = rest.split_at(usize::from(*length).min(rest.len()));
    let reason = String::from_utf8_lossy(reason);
    if decode_answer(200, "OK", body).is_ok() {
        for call in api::calls() {
            if let Err(sentence) = (call.reads)(body) {
                assert!(!sentence.is_empty(), "{} says nothing", call.name);
            }
        }
    }
    let Err(error) = decode_answer(status, &reason, body) else {
        assert!((200..300).contains(&status), "{status} is no success");
        assert!(body.trim_ascii_start().starts_with(b"{"), "that is no envelope");
        return;
    };
    let _ = (error.to_string(), error.sentence(), error.label());
    let gone = error.class() == Class::NotFound;
    let Error::Refused {
        message,
        parameters,
        refusal,
        status: told,
        ..
    } = &error
    else {
        assert!(!gone, "{error:?}");
        return;
    };
    assert_eq!(*told, status);
    let says = |fragments: &[&str]| {
        let mut texts = parameters.values().chain([message]);
        texts.any(|text| fragments.iter().all(|fragment| text.contains(fragment)))
    };
    if gone {
        assert!(says(&["Configuration file '", "does not exist"]), "{error:?}");
    }
    if matches!(
        refusal,
        Refusal::StorageMissing | Refusal::VolumeMissing | Refusal::NodeMissing
    ) {
        let words = ["does not exist", "disabled", "not available", "o such", "failed"];
        assert!(words.iter().any(|word| says(&[word])), "{error:?}");
    }
    assert!(
        !matches!(status, 401 | 403 | 595..=599),
        "{status} is no refusal by sentence"
    );
}
