//! Why a call to a host failed: one enum for all drivers, and the class that decides what happens next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::runtime::Class;

/// A refusal that the floors above act upon, told from the host's sentence by one table a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The guest's configuration does not exist on that node. Not a proof that the guest is gone.
    GuestMissing,
    /// The number is given to a guest already.
    GuestExists,
    /// The guest runs and must not.
    GuestRunning,
    /// The guest does not run and must.
    GuestNotRunning,
    /// The configuration carries this lock.
    Locked(String),
    /// Somebody holds a lock for the moment.
    LockTimeout,
    /// The configuration changed since it was read.
    DigestMismatch,
    /// The cluster has no majority.
    NoQuorum,
    /// No such node.
    NodeMissing,
    /// No such storage, or it is disabled.
    StorageMissing,
    /// No such volume, ISO or template.
    VolumeMissing,
    /// The guest is protected against removal.
    Protected,
    /// The guest's agent does not answer.
    AgentNotRunning,
    /// Parameters were refused.
    Parameters,
    /// Any other sentence.
    Other,
}

impl Refusal {
    /// The class of a refusal whose sentence is known.
    #[must_use]
    pub const fn class(&self) -> Option<Class> {
        match self {
            Self::GuestMissing => Some(Class::NotFound),
            Self::GuestExists | Self::DigestMismatch => Some(Class::Conflict),
            Self::GuestRunning
            | Self::GuestNotRunning
            | Self::Locked(_)
            | Self::LockTimeout
            | Self::NoQuorum
            | Self::AgentNotRunning => Some(Class::Busy),
            Self::NodeMissing
            | Self::StorageMissing
            | Self::VolumeMissing
            | Self::Protected
            | Self::Parameters => Some(Class::Invalid),
            Self::Other => None,
        }
    }
}

/// A failed call.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made: nothing was sent.
    #[error("can't connect to {address}: {reason}")]
    Connect {
        /// Host and port.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// The certificate was not accepted: nothing was sent.
    #[error("the certificate of {address} is not trusted: {reason}{}", .fingerprint.as_ref().map(|f| format!(" (its SHA-256 fingerprint is {f})")).unwrap_or_default())]
    Certificate {
        /// Host and port.
        address: String,
        /// Why, in words.
        reason: String,
        /// The fingerprint that the host showed.
        fingerprint: Option<String>,
    },
    /// The request was sent, and no whole answer came: a mutation may have taken place.
    #[error("{operation}: the answer was lost ({reason})")]
    AnswerLost {
        /// What was asked.
        operation: String,
        /// Why, in words.
        reason: String,
    },
    /// The proxying node could not reach the node that was asked for (595 and its like).
    #[error("{operation}: the node can't be reached ({status} {message})")]
    NodeUnreachable {
        /// What was asked.
        operation: String,
        /// 595 to 599.
        status: u16,
        /// The host's words.
        message: String,
        /// Whether the request may have got through (596 and above).
        maybe_done: bool,
    },
    /// 401.
    #[error("the host does not accept the credentials: {message}")]
    Unauthorized {
        /// The host's words.
        message: String,
    },
    /// 403.
    #[error("{operation}: {message}")]
    Forbidden {
        /// What was asked.
        operation: String,
        /// The host's words; they name path and privilege.
        message: String,
    },
    /// The host said no.
    #[error("{operation}: {}", self.sentence())]
    Refused {
        /// What was asked.
        operation: String,
        /// HTTP status.
        status: u16,
        /// The host's sentence.
        message: String,
        /// Its complaints about single parameters.
        parameters: BTreeMap<String, String>,
        /// What the sentence means to us.
        refusal: Refusal,
    },
    /// The answer is not what this call answers.
    #[error("{operation}: the answer can't be read: {reason}")]
    Decode {
        /// What was asked.
        operation: String,
        /// Why, in words.
        reason: String,
    },
    /// This replica's lease is not held, or about to end: nothing was sent.
    #[error("{operation}: not sent, because this replica does not lead or its lease is about to end")]
    NotLeading {
        /// What was to be asked.
        operation: String,
    },
    /// The proof of ownership was too old when the call was about to be sent: nothing was sent.
    #[error("{operation}: the guest was judged too long ago")]
    Stale {
        /// What was asked.
        operation: String,
    },
    /// The breaker or a budget of the fleet held the call back: nothing was sent.
    #[error("held back: {reason}")]
    HeldBack {
        /// Why, in words.
        reason: String,
    },
    /// The request can't be built.
    #[error("{operation}: {reason}")]
    Unbuildable {
        /// What was asked.
        operation: String,
        /// Why, in words.
        reason: String,
    },
}

impl Error {
    /// The class that decides requeue, condition and metric label.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Connect { .. } | Self::Certificate { .. } | Self::NodeUnreachable { .. } => {
                Class::Unreachable
            }
            Self::AnswerLost { .. } | Self::Decode { .. } => Class::Transient,
            Self::Unauthorized { .. } | Self::Forbidden { .. } => Class::Denied,
            Self::Stale { .. } => Class::Conflict,
            Self::HeldBack { .. } | Self::NotLeading { .. } => Class::Busy,
            Self::Unbuildable { .. } => Class::Invalid,
            Self::Refused { refusal, status, .. } => refusal.class().unwrap_or({
                if *status >= 500 && *status != 501 {
                    Class::Transient
                } else {
                    Class::Permanent
                }
            }),
        }
    }

    /// The label of metrics: the sort of error, without its words.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Certificate { .. } => "certificate",
            Self::AnswerLost { .. } => "answer_lost",
            Self::NodeUnreachable { .. } => "node_unreachable",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Refused { .. } => "refused",
            Self::Decode { .. } => "decode",
            Self::Stale { .. } => "stale",
            Self::NotLeading { .. } => "not_leading",
            Self::HeldBack { .. } => "held_back",
            Self::Unbuildable { .. } => "unbuildable",
        }
    }

    /// Whether a mutation may have taken place although the call failed.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        match self {
            Self::AnswerLost { .. } | Self::Decode { .. } => true,
            Self::NodeUnreachable { maybe_done, .. } => *maybe_done,
            _ => false,
        }
    }

    /// What the refusal means, if the host refused.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// The host's own words, with its complaints about single parameters; for others the whole message.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self::Refused {
            message, parameters, ..
        } = self
        else {
            return self.to_string();
        };
        let mut text = message.trim_end().to_owned();
        for (name, complaint) in parameters {
            let _ = write!(text, " {name}: {}", complaint.trim_end());
        }
        text
    }
}
