//! Who is to look again: a queue of hosts and guests in which each stands once at most, so that it is
//! bounded by what there is to watch, nothing is lost when the reader is slow, and a storm costs one look.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use futures::Stream;
use tokio::sync::Notify;

use super::locked;
use crate::model::{ClusterId, GuestId};

/// Something about a host or a guest is different from before; what, the reader finds out by looking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FleetEvent {
    /// A declared host: its state, or capacity, storages, members, quorum of its cluster.
    Host(String),
    /// A guest: its row, configuration, addresses, the end of a tracked task, or a budget that now has
    /// room for it.
    Guest {
        /// The cluster.
        cluster: ClusterId,
        /// Its number there.
        id: GuestId,
    },
}

#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<FleetEvent>,
    waiting: BTreeSet<FleetEvent>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
}

/// The sending side.
#[derive(Clone, Debug, Default)]
pub(super) struct Events(Arc<Shared>);

impl Events {
    /// The two ends of a new queue.
    pub(super) fn new() -> (Self, FleetEvents) {
        let events = Self::default();
        let receiver = FleetEvents(Arc::clone(&events.0));
        (events, receiver)
    }

    /// Puts an event at the end, unless it waits already.
    pub(super) fn send(&self, event: FleetEvent) {
        {
            let mut queue = locked(&self.0.queue);
            if queue.closed || !queue.waiting.insert(event.clone()) {
                return;
            }
            queue.order.push_back(event);
        }
        self.0.filled.notify_one();
    }

    /// Lets the receiver end once it has taken what waits.
    pub(super) fn close(&self) {
        locked(&self.0.queue).closed = true;
        self.0.filled.notify_one();
    }
}

/// The receiving side.
#[derive(Debug)]
pub struct FleetEvents(Arc<Shared>);

impl FleetEvents {
    /// The next event, in the order in which they came; `None` after the fleet's shutdown. Cancel safe.
    pub async fn recv(&mut self) -> Option<FleetEvent> {
        loop {
            {
                let mut queue = locked(&self.0.queue);
                if let Some(event) = queue.order.pop_front() {
                    queue.waiting.remove(&event);
                    return Some(event);
                }
                if queue.closed {
                    return None;
                }
            }
            self.0.filled.notified().await;
        }
    }

    /// What waits now, without waiting for more.
    pub fn take_waiting(&mut self) -> Vec<FleetEvent> {
        let mut queue = locked(&self.0.queue);
        queue.waiting.clear();
        queue.order.drain(..).collect()
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = FleetEvent> + Send {
        futures::stream::unfold(self, |mut events| async move {
            let event = events.recv().await?;
            Some((event, events))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> FleetEvent {
        FleetEvent::Host(name.to_owned())
    }

    #[tokio::test]
    async fn a_storm_about_one_host_is_one_event() {
        let (events, mut receiver) = Events::new();
        for _ in 0..1000 {
            events.send(host("a"));
            events.send(host("b"));
        }
        assert_eq!(receiver.take_waiting(), [host("a"), host("b")]);
    }

    #[tokio::test]
    async fn an_event_that_was_taken_can_come_again() {
        let (events, mut receiver) = Events::new();
        events.send(host("a"));
        assert_eq!(receiver.recv().await, Some(host("a")));
        events.send(host("a"));
        assert_eq!(receiver.recv().await, Some(host("a")));
    }

    #[tokio::test]
    async fn closed_queue_gives_what_waits_and_ends() {
        let (events, mut receiver) = Events::new();
        events.send(host("a"));
        events.close();
        assert_eq!(receiver.recv().await, Some(host("a")));
        assert_eq!(receiver.recv().await, None);
    }
}
