//! Sends calls to the members of a cluster, each told to the observer, and keeps apart what may be sent again and
//! what may not.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::auth::Proof;
use super::call::{Call, Method, Patience};
use super::connection::Connection;
use super::failure::Failure;
use super::member::{Content, Member, Sending, Way};
use super::members::{Members, never_connected};
use super::observe::{CallRecord, Observer};
use super::pulse::Pulse;
use crate::hypervisor::Error;
use crate::plan::identity::Ownership;

/// What changes get at least: the server itself waits 10 s for locks, and 30 s for another node.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// What something inside a guest gets at most.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a read is sent to one member, and the pause in between.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// Reads the body of a success. The error is a sentence.
pub(super) type Reading<T> = fn(&[u8]) -> Result<T, String>;

pub(super) struct Wire {
    members: Members,
    timeout: Duration,
    observer: OnceLock<Observer>,
}

impl Wire {
    pub(super) fn new(connection: &Connection) -> Result<Self, Error> {
        let members: Result<Vec<Member>, Error> = connection
            .others
            .iter()
            .map(|endpoint| Member::new(endpoint, connection.timeout, &connection.fence))
            .collect();
        let first = Member::new(&connection.first(), connection.timeout, &connection.fence)?;
        Ok(Self {
            members: Members::new(first, members?),
            timeout: connection.timeout,
            observer: OnceLock::new(),
        })
    }

    /// Only the first observer counts.
    pub(super) fn observe(&self, observer: Observer) {
        let _ = self.observer.set(observer);
    }

    /// Of the first member.
    pub(super) fn address(&self) -> &str {
        self.members.first().address()
    }

    /// What a change may take.
    fn change_timeout(&self) -> Duration {
        self.timeout.max(CHANGE_TIMEOUT)
    }

    /// How long a call is waited for.
    fn timeout(&self, call: &Call) -> Duration {
        match (call.patience, call.method) {
            (Patience::Short, _) => self.timeout.min(SHORT_TIMEOUT),
            (Patience::Usual, Method::Get) => self.timeout,
            (Patience::Usual, Method::Post | Method::Put | Method::Delete) => self.change_timeout(),
        }
    }

    /// Remembers what an exchange tells of a member: that it answers, or that it is silent. A certificate that is
    /// not trusted, or a request that was never sent, tells neither.
    fn heard(&self, place: usize, failure: Option<&Failure>) {
        match failure {
            Some(failure) if failure.elsewhere => self.members.silent(place),
            Some(failure) if failure.status.is_none() => {}
            _ => self.members.answered(place),
        }
    }

    /// Sends a read, again if the connection broke before the answer or could not be made in time, and then to
    /// another member. Statuses are answers and never make for another try: 596 to 599 come after half a minute
    /// as it is, and what one member can't reach, another can't either.
    pub(super) async fn read<T>(&self, call: &Call, proof: &Proof, reading: Reading<T>) -> Result<T, Error> {
        let sending = Sending {
            call,
            proof,
            timeout: self.timeout(call),
            pulse: None,
            way: Way::Read,
        };
        let mut last = None;
        for (place, member) in self.members.in_order() {
            let result = self.read_from(member, &sending, reading).await;
            self.heard(place, result.as_ref().err());
            match result {
                // One that took the request and kept silent took the caller's time, too.
                Err(failure) if failure.elsewhere && (failure.again || never_connected(&failure.error)) => {
                    last = Some(failure.error);
                }
                result => return result.map_err(|failure| failure.error),
            }
        }
        Err(last.unwrap_or_else(|| call.unbuildable("the cluster has no members")))
    }

    async fn read_from<T>(
        &self,
        member: &Member,
        sending: &Sending<'_>,
        reading: Reading<T>,
    ) -> Result<T, Failure> {
        let mut tries = 1;
        loop {
            match self.exchange(member, sending, None, reading).await {
                // Making a connection takes long to fail, and another member may be there at once.
                Err(failure) if never_connected(&failure.error) && !self.members.alone() => {
                    return Err(failure);
                }
                Err(failure) if failure.again && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }

    /// Sends a change, once; to another member only if no connection could be made. With `own`, it is a call
    /// without digest, and sent only while the proof holds.
    pub(super) async fn change<T>(
        &self,
        call: &Call,
        proof: &Proof,
        own: Option<&Ownership>,
        reading: Reading<T>,
    ) -> Result<T, Error> {
        let sending = Sending {
            call,
            proof,
            timeout: self.timeout(call),
            pulse: None,
            way: own.map_or(Way::Change, Way::Fresh),
        };
        let mut last = None;
        for (place, member) in self.members.in_order() {
            let result = self.exchange(member, &sending, None, reading).await;
            self.heard(place, result.as_ref().err());
            match result {
                Err(failure) if never_connected(&failure.error) => last = Some(failure.error),
                result => return result.map_err(|failure| failure.error),
            }
        }
        Err(last.unwrap_or_else(|| call.unbuildable("the cluster has no members")))
    }

    /// Sends a change whose body can be sent only once, to the member that is asked now. It is waited for as long as
    /// its pulse beats.
    pub(super) async fn change_with<T>(
        &self,
        call: &Call,
        proof: &Proof,
        content: Content,
        pulse: &Pulse,
        reading: Reading<T>,
    ) -> Result<T, Error> {
        let sending = self.transfer(call, proof, pulse);
        let (place, member) = self.members.current();
        let result = self.exchange(member, &sending, Some(content), reading).await;
        self.heard(place, result.as_ref().err());
        result.map_err(|failure| failure.error)
    }

    /// Sends the call for a file, which `fetch` takes; to another member only if no connection could be made.
    pub(super) async fn fetch<T>(
        &self,
        call: &Call,
        proof: &Proof,
        mut fetch: impl AsyncFnMut(&Member, &Sending<'_>) -> Result<(T, u16), Failure>,
    ) -> Result<T, Error> {
        let pulse = Pulse::new();
        let mut last = None;
        for (place, member) in self.members.in_order() {
            let started = Instant::now();
            pulse.beat();
            let result = fetch(member, &self.transfer(call, proof, &pulse)).await;
            self.heard(place, result.as_ref().err());
            let (status, outcome) = outcome(&result);
            self.tell(member, call, started, status, outcome);
            match result {
                Err(failure) if never_connected(&failure.error) => last = Some(failure.error),
                result => return result.map(|(data, _)| data).map_err(|failure| failure.error),
            }
        }
        Err(last.unwrap_or_else(|| call.unbuildable("the cluster has no members")))
    }

    /// How a file is sent or fetched.
    fn transfer<'a>(&self, call: &'a Call, proof: &'a Proof, pulse: &'a Pulse) -> Sending<'a> {
        Sending {
            call,
            proof,
            timeout: self.change_timeout(),
            pulse: Some(pulse),
            way: Way::Change,
        }
    }

    /// One request and its answer, told to the observer.
    async fn exchange<T>(
        &self,
        member: &Member,
        sending: &Sending<'_>,
        content: Option<Content>,
        reading: Reading<T>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let result = member.exchange(sending, content).await;
        let result = result.and_then(|(body, status)| match reading(&body) {
            Ok(data) => Ok((data, status)),
            Err(reason) => {
                let error = sending.call.unreadable(reason);
                Err(Failure::of(error).with_status(status))
            }
        });
        let (status, outcome) = outcome(&result);
        self.tell(member, sending.call, started, status, outcome);
        result.map(|(data, _)| data)
    }

    /// Tells the log and the observer of an exchange.
    fn tell(
        &self,
        member: &Member,
        call: &Call,
        started: Instant,
        status: Option<u16>,
        outcome: &'static str,
    ) {
        let record = CallRecord {
            method: call.method.as_str(),
            operation: call.family.clone(),
            status,
            outcome,
            duration: started.elapsed(),
        };
        tracing::debug!(
            host.address = %member.address(),
            call = %call.operation(),
            status,
            outcome,
            duration_ms = record.duration.as_millis(),
            "call to the host"
        );
        if let Some(observer) = self.observer.get() {
            observer(&record);
        }
    }
}

/// The status of an exchange, and its word for the log and for metrics.
const fn outcome<T>(result: &Result<(T, u16), Failure>) -> (Option<u16>, &'static str) {
    match result {
        Ok((_, status)) => (Some(*status), "ok"),
        Err(failure) => (failure.status, failure.error.label()),
    }
}
