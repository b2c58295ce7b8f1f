//! The handle on a running simulator.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use uuid::Uuid;

use crate::admin::AdminListener;
use crate::api::{manage_resources, run_jobs};
use crate::events::Event;
use crate::fault::{Fault, FaultId};
use crate::hold::{Hold, Mark};
use crate::matcher::Matcher;
use crate::requests::Requests;
use crate::saved::Saved;
use crate::seed::Seed;
use crate::shared::{Shared, locked};
use crate::state::{World, is_user_id, split_token};
use crate::timing::{Timing, is_scale};
use crate::tls::Certificates;
use crate::wire::Listener;

/// Why a simulator could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The seed contradicts itself.
    #[error("seed: {0}")]
    Seed(String),
    /// A certificate could not be made.
    #[error("make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the certificate.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
    /// The address can't be listened on.
    #[error("listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A running simulator. Dropping it ends its work and closes its ports; [`Simulator::shutdown`] waits for that.
#[derive(Debug)]
pub struct Simulator {
    pub(crate) core: Arc<Core>,
}

/// What the handle and the admin API both have in their hands.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    certificates: Certificates,
    listener: Mutex<Option<Listener>>,
    address: SocketAddr,
    token_id: String,
    token_secret: String,
    admin: Mutex<Option<AdminListener>>,
}

impl Simulator {
    /// Starts a simulator in the given state, listening.
    pub async fn start(seed: Seed) -> Result<Self, StartError> {
        check(&seed)?;
        let certificates = Certificates::make(&seed.addresses())?;
        let token_secret = seed
            .token_secret
            .clone()
            .unwrap_or_else(|| Uuid::new_v4().to_string());
        let world = World::from_seed(&seed, &token_secret, certificates.of_nodes.clone());
        let shared = Shared::new(world, seed.timing.clone());
        let token = (seed.token_id.clone(), token_secret);
        Self::serve(shared, certificates, token, &seed).await
    }

    pub(crate) async fn resume(saved: Saved, seed: &Seed) -> Result<Self, StartError> {
        check_admin(seed)?;
        let of_nodes = saved.world.nodes.iter().map(|n| n.certificates.clone()).collect();
        let certificates = Certificates::restore(saved.ca_pem, saved.key_pem, of_nodes)?;
        let shared = Shared::new(saved.world, saved.timing);
        let token = (saved.token_id, saved.token_secret);
        Self::serve(shared, certificates, token, seed).await
    }

    async fn serve(
        shared: Arc<Shared>,
        certificates: Certificates,
        (token_id, token_secret): (String, String),
        seed: &Seed,
    ) -> Result<Self, StartError> {
        let listener = listen(&shared, seed.listen, &certificates).await?;
        let core = Arc::new(Core {
            address: listener.address,
            listener: Mutex::new(Some(listener)),
            shared: Arc::clone(&shared),
            certificates,
            token_id,
            token_secret,
            admin: Mutex::new(None),
        });
        let sim = Self { core };
        let admin = AdminListener::start(&sim.core, seed.admin).await;
        let admin = admin.map_err(|source| StartError::Listen {
            address: seed.admin,
            source,
        })?;
        *locked(&sim.core.admin) = Some(admin);
        shared.spawn(refresh(Arc::clone(&shared)));
        shared.spawn(manage_resources(Arc::clone(&shared)));
        shared.spawn(run_jobs(Arc::clone(&shared)));
        Ok(sim)
    }

    /// `https://127.0.0.1:8006`, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.core.address)
    }

    /// The port of the API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.core.address.port()
    }

    /// `http://127.0.0.1:8007`, the admin API.
    #[must_use]
    pub fn admin_url(&self) -> String {
        let admin = locked(&self.core.admin);
        admin
            .as_ref()
            .map(|a| format!("http://{}", a.address))
            .unwrap_or_default()
    }

    /// Full id of the first token, as `root@pam!drover`.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.core.token_id
    }

    /// Secret of the first token, as it was at the start.
    #[must_use]
    pub fn token_secret(&self) -> &str {
        &self.core.token_secret
    }

    /// SHA-256 of the certificate that is presented, as `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        let own = self
            .core
            .certificates
            .of_nodes
            .first()
            .and_then(|rows| rows.last());
        own.map_or("", |row| &row.fingerprint)
    }

    /// SHA-256 of `pve-root-ca.pem`, which tells this cluster from others.
    #[must_use]
    pub fn ca_fingerprint(&self) -> &str {
        let ca = self
            .core
            .certificates
            .of_nodes
            .first()
            .and_then(|rows| rows.first());
        ca.map_or("", |row| &row.fingerprint)
    }

    /// `pve-root-ca.pem`.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.core.certificates.ca_pem
    }

    /// `pve1` and so on.
    #[must_use]
    pub fn node_names(&self) -> Vec<String> {
        self.world().nodes.iter().map(|n| n.name.clone()).collect()
    }

    /// Ends everything, and waits until it has ended.
    pub async fn shutdown(self) {
        self.core.shared.end().await;
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.core.shared.log.pick(|_| true)
    }

    /// Every request so far that may have changed something.
    #[must_use]
    pub fn mutations(&self) -> Requests {
        self.core.shared.log.pick(|r| r.mutating)
    }

    /// The number of the last request, for [`Requests::since`].
    #[must_use]
    pub fn position(&self) -> u64 {
        self.core.shared.log.position()
    }

    /// Empties the log; numbers go on.
    pub fn clear_requests(&self) {
        self.core.shared.log.clear();
    }

    /// Puts a fault in force.
    #[allow(
        clippy::must_use_candidate,
        reason = "most faults are never cleared one by one"
    )]
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.core.shared.faults.add(fault)
    }

    /// Takes a fault away; false if it isn't there.
    #[allow(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn clear_fault(&self, id: FaultId) -> bool {
        self.core.shared.faults.clear(id)
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.core.shared.faults.clear_all();
    }

    /// The faults in force, with how often each has hit.
    #[must_use]
    pub fn faults(&self) -> Vec<(FaultId, Fault, u32)> {
        self.core.shared.faults.list()
    }

    /// Stops the next matching request at a mark.
    #[must_use]
    pub fn hold(&self, matcher: Matcher, mark: Mark) -> Hold {
        self.hold_after(matcher, mark, 0)
    }

    /// Stops a matching request at a mark, after `skip` others have passed.
    #[must_use]
    pub fn hold_after(&self, matcher: Matcher, mark: Mark, skip: u64) -> Hold {
        let order = self.core.shared.holds.add(matcher, mark, skip);
        Hold { order }
    }

    /// What happened so far, a line each, after the line with a number (0 for all).
    #[must_use]
    pub fn events_since(&self, seq: u64) -> Vec<Event> {
        self.core.shared.events.since(seq)
    }

    /// Waits until something happens after the line with a number, and takes what there is.
    pub async fn next_events(&self, seq: u64) -> Vec<Event> {
        self.core.shared.events.next(seq).await
    }

    /// How long things take.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.core.shared.timing()
    }

    /// Changes how long things take, from now on.
    pub fn set_timing(&self, timing: Timing) {
        self.core.shared.set_timing(timing);
    }

    /// Takes new figures for `/cluster/resources` now, instead of when they are due.
    pub fn refresh_resources(&self) {
        self.world().refresh_resources();
    }

    /// Holds every task, until [`Simulator::release_tasks`]: where it has something to wait for, and at the latest
    /// before it ends. It can be aborted.
    pub fn hold_tasks(&self) {
        self.core.shared.hold_tasks(true);
    }

    /// Lets held tasks go on, and those to come.
    pub fn release_tasks(&self) {
        self.core.shared.hold_tasks(false);
    }

    /// Waits until no task runs; false when the deadline comes first.
    pub async fn idle(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        loop {
            let busy = self.world().tasks.newest().any(|t| t.end.is_none());
            if !busy || Instant::now() >= until {
                return !busy;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The host is down: connections are refused, open ones end. Tasks go on.
    pub fn stop_listener(&self) {
        self.core.stop_listener();
    }

    /// The host is up again, at the same address.
    pub async fn start_listener(&self) -> Result<(), StartError> {
        self.core.start_listener().await
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.core.shared.world()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.core.shared.stop.cancel();
    }
}

impl Core {
    /// The CA's certificate, and the key of the certificate that is presented.
    pub(crate) fn certificate_pems(&self) -> (&str, &str) {
        (&self.certificates.ca_pem, &self.certificates.key_pem)
    }

    /// Id and secret.
    pub(crate) fn first_token(&self) -> (&str, &str) {
        (&self.token_id, &self.token_secret)
    }

    pub(crate) fn stop_listener(&self) {
        locked(&self.listener).take();
    }

    pub(crate) async fn start_listener(&self) -> Result<(), StartError> {
        if locked(&self.listener).is_some() {
            return Ok(());
        }
        let listener = listen(&self.shared, self.address, &self.certificates).await?;
        *locked(&self.listener) = Some(listener);
        Ok(())
    }
}

async fn listen(
    shared: &Arc<Shared>,
    address: SocketAddr,
    tls: &Certificates,
) -> Result<Listener, StartError> {
    // A listener that was just dropped may need a moment to let go of its port.
    let mut tries = 0;
    loop {
        match Listener::start(shared, address, Arc::clone(&tls.server)).await {
            Ok(listener) => return Ok(listener),
            Err(source)
                if source.kind() != std::io::ErrorKind::AddrInUse || address.port() == 0 || tries == 50 =>
            {
                return Err(StartError::Listen { address, source });
            }
            Err(_) => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn check_admin(seed: &Seed) -> Result<(), StartError> {
    if seed.admin.ip().is_loopback() {
        Ok(())
    } else {
        let text = "the admin API listens on loopback only";
        Err(StartError::Seed(text.to_owned()))
    }
}

fn check(seed: &Seed) -> Result<(), StartError> {
    if seed.names().is_empty() {
        return Err(StartError::Seed("at least one node is needed".to_owned()));
    }
    check_admin(seed)?;
    if !is_scale(seed.timing.time_scale) {
        let text = format!(
            "time_scale is a number above zero, not {}",
            seed.timing.time_scale
        );
        return Err(StartError::Seed(text));
    }
    let ids = std::iter::once(&seed.token_id).chain(seed.tokens.iter().map(|t| &t.id));
    for id in ids {
        if split_token(id).is_none() {
            let text = format!("token id '{id}' isn't like user@realm!name");
            return Err(StartError::Seed(text));
        }
    }
    if let Some(user) = seed.users.iter().find(|user| !is_user_id(&user.id)) {
        let text = format!("user id '{}' isn't like user@realm", user.id);
        return Err(StartError::Seed(text));
    }
    let mut numbers = std::collections::BTreeSet::new();
    for guest in &seed.guests {
        let names = seed.names();
        let node = guest.node.as_ref().or(names.first()).map_or("", String::as_str);
        if !names.iter().any(|name| name == node) {
            return Err(StartError::Seed(format!(
                "guest {}: no node '{node}'",
                guest.vmid
            )));
        }
        if !numbers.insert(guest.vmid) {
            return Err(StartError::Seed(format!("guest {} twice", guest.vmid)));
        }
    }
    Ok(())
}

/// Takes new figures for `/cluster/resources` every now and then, as pvestatd.
async fn refresh(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.pause(|t| t.resources_refresh) => {}
            // The new durations count from now on, also if the old one was an hour.
            () = shared.timing_changed.notified() => continue,
        }
        shared.world().refresh_resources();
    }
}
