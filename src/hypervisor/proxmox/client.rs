//! Calls in Drover's name: each with a proof of who makes it, and once more with a new one if the host took the
//! old one no longer.

use std::sync::Arc;

use super::auth::{Auth, Proof};
use super::call::Call;
use super::connection::Connection;
use super::observe::Observer;
use super::wire::{Reading, Wire};
use crate::hypervisor::Error;
use crate::model::{Progress, Upid};
use crate::plan::identity::Ownership;

pub(super) struct Client {
    pub(super) wire: Arc<Wire>,
    auth: Auth,
}

impl Client {
    pub(super) fn new(connection: &Connection) -> Result<Self, Error> {
        let auth = Auth::new(&connection.credentials).map_err(|reason| Error::Unbuildable {
            operation: format!("connect to {}", connection.host),
            reason,
        })?;
        Ok(Self {
            wire: Arc::new(Wire::new(connection)?),
            auth,
        })
    }

    pub(super) fn observe(&self, observer: Observer) {
        self.wire.observe(observer);
    }

    pub(super) fn user(&self) -> &str {
        self.auth.user()
    }

    pub(super) fn address(&self) -> &str {
        self.wire.address()
    }

    /// Sends a read, and takes its answer as `reading` says.
    pub(super) async fn read_as<T>(&self, call: &Call, reading: Reading<T>) -> Result<T, Error> {
        let proof = self.proof().await?;
        match self.wire.read(call, &proof, reading).await {
            Err(error) if self.may_renew(&proof, &error) => {
                let proof = self.proof().await?;
                let again = self.wire.read(call, &proof, reading).await;
                self.judged(&proof, again)
            }
            result => result,
        }
    }

    /// Sends a change, once, and takes its answer as `reading` says. One that is answered 401 was not carried out
    /// (`AnyEvent.pm` authenticates before anything else), and is sent again with a new ticket. With `own` it carries
    /// no digest, and is sent only while the proof is fresh.
    pub(super) async fn change_as<T>(
        &self,
        call: &Call,
        own: Option<&Ownership>,
        reading: Reading<T>,
    ) -> Result<T, Error> {
        let proof = self.proof().await?;
        match self.wire.change(call, &proof, own, reading).await {
            Err(error) if self.may_renew(&proof, &error) => {
                let proof = self.proof().await?;
                let again = self.wire.change(call, &proof, own, reading).await;
                self.judged(&proof, again)
            }
            result => result,
        }
    }

    /// What goes along with the next call; for a user with a password that may take a login.
    pub(super) async fn proof(&self) -> Result<Proof, Error> {
        match &self.auth {
            Auth::Token { header, .. } => Ok(Proof::Token(header.clone())),
            Auth::Login(login) => login.ticket(&self.wire).await.map(Proof::Ticket),
        }
    }

    /// Whether the call failed for a ticket that the host takes no longer; it is not used again.
    pub(super) fn may_renew(&self, proof: &Proof, error: &Error) -> bool {
        match (&self.auth, proof, error) {
            (Auth::Login(login), Proof::Ticket(ticket), Error::Unauthorized { .. }) => {
                login.expired(ticket);
                true
            }
            _ => false,
        }
    }

    /// Notes if even a new ticket was not taken.
    fn judged<T>(&self, proof: &Proof, result: Result<T, Error>) -> Result<T, Error> {
        if let (Auth::Login(login), Proof::Ticket(ticket), Err(error @ Error::Unauthorized { .. })) =
            (&self.auth, proof, &result)
        {
            login.useless(ticket, error);
        }
        result
    }
}

/// A change is done when nothing is answered, and else goes on as a task.
pub(super) fn progress(task: Option<Upid>) -> Progress {
    task.map_or(Progress::Done, Progress::Running)
}
