//! What it means that no whole answer came: errors of the HTTP client, told apart by whether anything was sent.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::CertificateError;

use super::call::{Call, Patience};
use super::tls::Untrusted;
use crate::hypervisor::Error;
use crate::runtime::Fenced;

/// How much of a sentence from outside is kept.
const LONGEST_SENTENCE: usize = 2000;

/// A failed exchange.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) status: Option<u16>,
    /// Whether a read may be sent again at once.
    pub(super) again: bool,
    /// Whether another member of the cluster may do better.
    pub(super) elsewhere: bool,
}

impl Failure {
    pub(super) const fn of(error: Error) -> Self {
        Self {
            error,
            status: None,
            again: false,
            elsewhere: false,
        }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }
}

/// A file that is sent is not what was announced, so that the request was never whole.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum BadFile {
    #[error("the file can't be read: {0}")]
    Read(Arc<io::Error>),
    #[error("the file ends after {came} of {size} bytes")]
    Shorter { came: u64, size: u64 },
    #[error("the file is longer than {0} bytes")]
    Longer(u64),
}

/// The proof of ownership grew too old while the connection was made.
#[derive(Debug, thiserror::Error)]
#[error("the guest was judged too long ago")]
pub(super) struct TooOld;

pub(super) fn stale(call: &Call) -> Error {
    Error::Stale {
        operation: call.operation(),
    }
}

pub(super) fn fenced(call: &Call) -> Error {
    Error::NotLeading {
        operation: call.operation(),
    }
}

/// Judges an error of the HTTP client.
pub(super) fn unanswered(call: &Call, address: &str, timeout: Duration, error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::of(call.unbuildable(in_words(error)));
    }
    let timed_out = error.is_timeout();
    if in_chain(error, |cause| cause.is::<TooOld>().then_some(())).is_some() {
        return Failure::of(stale(call));
    }
    if in_chain(error, |cause| cause.is::<Fenced>().then_some(())).is_some() {
        return Failure::of(fenced(call));
    }
    if let Some(bad) = in_chain(error, |cause| cause.downcast_ref::<BadFile>().cloned()) {
        return Failure::of(call.unbuildable(bad.to_string()));
    }
    if error.is_connect() {
        let address = address.to_owned();
        if let Some((reason, fingerprint)) = untrusted(error) {
            return Failure::of(Error::Certificate {
                address,
                reason,
                fingerprint,
            });
        }
        let reason = if timed_out {
            "it takes too long".to_owned()
        } else {
            in_words(error)
        };
        return Failure {
            error: Error::Connect { address, reason },
            status: None,
            again: timed_out,
            elsewhere: true,
        };
    }
    let reason = if timed_out {
        format!("none within {} s", timeout.as_secs_f32())
    } else {
        in_words(error)
    };
    Failure {
        error: Error::AnswerLost {
            operation: call.operation(),
            reason,
        },
        status: None,
        again: !timed_out,
        // A guest's agent that takes too long says nothing about the member that asks it.
        elsewhere: !(timed_out && call.patience == Patience::Short),
    }
}

/// Nothing came for that long.
pub(super) fn silent(call: &Call, timeout: Duration) -> Failure {
    Failure {
        error: Error::AnswerLost {
            operation: call.operation(),
            reason: format!("nothing moved for {} s", timeout.as_secs_f32()),
        },
        status: None,
        again: false,
        elsewhere: true,
    }
}

/// The last of the errors that caused one another says most.
pub(super) fn in_words(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = cause(last) {
        last = cause;
    }
    shortened(&last.to_string())
}

/// Words from outside, on one line and not too many.
pub(super) fn shortened(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_SENTENCE)
        .collect()
}

/// The cause of an error. An I/O error names the cause of what it wraps as its own, and so hides the latter.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Looks for something along the causes of an error.
fn in_chain<T>(
    error: &(dyn StdError + 'static),
    look: impl Fn(&(dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = look(error) {
            return Some(found);
        }
        next = cause(error);
    }
    None
}

/// Why a certificate was refused, and its fingerprint, if that is what went wrong.
fn untrusted(error: &reqwest::Error) -> Option<(String, Option<String>)> {
    in_chain(error, |cause| {
        let Some(rustls::Error::InvalidCertificate(invalid)) = cause.downcast_ref() else {
            return None;
        };
        let known = match invalid {
            CertificateError::Other(other) => other.0.downcast_ref::<Untrusted>(),
            _ => None,
        };
        Some(match known {
            Some(known) => (known.reason.clone(), Some(known.fingerprint.to_string())),
            None => (invalid.to_string(), None),
        })
    })
}
