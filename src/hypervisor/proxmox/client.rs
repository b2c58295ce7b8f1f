//! Calls in Drover's name: each with a proof of who makes it, and once more with a new one if the host took the
//! old one no longer.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::answers;
use super::auth::{Auth, Proof};
use super::call::Call;
use super::connection::Connection;
use super::observe::Observer;
use super::property;
use super::wire::{Reading, Wire};
use crate::hypervisor::Error;
use crate::model::Progress;
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

    /// Sends a read.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.read_as(call, answers::data).await
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

    /// Sends a change, once.
    pub(super) async fn change(&self, call: &Call) -> Result<Progress, Error> {
        let answer = self.change_as(call, None, answers::data).await?;
        progress(call, answer)
    }

    /// Sends a change that carries no digest, unless the proof that it rests upon is too old by then.
    pub(super) async fn change_fresh(&self, call: &Call, own: &Ownership) -> Result<Progress, Error> {
        let answer = self.change_as(call, Some(own), answers::data).await?;
        progress(call, answer)
    }

    /// Sends a change, once, and takes its answer as `reading` says. One that is answered 401 was not carried out
    /// (`AnyEvent.pm` authenticates before anything else), and is sent again with a new ticket.
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
fn progress(call: &Call, answer: Option<String>) -> Result<Progress, Error> {
    match answer.map(|upid| upid.parse()) {
        None => Ok(Progress::Done),
        Some(Ok(upid)) => Ok(Progress::Running(upid)),
        Some(Err(error)) => Err(call.unreadable(format!("{error}"))),
    }
}

/// Turns a value that can't stand in a property string into an error of the call that it was meant for.
pub(super) fn unspeakable(call: &Call) -> impl Fn(property::BadProperty) -> Error + '_ {
    |error| call.unbuildable(error.to_string())
}
