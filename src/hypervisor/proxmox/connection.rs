//! What is needed to talk to a cluster: one of its members, and the others that may stand in for it.

use std::fmt;
use std::time::Duration;

use super::Proxmox;
use super::auth::Credentials;
use super::client::Client;
use super::observe::Observer;
use super::tls::Trust;
use crate::hypervisor::Error;
use crate::runtime::Fence;

/// The address of a host, and how it and Drover trust each other.
#[derive(Clone, Debug)]
pub struct Connection {
    /// A name or an address, without scheme and port.
    pub host: String,
    /// 8006, unless something stands in between.
    pub port: u16,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Further members of the same cluster, which are asked while the first can't be reached. That it is the same
    /// cluster is the caller's to know: the credentials go to each of them.
    pub others: Vec<Endpoint>,
    /// Who Drover is there.
    pub credentials: Credentials,
    /// How long a read may take. Changes are given 30 s at least, calls to a guest's agent 5 s at most.
    pub timeout: Duration,
    /// Asked right before each change is written; reads and logins pass.
    pub fence: Fence,
}

impl Connection {
    /// The port of Proxmox VE's API.
    pub const PORT: u16 = 8006;
    /// How long a read may take if nobody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// The member that is asked first.
    pub(super) fn first(&self) -> Endpoint {
        Endpoint {
            host: self.host.clone(),
            port: self.port,
            trust: self.trust.clone(),
        }
    }
}

/// Where a member of a cluster answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without scheme and port.
    pub host: String,
    /// 8006, unless something stands in between.
    pub port: u16,
    /// Which certificates are accepted: a fingerprint is that of one member alone.
    pub trust: Trust,
}

impl Proxmox {
    /// Builds the driver; nothing is sent.
    pub fn connect(connection: &Connection) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(connection)?,
        })
    }

    /// Tells `observer` of each exchange with the host.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Self {
        self.client.observe(observer);
        self
    }
}

impl fmt::Debug for Proxmox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxmox")
            .field("address", &self.client.address())
            .field("user", &self.client.user())
            .finish_non_exhaustive()
    }
}
