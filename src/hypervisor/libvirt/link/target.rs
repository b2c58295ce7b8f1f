//! A host to connect to.

use std::sync::Arc;

use super::credentials::Credentials;
use super::open::{Opened, Slot};
use crate::hypervisor::libvirt::uri::LibvirtUri;

/// When a silent host counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Seconds of silence after which the host is asked whether it is there.
    pub interval: u16,
    /// How often it is asked in vain.
    pub count: u16,
}

impl Default for KeepAlive {
    /// Twenty seconds in all, with the silence that follows the last question.
    fn default() -> Self {
        Self {
            interval: 5,
            count: 3,
        }
    }
}

/// A host to connect to, and with what. Clones are the same host: of all that open it, one at a time does.
#[derive(Clone)]
pub struct Target(Arc<Inner>);

struct Inner {
    uri: LibvirtUri,
    credentials: Credentials,
    keep_alive: KeepAlive,
    opening: Slot<Opened>,
}

impl Target {
    /// A host that is not connected yet.
    #[must_use]
    pub fn new(uri: LibvirtUri, credentials: Credentials, keep_alive: KeepAlive) -> Self {
        Self(Arc::new(Inner {
            uri,
            credentials,
            keep_alive,
            opening: Slot::default(),
        }))
    }

    /// What names it.
    #[must_use]
    pub fn uri(&self) -> &LibvirtUri {
        &self.0.uri
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    pub(super) fn keep_alive(&self) -> KeepAlive {
        self.0.keep_alive
    }

    pub(super) fn opening(&self) -> &Slot<Opened> {
        &self.0.opening
    }
}
