//! Gathers in which fields a guest is not as declared, and the changes that mend it.

use std::fmt::Display;

use super::{Action, Problem};
use crate::api::FieldDrift;
use crate::model::Change;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Compare {
    /// Fields in which the guest is not as declared.
    pub(super) drift: Vec<FieldDrift>,
    /// What mends them by one change of the configuration.
    pub(super) changes: Vec<Change>,
    /// What else is to be done, after that.
    pub(super) then: Vec<Action>,
    /// The first thing that only a person can mend.
    pub(super) problem: Option<Problem>,
    /// Fields that are left to people.
    ignored: Vec<String>,
}

impl Compare {
    /// Leaves these fields to people.
    pub(super) fn ignoring(ignored: &[String]) -> Self {
        Self {
            ignored: ignored.to_vec(),
            ..Self::default()
        }
    }

    /// Whether a field is left to people: it, or what it is a part of, is named.
    pub(super) fn ignores(&self, field: &str) -> bool {
        self.ignored.iter().any(|name| {
            let rest = field.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Compares one field. Nothing is wanted where `want` is absent.
    pub(super) fn field<T: Clone + PartialEq + Display>(
        &mut self,
        field: &str,
        want: Option<&T>,
        have: &T,
        change: impl FnOnce(T) -> Change,
    ) {
        if let Some(want) = want.filter(|want| *want != have) {
            self.differs(field, want.to_string(), have.to_string(), change(want.clone()));
        }
    }

    /// Notes a difference, in the words of the spec, and what mends it.
    pub(super) fn differs(&mut self, field: &str, want: String, have: String, change: Change) {
        if self.drifted(field, want, have) {
            self.changes.push(change);
        }
    }

    /// Notes what a machine was never given, and what gives it: also of a field that is left to people, who find it there.
    pub(super) fn owed(&mut self, field: &str, want: String, change: Change) {
        self.drift.push(FieldDrift {
            field: field.to_owned(),
            desired: want,
            observed: "none".to_owned(),
        });
        self.changes.push(change);
    }

    /// Notes a difference, unless the field is left to people; returns whether it is to be mended.
    pub(super) fn drifted(&mut self, field: &str, want: String, have: String) -> bool {
        if self.ignores(field) {
            return false;
        }
        self.drift.push(FieldDrift {
            field: field.to_owned(),
            desired: want,
            observed: have,
        });
        true
    }

    /// Notes what only a person can mend; the first one is told.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }
}
