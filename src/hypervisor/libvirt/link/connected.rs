//! A connection as the driver uses it.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use virt::connect::Connect;

use super::event_loop;
use super::events::{CloseReason, Events};
use super::failure::{self, Trouble};
use super::open;
use super::target::Target;
use super::work::{self, CallOff, Job, Ticket, WORKERS};
use crate::hypervisor::Error;

/// How long a call may take that is not known to take longer.
pub const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// An open connection. Dropped, its workers end when they are through with what they do, and the last one closes it.
pub struct Link {
    address: String,
    driver: String,
    jobs: mpsc::Sender<Job>,
    closed: watch::Receiver<Option<CloseReason>>,
    ended: watch::Receiver<()>,
}

impl Link {
    /// Opens a connection, within so much time. What happens on the host from then on is in the events.
    pub async fn open(target: &Target, deadline: Duration) -> Result<(Self, Events), Error> {
        let address = target.uri().address();
        if let Some(reason) = target.credentials().unfit(target.uri().needs()) {
            return Err(Error::Unbuildable {
                operation: format!("open {}", target.uri()),
                reason: reason.to_owned(),
            });
        }
        let broken = |reason: String| Error::Connect {
            address: address.clone(),
            reason,
        };
        event_loop::start().map_err(|error| broken(error.to_string()))?;
        let opening = target.opening().wait(|| open::begin(target), broken);
        let opened = tokio::time::timeout(deadline, opening)
            .await
            .map_err(|_| broken(format!("no answer within {} ms", deadline.as_millis())))??;
        let Some((session, opened)) = opened.claim() else {
            return Err(broken("the connection was given away".to_owned()));
        };
        let jobs = work::start(session).map_err(|error| broken(format!("no thread: {error}")))?;
        let link = Self {
            address: address.clone(),
            driver: opened.driver,
            jobs,
            closed: opened.closed,
            ended: opened.ended,
        };
        Ok((link, opened.events))
    }

    /// The driver on the other side, as it calls itself (`QEMU`, `LXC`, `TEST`).
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// Why the connection was lost, if it was. It does not heal.
    #[must_use]
    pub fn lost(&self) -> Option<CloseReason> {
        *self.closed.borrow()
    }

    /// Waits until the connection is lost.
    pub async fn until_lost(&self) -> CloseReason {
        let mut closed = self.closed.clone();
        let reason = closed
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|reason| *reason);
        reason.unwrap_or(CloseReason::Client)
    }

    /// Runs a call on one of the connection's threads, within [`CALL_DEADLINE`].
    pub async fn run<T, F>(&self, operation: &str, call: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connect) -> Result<T, Trouble> + Send + 'static,
    {
        self.run_within(CALL_DEADLINE, operation, call).await
    }

    /// Runs a call on one of the connection's threads. A call that was begun and did not end in time, or whose connection was
    /// lost meanwhile, has lost its answer; the thread stays with it until libvirt gives it back. One that
    /// was not begun in time is called off.
    pub async fn run_within<T, F>(&self, deadline: Duration, operation: &str, call: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connect) -> Result<T, Trouble> + Send + 'static,
    {
        if let Some(reason) = self.lost() {
            return Err(self.not_connected(reason));
        }
        let ticket = Ticket::default();
        let _called_off_at_the_end = CallOff(ticket.clone());
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new({
            let (ticket, closed) = (ticket.clone(), self.closed.clone());
            move |conn| {
                if closed.borrow().is_none() && ticket.begin() {
                    // If nobody waits any more, nobody is told.
                    drop(answer.send(call(conn)));
                }
            }
        });
        let exchange = async {
            self.jobs.send(job).await.ok()?;
            answered.await.ok()
        };
        let why = tokio::select! {
            biased;
            exchanged = tokio::time::timeout(deadline, exchange) => match exchanged {
                Ok(Some(result)) => return result.map_err(|trouble| failure::of_call(operation, trouble)),
                Ok(None) => None,
                Err(_) => Some(format!("no answer within {} ms", deadline.as_millis())),
            },
            reason = self.until_lost() => Some(format!("the connection was lost: {}", reason.words())),
        };
        Err(self.unanswered(operation, &ticket, why))
    }

    fn unanswered(&self, operation: &str, ticket: &Ticket, why: Option<String>) -> Error {
        if !ticket.call_off() {
            return Error::AnswerLost {
                operation: operation.to_owned(),
                reason: why.unwrap_or_else(|| "the call broke off".to_owned()),
            };
        }
        if let Some(reason) = self.lost() {
            return self.not_connected(reason);
        }
        Error::HeldBack {
            reason: format!(
                "the {WORKERS} calls that {} is given at once had not ended",
                self.address
            ),
        }
    }

    fn not_connected(&self, reason: CloseReason) -> Error {
        Error::Connect {
            address: self.address.clone(),
            reason: format!("the connection was lost: {}", reason.words()),
        }
    }

    /// Closes the connection, and waits until that is done: whether it was within so much time. If not, it goes on by itself.
    pub async fn close(self, deadline: Duration) -> bool {
        let Self { jobs, mut ended, .. } = self;
        drop(jobs);
        // It never changes: it ends.
        tokio::time::timeout(deadline, ended.changed()).await.is_ok()
    }
}
