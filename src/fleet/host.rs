//! One declared host: connecting to it, noticing that the connection broke, connecting again.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::{Backoff, Jitter};
use super::cluster::Cluster;
use super::guarded::Connection;
use super::host_state::HostState;
use super::now;
use super::options::{Budget, CallReport, Poll};
use super::probe::{Found, probe};
use super::registry::{Fleet, Seat};
use super::shared::Shared;
use crate::hypervisor::Hypervisor;
use crate::model::{ClusterId, HostVersion, NodeName};

/// Proxmox VE delays each 401 by three seconds, and people have tools that lock out who fails often.
const DENIED_FLOOR: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_millis(100);

/// How a host is reached and what may be asked of it.
#[derive(Clone)]
pub struct HostSpec {
    /// The driver, with address and credentials.
    pub driver: Arc<dyn Hypervisor>,
    /// Changes whenever driver, node name, intervals or budget change (a hash of spec and Secret). A
    /// declaration with the same fingerprint keeps the connection.
    pub fingerprint: u64,
    /// The node that this host is; absent: the one that answers.
    pub node_name: Option<NodeName>,
    /// The cluster that was recorded for it: another one at its address is not touched. Not part of the
    /// fingerprint.
    pub expected_cluster: Option<ClusterId>,
    /// How often its cluster is asked.
    pub poll: Poll,
    /// How much may be under way at once.
    pub budget: Budget,
}

impl fmt::Debug for HostSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSpec")
            .field("fingerprint", &self.fingerprint)
            .field("node_name", &self.node_name)
            .field("expected_cluster", &self.expected_cluster)
            .field("poll", &self.poll)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// What is known of a declared host.
#[derive(Clone, Debug)]
pub struct HostView {
    /// How it stands.
    pub state: HostState,
    /// Since when.
    pub since: Instant,
    /// Its version, as of the last time that it was connected to.
    pub version: Option<HostVersion>,
    /// The node that it is.
    pub node: Option<NodeName>,
    /// Its cluster. Stays while the host can't be reached, so that the last snapshot can be read; only a
    /// `Usable` host's cluster may be acted upon.
    pub cluster: Option<Cluster>,
}

/// Keeps one declared host connected until it is forgotten or declared anew.
pub(super) async fn keep_connected(fleet: Fleet, seat: Arc<Seat>) {
    let options = fleet.options();
    let mut jitter = Jitter::new(options.seed, &seat.name);
    let mut backoff = Backoff::new(options.reconnect_min, options.reconnect_max);
    loop {
        let state = match connect(&fleet, &seat).await {
            Ok((cluster, connection)) => {
                let since = now();
                let state = stand_by(&fleet, &seat, &cluster, &connection).await;
                cluster.lost(&connection);
                // A connection that stood so long was a success.
                if now().saturating_duration_since(since) >= fleet.options().reconnect_max {
                    backoff.reset();
                }
                state
            }
            Err(state) => state,
        };
        let known = matches!(state, HostState::Connecting);
        if !known {
            tracing::warn!(host.name = seat.name, "host is not usable: {state}");
        }
        let denied = matches!(state, HostState::Denied { .. });
        fleet.set_state(&seat, state);
        if known {
            // Not a failure: something about it is not as it was, and is looked at again at once.
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        let wait = backoff.wait(&mut jitter);
        let wait = if denied { wait.max(DENIED_FLOOR) } else { wait };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = seat.kick.notified() => {}
        }
    }
}

async fn connect(fleet: &Fleet, seat: &Arc<Seat>) -> Result<(Arc<Shared>, Arc<Connection>), HostState> {
    let spec = &seat.spec;
    let expected = fleet.expected_cluster(seat);
    let found = look(fleet, seat, expected.as_ref()).await?;
    let connection = Arc::new(Connection::new(
        &seat.name,
        &found,
        (spec.poll, spec.budget),
        Arc::clone(&spec.driver),
        fleet.options().observe.clone(),
    ));
    let cluster = fleet.attach(seat, &connection, &found)?;
    tracing::info!(
        host.name = seat.name,
        host.node = %found.node,
        host.version = found.version.text,
        cluster.id = %found.cluster,
        "host is usable"
    );
    Ok((cluster, connection))
}

/// Asks a host what it is, and reports that as one call.
async fn look(fleet: &Fleet, seat: &Seat, expected: Option<&ClusterId>) -> Result<Found, HostState> {
    let spec = &seat.spec;
    let began = now();
    let found = probe(&*spec.driver, spec.node_name.as_ref(), expected).await;
    if let Some(observe) = &fleet.options().observe {
        observe(&CallReport {
            host: &seat.name,
            operation: "probe",
            failure: found.as_ref().err().map(HostState::class),
            took: now().saturating_duration_since(began),
        });
    }
    found
}

/// Waits while the connection stands, verifying it when asked to; why it no longer stands.
async fn stand_by(
    fleet: &Fleet,
    seat: &Arc<Seat>,
    cluster: &Arc<Shared>,
    connection: &Arc<Connection>,
) -> HostState {
    loop {
        tokio::select! {
            biased;
            () = connection.breaker.opened() => {
                return connection.breaker.open_since().cloned().unwrap_or(HostState::Connecting);
            }
            () = connection.verify.notified() => {}
            () = seat.kick.notified() => {}
        }
        let expected = fleet.expected_cluster(seat).unwrap_or_else(|| cluster.id.clone());
        let verdict = match look(fleet, seat, Some(&expected)).await {
            // It is another member now, or the record says another cluster: its facts are gathered anew.
            Ok(found) if found.node != connection.node || found.cluster != cluster.id => {
                Err(HostState::Connecting)
            }
            Ok(found) => {
                connection.take_status(&found.status);
                cluster.confirm(connection, &found)
            }
            Err(state) => Err(state),
        };
        if let Err(state) = verdict {
            connection.breaker.open(state);
        }
    }
}
