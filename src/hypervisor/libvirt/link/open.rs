//! Opening a connection. libvirt's open has no time-out and can't be called off: it runs in a thread of its own, and one that
//! hangs is left to itself. Of each host at most one is left so: who comes next waits for the same thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, oneshot, watch};
use tokio::time::Instant;
use virt::connect::Connect;
use virt::error::{Error as Complaint, ErrorNumber};

use super::credentials::Files;
use super::events::{self, CloseReason, Events, WAITING};
use super::failure;
use super::native::Subscription;
use super::target::{KeepAlive, Target};
use crate::hypervisor::Error;

/// A thread that hangs longer is written off: the other side may have vanished in mid-conversation, which no thread ever
/// hears of. Each further one is given twice as long, so that few are ever left.
const WRITTEN_OFF_AFTER: Duration = Duration::from_mins(20);

/// A connection with what belongs to it. Ending it may take a call to the host.
pub(super) struct Session {
    // In the order in which they are to end.
    _subscription: Subscription,
    pub(super) conn: Connect,
    _files: Option<Files>,
    _ended: watch::Sender<()>,
}

/// A session that nobody waits for any more is ended by a thread of its own, never by the one that drops it.
struct Unclaimed(Option<Session>);

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let Some(session) = self.0.take() else { return };
        let ending = std::thread::Builder::new().name("libvirt-close".to_owned());
        if let Err(error) = ending.spawn(move || drop(session)) {
            tracing::warn!(%error, "can't start a thread to close a connection to libvirt");
        }
    }
}

/// A connection that was opened.
pub(super) struct Opened {
    session: Unclaimed,
    pub(super) driver: String,
    pub(super) events: Events,
    pub(super) closed: watch::Receiver<Option<CloseReason>>,
    pub(super) ended: watch::Receiver<()>,
}

impl Opened {
    /// The session, for who will end it on a thread that may wait.
    pub(super) fn claim(mut self) -> Option<(Session, Self)> {
        self.session.0.take().map(|session| (session, self))
    }
}

/// Starts to open a connection: the answer comes when the thread is through.
pub(super) fn begin(target: &Target) -> std::io::Result<oneshot::Receiver<Result<Opened, Error>>> {
    let (answer, answered) = oneshot::channel();
    let target = target.clone();
    std::thread::Builder::new()
        .name("libvirt-open".to_owned())
        // If nobody waits any more, the answer ends here.
        .spawn(move || drop(answer.send(open(&target))))?;
    Ok(answered)
}

fn open(target: &Target) -> Result<Opened, Error> {
    let address = target.uri().address();
    let unfit = |reason: String| Error::Connect {
        address: address.clone(),
        reason,
    };
    let files = target
        .credentials()
        .write()
        .map_err(|error| unfit(format!("its keys and certificates can't be written: {error}")))?;
    let uri = target.uri().connect_string(files.as_ref().map(Files::path));
    let complained = |complaint: Complaint| failure::of_open(&address, &complaint);
    let conn = Connect::open(Some(&uri)).map_err(complained)?;
    if target.uri().has_peer() {
        let KeepAlive { interval, count } = target.keep_alive();
        match conn.set_keep_alive(interval.into(), count.into()) {
            // A host from before libvirt 0.9.8.
            Err(complaint)
                if complaint
                    .code()
                    .is_known_and(|code| code == ErrorNumber::NoSupport) => {}
            other => other.map_err(complained)?,
        }
    }
    let (feed, events, closed) = events::feed(WAITING);
    let subscription =
        Subscription::new(&conn, &Arc::new(feed), target.uri().has_peer()).map_err(complained)?;
    let driver = conn.driver_type().map_err(complained)?;
    let (ending, ended) = watch::channel(());
    Ok(Opened {
        session: Unclaimed(Some(Session {
            _subscription: subscription,
            conn,
            _files: files,
            _ended: ending,
        })),
        driver,
        events,
        closed,
        ended,
    })
}

/// Where a host's one thread that opens is waited for.
pub(super) struct Slot<T>(Mutex<Attempt<T>>);

struct Attempt<T> {
    under_way: Option<(Instant, oneshot::Receiver<Result<T, Error>>)>,
    patience: Duration,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(Attempt {
            under_way: None,
            patience: WRITTEN_OFF_AFTER,
        }))
    }
}

impl<T> Slot<T> {
    /// The answer of the thread that is under way, or of a new one. May be given up: then the thread stays, and who comes
    /// next waits for it.
    pub(super) async fn wait(
        &self,
        begin: impl FnOnce() -> std::io::Result<oneshot::Receiver<Result<T, Error>>>,
        broken: impl Fn(String) -> Error,
    ) -> Result<T, Error> {
        let mut attempt = self.0.lock().await;
        let patience = attempt.patience;
        let left = attempt
            .under_way
            .as_mut()
            .map(|(since, answer)| (since.elapsed(), answer.try_recv()));
        match left {
            None => {}
            Some((age, Err(oneshot::error::TryRecvError::Empty))) if age < patience => {}
            Some((_, Err(oneshot::error::TryRecvError::Empty))) => {
                attempt.under_way = None;
                attempt.patience = patience * 2;
            }
            // Its answer came while nobody waited: it is of then, not of now.
            Some(_) => attempt.under_way = None,
        }
        if attempt.under_way.is_none() {
            let answer = begin().map_err(|error| broken(format!("no thread: {error}")))?;
            attempt.under_way = Some((Instant::now(), answer));
        }
        let Some((_, answer)) = attempt.under_way.as_mut() else {
            return Err(broken("nothing is under way".to_owned()));
        };
        let answer = answer.await;
        attempt.under_way = None;
        attempt.patience = WRITTEN_OFF_AFTER;
        answer.map_err(|_| broken("the thread that opens connections broke off".to_owned()))?
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Threads that hang until they are answered.
    #[derive(Default)]
    struct Threads {
        begun: Cell<usize>,
        answers: RefCell<Vec<oneshot::Sender<Result<usize, Error>>>>,
    }

    impl Threads {
        fn begin(&self) -> oneshot::Receiver<Result<usize, Error>> {
            let (answer, answered) = oneshot::channel();
            self.begun.set(self.begun.get() + 1);
            self.answers.borrow_mut().push(answer);
            answered
        }

        /// One try that is given up after a second, with the number of its thread if it got an answer.
        async fn attempt(&self, slot: &Slot<usize>) -> Option<usize> {
            let waiting = slot.wait(|| Ok(self.begin()), broken);
            tokio::time::timeout(Duration::from_secs(1), waiting)
                .await
                .ok()?
                .ok()
        }
    }

    fn broken(reason: String) -> Error {
        Error::HeldBack { reason }
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_host_that_hangs_one_thread_is_left_and_the_next_try_gets_its_answer() {
        let (slot, threads) = (Slot::default(), Threads::default());
        for _ in 0..5 {
            assert_eq!(threads.attempt(&slot).await, None);
        }
        assert_eq!(threads.begun.get(), 1);
        let answer = threads.answers.borrow_mut().pop().unwrap();
        let (got, ()) = tokio::join!(threads.attempt(&slot), async {
            tokio::task::yield_now().await;
            answer.send(Ok(7)).unwrap();
        });
        assert_eq!((got, threads.begun.get()), (Some(7), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_waited_for_is_not_taken_for_a_new_one() {
        let (slot, threads) = (Slot::default(), Threads::default());
        assert_eq!(threads.attempt(&slot).await, None);
        threads.answers.borrow_mut().pop().unwrap().send(Ok(7)).unwrap();
        assert_eq!(threads.attempt(&slot).await, None);
        assert_eq!(threads.begun.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_hangs_for_long_is_written_off_and_the_next_one_is_given_twice_as_long() {
        let (slot, threads) = (Slot::default(), Threads::default());
        let mut begun = Vec::new();
        for _ in 0..5 {
            assert_eq!(threads.attempt(&slot).await, None);
            begun.push(threads.begun.get());
            tokio::time::advance(WRITTEN_OFF_AFTER).await;
        }
        assert_eq!(begun, [1, 2, 2, 3, 3]);
    }
}
