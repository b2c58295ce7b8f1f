//! What would be done for one machine, and what keeps that from being done.

use crate::controllers::virtual_machine::{facts::Unmet, trouble};
use crate::hypervisor;
use crate::plan::status::Outcome;
use crate::plan::tenancy::Refused;

/// What would be done.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The machine, and what becomes of it.
    pub(super) what: String,
    /// One a line.
    pub(super) lines: Vec<String>,
    /// How much of that is a change.
    pub(super) changes: usize,
    /// What of it only a person can bring about.
    pub(super) held: Option<Outcome>,
}

impl Found {
    /// The machine is made, taken over, or about to be.
    pub(super) fn change(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            changes: 1,
            ..Self::default()
        }
    }
}

/// Why nothing would be done.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// For what the condition of the resource would say.
    By(Outcome),
    /// It can't be found out, for this reason.
    Unknown(String),
}

impl From<anyhow::Error> for Held {
    fn from(error: anyhow::Error) -> Self {
        Self::Unknown(format!("{error:#}"))
    }
}

impl From<Outcome> for Held {
    fn from(outcome: Outcome) -> Self {
        Self::By(outcome)
    }
}

impl From<Refused> for Held {
    fn from(refused: Refused) -> Self {
        Self::By(refused.into())
    }
}

impl From<hypervisor::Error> for Held {
    fn from(error: hypervisor::Error) -> Self {
        Self::By(trouble::told(&error))
    }
}

impl From<Unmet> for Held {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Refused(outcome) => Self::By(outcome),
            Unmet::Failed(error) => error.into(),
        }
    }
}
