//! What is wrong with a property string: which key, and why.

/// A key whose value does not fit, by the rules of its format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct BadProperty {
    /// The key, or the whole option if it has no keys.
    pub key: String,
    /// Why.
    pub reason: Reason,
}

impl BadProperty {
    /// Names a key and what is wrong with it.
    #[must_use]
    pub fn new(key: &str, reason: Reason) -> Self {
        Self {
            key: key.to_owned(),
            reason,
        }
    }
}

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The format demands the key.
    #[error("it is missing")]
    Missing,
    /// The key, or an alias of it, stands there more than once.
    #[error("it is given twice")]
    Twice,
    /// `key=`, or `=value`.
    #[error("'{0}' is neither a value nor a key with a value")]
    Malformed(String),
    /// A bare value, where the format has no default key.
    #[error("'{0}' stands there without a key")]
    Keyless(String),
    /// The value is of another sort.
    #[error("'{text}' is not {wanted}")]
    Not {
        /// What was given.
        text: String,
        /// What would have been right.
        wanted: &'static str,
    },
    /// The value is none of an enumeration.
    #[error("'{text}' is not one of {}", .allowed.join(", "))]
    NotOneOf {
        /// What was given.
        text: String,
        /// What would have been right.
        allowed: &'static [&'static str],
    },
    /// The number is too small or too large.
    #[error("{text} is not within {least} to {most}")]
    Outside {
        /// What was given.
        text: String,
        /// The least that is right.
        least: u64,
        /// The most that is right.
        most: u64,
    },
    /// This sort of drive does not know the key.
    #[error("a drive of this bus does not know it")]
    OtherBus,
}

impl Reason {
    /// Says what a text should have been.
    #[must_use]
    pub fn not(text: &str, wanted: &'static str) -> Self {
        Self::Not {
            text: text.to_owned(),
            wanted,
        }
    }
}
