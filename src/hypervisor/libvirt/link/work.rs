//! The threads on which a connection's calls run: each call blocks one, and libvirt lets several run at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use virt::connect::Connect;

use super::open::Session;

/// How many calls run at once. A daemon serves five of a connection (`max_client_requests`).
pub(super) const WORKERS: usize = 3;
/// How many calls wait for a worker; who comes on top waits to wait.
const QUEUE: usize = 32;

/// A call that waits for a worker.
pub(super) type Job = Box<dyn FnOnce(&Connect) + Send>;

/// Starts the workers of a session. They end when the queue's other end is dropped, and the last one ends the session.
pub(super) fn start(session: Session) -> std::io::Result<mpsc::Sender<Job>> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let (session, queue) = (Arc::new(session), Arc::new(Mutex::new(queue)));
    let mut started = Ok(());
    for _ in 0..WORKERS {
        let (session, queue) = (session.clone(), queue.clone());
        started = std::thread::Builder::new()
            .name("libvirt-call".to_owned())
            .spawn(move || work(&session, &queue))
            .map(drop);
        if started.is_err() {
            break;
        }
    }
    // The last count of the session is a worker's, unless there is none.
    drop(session);
    started.map(|()| jobs)
}

fn work(session: &Session, queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // The lock is held while one waits: the others wait for the lock instead.
        let job = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        let Some(job) = job else { return };
        // The crate `virt` panics on a NUL in some texts, and where a count can't be given back. Who waits for the call
        // is told that its answer was lost.
        if catch_unwind(AssertUnwindSafe(|| job(&session.conn))).is_err() {
            tracing::error!("a call to libvirt broke off");
        }
    }
}

/// Whether a call was begun. Either its worker begins it, or who waits for it calls it off: never both.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticket(Arc<AtomicU8>);

const WAITS: u8 = 0;
const BEGUN: u8 = 1;
const CALLED_OFF: u8 = 2;

impl Ticket {
    /// The worker's: whether it may begin.
    pub(super) fn begin(&self) -> bool {
        self.change(BEGUN)
    }

    /// The waiting one's: whether the call will never be begun.
    pub(super) fn call_off(&self) -> bool {
        self.change(CALLED_OFF)
    }

    fn change(&self, to: u8) -> bool {
        self.0
            .compare_exchange(WAITS, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// Calls a call off when who waits for it stops waiting.
pub(super) struct CallOff(pub(super) Ticket);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.call_off();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_begun_or_called_off_and_never_both() {
        let ticket = Ticket::default();
        assert!(ticket.begin());
        assert!(!ticket.call_off());
        let ticket = Ticket::default();
        drop(CallOff(ticket.clone()));
        assert!(!ticket.begin());
    }
}
