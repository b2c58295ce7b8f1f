//! The classes of errors. The class alone decides whether and when a pass is repeated, which condition is
//! set, and the label of the metric; the message is for people.

use std::fmt;

/// What kind of failure an error is, whatever module it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// It may well succeed if repeated: a lost connection, a 5xx without a known sentence.
    Transient,
    /// The other side is occupied: a lock, a running task, a full queue. Repeat later.
    Busy,
    /// What was addressed does not exist. Never taken as proof that a guest is gone (see `plan::identity`).
    NotFound,
    /// Somebody else changed or took it: a digest, a resourceVersion, a number in use.
    Conflict,
    /// What was asked for can't be right: only a changed input helps.
    Invalid,
    /// Credentials or permissions do not suffice.
    Denied,
    /// The host does not answer at all.
    Unreachable,
    /// Repeating will not help and no input of the resource explains it.
    Permanent,
}

impl Class {
    /// The label of metrics and log fields.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Busy => "busy",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::Permanent => "permanent",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
