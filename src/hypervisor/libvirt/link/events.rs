//! What a host tells of itself: events of domains, and the end of the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// How many events wait for a reader; those that come on top are counted and dropped.
pub(super) const WAITING: usize = 1024;

/// Something happened to a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainEvent {
    /// Its UUID.
    pub domain: Uuid,
    /// What it was.
    pub what: What,
}

/// What happened to a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was defined, started, stopped and so on.
    Lifecycle {
        /// To what.
        change: Lifecycle,
        /// Why, as libvirt numbers it for each change (`virDomainEventStoppedDetailType` and its like).
        detail: i32,
    },
    /// It rebooted, or was reset.
    Rebooted,
    /// A device is gone from it.
    DeviceRemoved {
        /// The device's alias.
        alias: String,
    },
    /// Its system did not let a device go.
    DeviceRemovalFailed {
        /// The device's alias.
        alias: String,
    },
    /// A job on it ended: a backup, a save, a migration.
    JobCompleted,
    /// Its agent came or went.
    Agent {
        /// Whether it is there.
        connected: bool,
    },
}

/// To what a domain changed (`virDomainEventType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Its definition was written, also anew.
    Defined,
    /// Its definition was removed.
    Undefined,
    /// It runs.
    Started,
    /// It was paused.
    Suspended,
    /// It goes on.
    Resumed,
    /// It does not run.
    Stopped,
    /// Its system has shut down; it stops.
    Shutdown,
    /// Its system sleeps.
    PmSuspended,
    /// It crashed.
    Crashed,
    /// One that came after libvirt 9.
    Other(i32),
}

/// Why a connection ended (`virConnectCloseReason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// An error in what came over it.
    Error,
    /// The other side closed it, or ended.
    EndOfFile,
    /// The other side did not answer for too long.
    KeepAlive,
    /// This side closed it.
    Client,
}

impl CloseReason {
    /// In words, after "the connection was lost: ".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Error => "what came over it was not libvirt's protocol",
            Self::EndOfFile => "the host closed it",
            Self::KeepAlive => "the host stopped answering",
            Self::Client => "it was closed",
        }
    }
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something happened.
    Event(DomainEvent),
    /// So many events were dropped, because nobody read: look at all domains.
    Lagged(u64),
}

/// Where libvirt's callbacks put what they are told. It never blocks.
pub(super) struct Feed {
    events: mpsc::Sender<DomainEvent>,
    dropped: Arc<AtomicU64>,
    closed: watch::Sender<Option<CloseReason>>,
}

impl Feed {
    pub(super) fn put(&self, event: DomainEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            self.dropped.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The first reason stays.
    pub(super) fn close(&self, reason: CloseReason) {
        self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert(reason);
            first
        });
    }
}

/// The events of one connection, in their order, from its first moment on.
pub struct Events {
    waiting: mpsc::Receiver<DomainEvent>,
    dropped: Arc<AtomicU64>,
    closed: watch::Receiver<Option<CloseReason>>,
}

impl Events {
    /// The next one, once it is there; nothing more when the connection has ended and all were read. May be given up
    /// without losing one.
    pub async fn next(&mut self) -> Option<Notice> {
        let dropped = self.dropped.swap(0, Ordering::AcqRel);
        if dropped > 0 {
            return Some(Notice::Lagged(dropped));
        }
        tokio::select! {
            biased;
            event = self.waiting.recv() => event.map(Notice::Event),
            _ = self.closed.wait_for(Option::is_some) => None,
        }
    }
}

/// A feed, who reads it, and what says that it ended.
pub(super) fn feed(waiting: usize) -> (Feed, Events, watch::Receiver<Option<CloseReason>>) {
    let (sender, events) = mpsc::channel(waiting);
    let (close, closed) = watch::channel(None);
    let dropped = Arc::new(AtomicU64::new(0));
    let feed = Feed {
        events: sender,
        dropped: dropped.clone(),
        closed: close,
    };
    let reader = Events {
        waiting: events,
        dropped,
        closed: closed.clone(),
    };
    (feed, reader, closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u128) -> DomainEvent {
        DomainEvent {
            domain: Uuid::from_u128(number),
            what: What::Rebooted,
        }
    }

    #[tokio::test]
    async fn a_reader_that_is_late_is_told_how_much_it_lost() {
        let (feed, mut events, _) = feed(2);
        for number in 1..=5 {
            feed.put(event(number));
        }
        assert_eq!(events.next().await, Some(Notice::Lagged(3)));
        assert_eq!(events.next().await, Some(Notice::Event(event(1))));
        feed.put(event(6));
        assert_eq!(events.next().await, Some(Notice::Event(event(2))));
        assert_eq!(events.next().await, Some(Notice::Event(event(6))));
    }

    #[tokio::test]
    async fn what_came_before_the_end_is_read_before_it() {
        let (feed, mut events, closed) = feed(2);
        feed.put(event(1));
        feed.close(CloseReason::EndOfFile);
        feed.close(CloseReason::Client);
        assert_eq!(events.next().await, Some(Notice::Event(event(1))));
        assert_eq!(events.next().await, None);
        assert_eq!(*closed.borrow(), Some(CloseReason::EndOfFile));
    }
}
