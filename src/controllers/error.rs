//! Why a pass ended before it could say so in the status.

use crate::runtime::{Class, Fenced};

/// Why a pass ended before it could say so in the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Kubernetes API did not take a write, or did not answer.
    #[error("the Kubernetes API: {0}")]
    Kubernetes(#[source] Box<kube::Error>),
    /// Nothing is written: another replica leads, or soon may.
    #[error(transparent)]
    Fenced(#[from] Fenced),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Kubernetes(Box::new(error))
    }
}

impl Error {
    /// The class that decides when the pass is repeated.
    #[must_use]
    pub fn class(&self) -> Class {
        let Self::Kubernetes(error) = self else {
            return Class::Transient;
        };
        match error.as_ref() {
            kube::Error::Api(status) if status.is_conflict() => Class::Conflict,
            kube::Error::Api(status) if status.is_not_found() => Class::NotFound,
            kube::Error::Api(status) if status.is_forbidden() => Class::Denied,
            kube::Error::Api(status) if status.is_invalid() => Class::Invalid,
            _ => Class::Transient,
        }
    }
}
