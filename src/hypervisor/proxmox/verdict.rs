//! What an answer means, by its status, its reason phrase and its body: a pure function of the three.
//!
//! Proxmox VE's sentence stands in the reason phrase, and before 8.3 only there (pve-http-server, `AnyEvent.pm`).

use hyper::ext::ReasonPhrase;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, LOCATION};

use super::answers::{self, Complaint};
use super::call::Call;
use super::failure::shortened;
use super::sentences;
use crate::hypervisor::Error;

const STRANGER: &str = "this is not Proxmox VE's API";

/// What comes before the body.
pub(super) struct Head {
    pub(super) status: u16,
    reason: String,
    html: bool,
    location: Option<String>,
}

impl Head {
    pub(super) fn of(response: &Response) -> Self {
        let phrase = response.extensions().get::<ReasonPhrase>();
        let canonical = response.status().canonical_reason().unwrap_or_default();
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|v| String::from_utf8_lossy(v.as_bytes()))
        };
        Self {
            status: response.status().as_u16(),
            reason: phrase.map_or_else(
                || canonical.to_owned(),
                |p| String::from_utf8_lossy(p.as_bytes()).trim().to_owned(),
            ),
            html: header(CONTENT_TYPE).is_some_and(|v| v.starts_with("text/html")),
            location: header(LOCATION).map(|v| shortened(&v)),
        }
    }

    /// Tells success from everything else.
    pub(super) fn judge(self, call: &Call, body: &[u8]) -> Result<(), Error> {
        let operation = call.operation();
        let complaint = Complaint::read(body);
        let said = complaint.as_ref().and_then(|c| c.message.clone());
        let message = shortened(&said.unwrap_or(self.reason));
        match self.status {
            200..=299 if self.html => Err(call.unreadable(format!("it is a web page; {STRANGER}"))),
            200..=299 => Ok(()),
            300..=399 => Err(call.unreadable(match self.location {
                Some(location) => format!("it redirects to {location}; {STRANGER}"),
                None => format!("it has the status {}; {STRANGER}", self.status),
            })),
            401 => Err(Error::Unauthorized { message }),
            403 => Err(Error::Forbidden { operation, message }),
            status @ 595..=599 => Err(Error::NodeUnreachable {
                operation,
                status,
                message,
                // AnyEvent::HTTP: 595 while connecting, 596 and up after that.
                maybe_done: status != 595,
            }),
            // Proxmox VE says none of these: something in between lost the host.
            status @ 502..=504 if complaint.is_none() => Err(Error::AnswerLost {
                operation,
                reason: format!("{status} {message}, from something in between"),
            }),
            status if complaint.is_none() && self.html => {
                Err(call.unreadable(format!("it is a web page ({status} {message}); {STRANGER}")))
            }
            status => {
                let parameters = complaint.unwrap_or_default().parameters;
                Err(Error::Refused {
                    operation,
                    status,
                    refusal: sentences::refusal(status, &message, &parameters),
                    message,
                    parameters,
                })
            }
        }
    }
}

/// Reads an answer to a call without parameters, whatever it holds: the data, or what is wrong.
pub fn decode_answer(status: u16, reason: &str, body: &[u8]) -> Result<serde_json::Value, Error> {
    let call = Call::get("/", &[]);
    let head = Head {
        status,
        reason: reason.to_owned(),
        html: false,
        location: None,
    };
    head.judge(&call, body)?;
    answers::lenient(body).map_err(|reason| call.unreadable(reason))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "\\{\"(data|message|errors)\":(null|1|\"[a-z ()']*\"|\\{\"x\":(1|\"y\"|null)\\}|\\[\\])\\}?"
                .prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn no_answer_whatsoever_is_a_surprise(
            status in 200_u16..1000,
            reason in "\\PC{0,40}",
            html in any::<bool>(),
            body in said(),
        ) {
            let call = Call::get("/version", &[]);
            let head = Head { status, reason: reason.clone(), html, location: None };
            let success = head.judge(&call, &body).is_ok();
            prop_assert!(!success || status < 300);
            prop_assert!(decode_answer(status, &reason, &body).is_err() || status < 300);
        }
    }
}
