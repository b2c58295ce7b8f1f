//! Which member of a cluster is asked: the first one, until it can't be reached; then the one that answered,
//! and every now and then the first again. All of them see and manage the whole cluster.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::member::Member;
use crate::hypervisor::Error;

/// How long another member is kept to before the first one is tried again.
const LOYALTY: Duration = Duration::from_secs(30);

pub(super) struct Members {
    first: Member,
    others: Vec<Member>,
    choice: Mutex<Choice>,
}

/// The member that is asked first, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    place: usize,
    since: Instant,
}

impl Choice {
    /// The order in which `count` members are asked. One caller in a while is sent to the first of them, though
    /// another is preferred.
    fn order(&mut self, count: usize, now: Instant) -> Vec<usize> {
        let again = self.place != 0 && now.saturating_duration_since(self.since) >= LOYALTY;
        if again {
            self.since = now;
        }
        let start = if again { 0 } else { self.place };
        let mut order = vec![start];
        if again {
            order.push(self.place);
        }
        order.extend((0..count).filter(|place| *place != start && !(again && *place == self.place)));
        order
    }

    fn answered(&mut self, place: usize, now: Instant) {
        if self.place != place {
            *self = Self { place, since: now };
        }
    }
}

impl Members {
    pub(super) fn new(first: Member, others: Vec<Member>) -> Self {
        let choice = Choice {
            place: 0,
            since: Instant::now(),
        };
        Self {
            first,
            others,
            choice: Mutex::new(choice),
        }
    }

    /// The one that is asked as long as it answers.
    pub(super) const fn first(&self) -> &Member {
        &self.first
    }

    /// Whether there is no other one.
    pub(super) const fn alone(&self) -> bool {
        self.others.is_empty()
    }

    /// In the order in which to ask them, with their places; at least one.
    pub(super) fn in_order(&self) -> Vec<(usize, &Member)> {
        let order = self.choice().order(1 + self.others.len(), Instant::now());
        let all: Vec<&Member> = std::iter::once(&self.first).chain(&self.others).collect();
        order
            .into_iter()
            .filter_map(|place| all.get(place).map(|member| (place, *member)))
            .collect()
    }

    /// The one that is preferred, with its place.
    pub(super) fn current(&self) -> (usize, &Member) {
        let place = self.choice().place;
        let other = place.checked_sub(1).and_then(|other| self.others.get(other));
        other.map_or((0, &self.first), |member| (place, member))
    }

    /// Remembers that this one answered.
    pub(super) fn answered(&self, place: usize) {
        self.choice().answered(place, Instant::now());
    }

    /// Remembers that this one is silent: the next call begins with the one after it.
    pub(super) fn silent(&self, place: usize) {
        let next = (place + 1) % (1 + self.others.len());
        let mut choice = self.choice();
        if choice.place == place {
            choice.answered(next, Instant::now());
        }
    }

    fn choice(&self) -> MutexGuard<'_, Choice> {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing was sent for want of a connection, so that any call may go to another member.
pub(super) const fn never_connected(error: &Error) -> bool {
    matches!(error, Error::Connect { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_member_is_kept_to_and_the_first_tried_again_by_one_caller() {
        let start = Instant::now();
        let mut choice = Choice {
            place: 0,
            since: start,
        };
        assert_eq!(choice.order(3, start), [0, 1, 2]);
        choice.answered(2, start);
        assert_eq!(choice.order(3, start), [2, 0, 1]);
        let later = start + LOYALTY;
        assert_eq!(choice.order(3, later), [0, 2, 1]);
        assert_eq!(choice.order(3, later), [2, 0, 1]);
        choice.answered(0, later);
        assert_eq!(choice.order(3, later), [0, 1, 2]);
    }

    #[test]
    fn a_member_on_its_own_is_always_the_one() {
        let now = Instant::now();
        let mut choice = Choice { place: 0, since: now };
        assert_eq!(choice.order(1, now + 2 * LOYALTY), [0]);
    }
}
