//! Why a change can't be made of a domain.

use crate::hypervisor::libvirt::xml::tree::{ReadXml, WriteXml};

/// A change that can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The domain's XML can't be read.
    #[error("the domain's XML can't be read: {0}")]
    Read(#[from] ReadXml),
    /// What is to stand in the domain's XML can't.
    #[error("{0}")]
    Write(#[from] WriteXml),
    /// libvirt has nothing of the kind.
    #[error("libvirt has no {0}")]
    Unsupported(String),
    /// This host has nothing of the kind.
    #[error("the host has no {0}")]
    Host(&'static str),
    /// There is no such device.
    #[error("the domain has no device '{0}'")]
    NoDevice(String),
    /// There is one at that slot already.
    #[error("the domain has a device '{0}' already")]
    Exists(String),
    /// The name of a slot that no device of that kind can have.
    #[error("'{0}' is no slot for it")]
    NoSlot(String),
    /// The slot is one of a disk.
    #[error("'{0}' is no CD drive")]
    NoCdrom(String),
    /// It was not said where a volume lies.
    #[error("the volume for '{0}' is not known")]
    NoVolume(String),
    /// Boards of different kinds have different buses.
    #[error("a board of the kind {have} can't be exchanged for {want}")]
    Board {
        /// The kind that it has.
        have: String,
        /// What is wanted.
        want: String,
    },
}

impl Unfit {
    /// For something that is there on other hypervisors.
    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
