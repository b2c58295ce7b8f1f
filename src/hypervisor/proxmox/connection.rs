//! What is needed to talk to one member of a cluster.

use std::fmt;
use std::time::Duration;

use super::Proxmox;
use super::auth::Credentials;
use super::client::Client;
use super::observe::Observer;
use super::tls::Trust;
use crate::hypervisor::Error;

/// The address of a host, and how it and Drover trust each other.
#[derive(Clone, Debug)]
pub struct Connection {
    /// A name or an address, without scheme and port.
    pub host: String,
    /// 8006, unless something stands in between.
    pub port: u16,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Who Drover is there.
    pub credentials: Credentials,
    /// How long a read may take. Changes are given 30 s at least, calls to a guest's agent 5 s at most.
    pub timeout: Duration,
}

impl Connection {
    /// The port of Proxmox VE's API.
    pub const PORT: u16 = 8006;
    /// How long a read may take if nobody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
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
    pub fn observed_by(mut self, observer: Observer) -> Self {
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
