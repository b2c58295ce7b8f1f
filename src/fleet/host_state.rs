//! How it stands with a declared host, and what a failed call says about it.

use std::fmt;

use crate::hypervisor::Error;
use crate::model::{ClusterId, NodeName};
use crate::runtime::Class;

/// How it stands with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostState {
    /// It is being asked for the first time, after a change of its spec, or because something about it
    /// is not as it was.
    Connecting,
    /// It answers, and its cluster is the right one.
    Usable,
    /// It does not answer.
    Unreachable {
        /// Why, in words.
        reason: String,
    },
    /// It does not accept the credentials, or they do not suffice to look at it.
    Denied {
        /// Why, in words.
        reason: String,
    },
    /// Its certificate is not accepted.
    Untrusted {
        /// Why, in words.
        reason: String,
        /// The SHA-256 fingerprint that it showed.
        fingerprint: Option<String>,
    },
    /// Another cluster answers at its address. Nothing is sent.
    ClusterChanged {
        /// The recorded one.
        expected: ClusterId,
        /// The one that answers.
        found: ClusterId,
    },
    /// No member has the name that the spec gives, or no member says that it is the one that answers.
    NodeUnknown {
        /// The name that the spec gives.
        name: Option<NodeName>,
        /// The members that there are.
        members: Vec<NodeName>,
    },
    /// It shows the same cluster identity as another declared host, but they are not members of each
    /// other's cluster (a node that was taken out of a cluster and not installed anew). Nothing is sent.
    NotMember {
        /// The other host.
        of: String,
    },
    /// It answers in a way that can't be worked with.
    Failed {
        /// Why, in words.
        reason: String,
    },
}

impl HostState {
    /// What a failed call says about the host that was called.
    pub(super) fn of(error: &Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Certificate { fingerprint, .. } => Self::Untrusted {
                reason,
                fingerprint: fingerprint.clone(),
            },
            Error::Connect { .. } | Error::AnswerLost { .. } | Error::NodeUnreachable { .. } => {
                Self::Unreachable { reason }
            }
            Error::Unauthorized { .. } | Error::Forbidden { .. } => Self::Denied { reason },
            _ => Self::Failed { reason },
        }
    }

    /// The class of a state that is a failure.
    pub(super) const fn class(&self) -> Class {
        match self {
            Self::Connecting | Self::Usable => Class::Transient,
            Self::Unreachable { .. } | Self::Untrusted { .. } => Class::Unreachable,
            Self::Denied { .. } => Class::Denied,
            Self::NodeUnknown { .. } => Class::Invalid,
            Self::ClusterChanged { .. } | Self::NotMember { .. } => Class::Conflict,
            Self::Failed { .. } => Class::Permanent,
        }
    }
}

impl fmt::Display for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("the host is being connected to"),
            Self::Usable => f.write_str("the host is usable"),
            Self::Unreachable { reason }
            | Self::Denied { reason }
            | Self::Untrusted { reason, .. }
            | Self::Failed { reason } => f.write_str(reason),
            Self::ClusterChanged { expected, found } => {
                write!(
                    f,
                    "another cluster answers at the host's address: {found} instead of {expected}"
                )
            }
            Self::NodeUnknown { name, members } => {
                match name {
                    Some(name) => write!(f, "the cluster has no node '{name}'")?,
                    None => f.write_str("no member of the cluster says that it is the one that answers")?,
                }
                let members: Vec<&str> = members.iter().map(NodeName::as_str).collect();
                write!(f, "; its nodes are: {}", members.join(", "))
            }
            Self::NotMember { of } => write!(
                f,
                "the host shows the cluster identity of the host '{of}', but they do not name each other as members"
            ),
        }
    }
}
