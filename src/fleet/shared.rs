//! One cluster as its watcher, its sweep, its tracker of tasks and its handles share it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::budget::Budgets;
use super::crew::Crew;
use super::diff::GuestDiff;
use super::events::{Events, FleetEvent};
use super::guarded::{Connection, Guarded};
use super::host_state::HostState;
use super::now;
use super::options::FleetOptions;
use super::probe::Found;
use super::readings::{ConfigReading, Readings};
use super::snapshot::View;
use super::tasks::Tracked;
use crate::hypervisor::{Error, Hypervisor as _, Refusal};
use crate::model::{ClusterId, GuestAddress, GuestId, Overview, Power, PowerReading};

pub(super) struct Shared {
    pub(super) id: ClusterId,
    pub(super) crew: Crew,
    pub(super) view: View,
    pub(super) readings: Readings,
    pub(super) budgets: Arc<Budgets>,
    pub(super) tracked: Tracked,
    pub(super) options: FleetOptions,
    /// Ends the cluster's tasks.
    pub(super) token: CancellationToken,
    /// Asks the watcher for the bulk list.
    pub(super) refresh: Notify,
    /// Tells the sweep that there is something to read out of turn, or another number of guests.
    pub(super) errand: Notify,
    events: Events,
}

impl Shared {
    pub(super) fn new(
        found: &Found,
        first: Arc<Connection>,
        options: FleetOptions,
        events: Events,
        token: CancellationToken,
    ) -> Self {
        let id = found.cluster.clone();
        let budgets = Budgets::new(id.clone(), events.clone(), first.budget);
        Self {
            view: View::new(found.status.clone(), found.bounds, options.list_lag),
            crew: Crew::new(first),
            readings: Readings::default(),
            budgets: Arc::new(budgets),
            tracked: Tracked::default(),
            refresh: Notify::new(),
            errand: Notify::new(),
            id,
            options,
            token,
            events,
        }
    }

    /// Takes in a verified connection of one of the cluster's hosts.
    pub(super) fn join(&self, connection: &Arc<Connection>, found: &Found) -> Result<(), HostState> {
        let was_reachable = self.reachable().is_ok();
        self.crew.join(connection)?;
        self.budgets.limit(self.crew.terms().1);
        let differs = self.view.take_status(found.status.clone(), Some(found.bounds));
        if differs || !was_reachable {
            self.announce_hosts();
        }
        Ok(())
    }

    /// Takes in that a connection was verified again, with what was found.
    pub(super) fn confirm(&self, connection: &Arc<Connection>, found: &Found) -> Result<(), HostState> {
        self.join(connection, found)?;
        if self.crew.use_if_needed(connection) {
            self.announce_hosts();
        }
        Ok(())
    }

    /// Takes out a connection that broke.
    pub(super) fn lost(&self, connection: &Arc<Connection>) {
        self.crew.leave(connection);
        self.budgets.limit(self.crew.terms().1);
        self.announce_hosts();
    }

    pub(super) fn reachable(&self) -> Result<(), String> {
        match self.crew.used().breaker.open_since() {
            None => Ok(()),
            Some(state) => Err(state.to_string()),
        }
    }

    /// The driver for calls because of a guest.
    pub(super) fn driver(&self) -> Guarded {
        Guarded::queued(self.crew.used())
    }

    pub(super) fn announce_guest(&self, id: GuestId) {
        self.events.send(FleetEvent::Guest {
            cluster: self.id.clone(),
            id,
        });
    }

    pub(super) fn announce_hosts(&self) {
        for host in self.crew.hosts() {
            self.events.send(FleetEvent::Host(host));
        }
    }

    /// Takes in a bulk list and tells who is concerned.
    pub(super) fn take_list(&self, overview: Overview, asked_at: Instant) {
        let seen = self.view.take_list(overview, asked_at);
        if seen.host {
            self.announce_hosts();
        }
        for id in &seen.guests.replaced {
            self.readings.forget_config(*id);
        }
        let shown = self.view.shown();
        self.readings.retain(|id| shown.guests.contains_key(&id));
        self.take_diff(&seen.guests);
    }

    fn take_diff(&self, diff: &GuestDiff) {
        let now = now();
        for id in &diff.started {
            self.readings.started(*id, now);
        }
        for id in &diff.ended {
            self.readings.ended(*id);
        }
        for id in diff.changed.iter().chain(&diff.vanished) {
            self.announce_guest(*id);
        }
        if !(diff.changed.is_empty() && diff.vanished.is_empty()) {
            self.errand.notify_one();
        }
    }

    /// Reads a configuration and keeps it; with whether it is another one than was kept before.
    pub(super) async fn read_config(&self, at: &GuestAddress) -> Result<(ConfigReading, bool), Error> {
        let driver = self.driver();
        let read_at = now();
        let config = Arc::new(driver.guest_config(at).await?);
        let reading = ConfigReading { config, read_at };
        let differs = self.readings.keep_config(at.id, &reading);
        Ok((reading, differs))
    }

    /// Reads a guest's power and lays it over its row.
    pub(super) async fn read_power(&self, at: &GuestAddress) -> Result<PowerReading, Error> {
        let reading = self.driver().guest_power(at).await?;
        self.take_diff(&self.view.take_power(at.id, &reading, now()));
        Ok(reading)
    }

    /// Asks a guest's agent for addresses, and once a start for the system inside. That it does not answer is an answer too.
    pub(super) async fn read_addresses(&self, at: &GuestAddress) {
        let answer = match self.driver().guest_addresses(at).await {
            Ok(ips) => Some(ips),
            Err(
                Error::AnswerLost { .. }
                | Error::Refused {
                    refusal: Refusal::AgentNotRunning | Refusal::GuestNotRunning | Refusal::Other,
                    ..
                },
            ) => None,
            Err(_) => return,
        };
        // It may have stopped while its agent was asked.
        let runs = |row: &crate::model::GuestRow| row.power == Power::Running;
        if !self.view.shown().guest(at.id).is_some_and(runs) {
            return;
        }
        let answers = answer.is_some();
        let mut news = self.readings.keep_addresses(at.id, answer);
        if answers
            && self.readings.seeks_system(at.id)
            && let Ok(Some(system)) = self.driver().guest_system(at).await
        {
            self.readings.keep_system(at.id, system);
            news = true;
        }
        if news {
            self.announce_guest(at.id);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("id", &self.id)
            .field("used", &self.crew.used().host)
            .finish_non_exhaustive()
    }
}
