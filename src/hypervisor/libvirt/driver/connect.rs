//! The connection to the host: opened when it is first needed, and anew after it was lost; one opening at a time.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;
use virt::connect::Connect;

use super::Libvirt;
use super::host::Facts;
use super::storage::FoundPool;
use crate::hypervisor::Error;
use crate::hypervisor::libvirt::link::{Events, Link, Trouble};
use crate::hypervisor::libvirt::xml::domain::Host;

/// The connections of one host, of which the last one counts.
pub(super) struct Connections {
    current: Mutex<Option<Arc<Connected>>>,
    opening: Semaphore,
    /// The UUID of the host that answered first: another one at its address is not taken for it.
    host: OnceLock<Uuid>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            current: Mutex::default(),
            opening: Semaphore::new(1),
            host: OnceLock::new(),
        }
    }
}

/// A connection with what is kept for as long as it lasts.
pub(super) struct Connected {
    pub(super) link: Arc<Link>,
    /// Absent while somebody reads them.
    #[allow(dead_code, reason = "read by what follows")]
    pub(super) events: Mutex<Option<Events>>,
    /// What of the host does not change while it runs.
    pub(super) facts: OnceCell<Arc<Facts>>,
    /// What it can do for domains.
    pub(super) abilities: OnceCell<Arc<Host>>,
    /// Its storage pools, as of then.
    pub(super) pools: Mutex<Option<(Instant, Arc<Vec<FoundPool>>)>>,
}

impl Connections {
    /// The connection that there is, unless it was lost.
    fn current(&self) -> Option<Arc<Connected>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .filter(|connected| connected.link.lost().is_none())
            .cloned()
    }

    fn take(&self, connected: &Arc<Connected>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(connected.clone());
    }
}

impl Libvirt {
    pub(super) async fn connected(&self) -> Result<Arc<Connected>, Error> {
        let connections = &self.connections;
        if let Some(connected) = connections.current() {
            return Ok(connected);
        }
        let _one = connections.opening.acquire().await;
        if let Some(connected) = connections.current() {
            return Ok(connected);
        }
        let (link, events) = Link::open(&self.settings.target, self.settings.timeout).await?;
        let connected = Arc::new(Connected {
            link: Arc::new(link),
            events: Mutex::new(Some(events)),
            facts: OnceCell::new(),
            abilities: OnceCell::new(),
            pools: Mutex::default(),
        });
        connections.take(&connected);
        Ok(connected)
    }

    /// The connection, opened if there is none.
    pub(super) async fn link(&self) -> Result<Arc<Link>, Error> {
        Ok(self.connected().await?.link.clone())
    }

    /// Refuses another host than the one that answered first.
    pub(super) fn is_host(&self, answering: Uuid) -> Result<(), Error> {
        let first = *self.connections.host.get_or_init(|| answering);
        if first == answering {
            return Ok(());
        }
        Err(Error::Connect {
            address: self.settings.target.uri().address(),
            reason: format!("another host answers there: its UUID is {answering}, and was {first}"),
        })
    }

    /// Reads something from the host.
    pub(super) async fn read<T, F>(&self, operation: &str, call: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connect) -> Result<T, Trouble> + Send + 'static,
    {
        let link = self.link().await?;
        link.run_within(self.settings.timeout, operation, call).await
    }
}
