//! What happened, a line each, for a person to read: calls that may change something, tasks, faults, marks, happenings.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use serde::Serialize;
use tokio::sync::watch;

use crate::clock;
use crate::shared::locked;

/// How many lines are kept; older ones are dropped first.
const CAPACITY: usize = 50_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Counts from 1, over the simulator's life.
    pub seq: u64,
    /// When, in milliseconds since the epoch.
    pub time_ms: i64,
    /// What.
    pub text: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", clock::time_of_day(self.time_ms), self.text)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Events {
    lines: Mutex<VecDeque<Event>>,
    /// The number of the last line.
    last: watch::Sender<u64>,
}

impl Events {
    pub(crate) fn tell(&self, text: impl Into<String>) {
        let mut lines = locked(&self.lines);
        let seq = *self.last.borrow() + 1;
        if lines.len() == CAPACITY {
            lines.pop_front();
        }
        lines.push_back(Event {
            seq,
            time_ms: clock::now_ms(),
            text: text.into(),
        });
        drop(lines);
        self.last.send_replace(seq);
    }

    /// The lines after a number.
    pub(crate) fn since(&self, seq: u64) -> Vec<Event> {
        let lines = locked(&self.lines);
        let from = lines.partition_point(|event| event.seq <= seq);
        lines.iter().skip(from).cloned().collect()
    }

    /// Waits until there is a line after a number, and takes what there is.
    pub(crate) async fn next(&self, seq: u64) -> Vec<Event> {
        // The sender lives as long as this.
        let _ = self.last.subscribe().wait_for(|last| *last > seq).await;
        self.since(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_counted_and_waited_for() {
        let events = Events::default();
        events.tell("one");
        events.tell("two");
        let texts = |events: Vec<Event>| events.into_iter().map(|e| e.text).collect::<Vec<_>>();
        assert_eq!(texts(events.since(0)), ["one", "two"]);
        assert_eq!(texts(events.since(1)), ["two"]);
        assert_eq!(texts(events.next(1).await), ["two"]);
    }
}
