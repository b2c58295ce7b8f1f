//! The log of every request: what tests and benchmarks count.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;

use crate::matcher::Matcher;
use crate::shared::locked;

/// How many requests are kept; older ones are dropped first.
const CAPACITY: usize = 200_000;

/// One request, from its arrival on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestEntry {
    /// Counts from 1, over the simulator's life.
    pub seq: u64,
    /// When it had arrived wholly, in milliseconds since the epoch.
    pub time_ms: i64,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path below `/api2/json`, percent-decoded, without query.
    pub path: String,
    /// Parameters of query and body in the order they came, secrets masked.
    pub params: Vec<(String, String)>,
    /// Who asked, as `root@pam!drover`; absent until, or unless, authenticated.
    pub user: Option<String>,
    /// The status that was (or, of a lost answer, would have been) sent; absent while it is being worked on.
    pub status: Option<u16>,
    /// Whether the answer was sent: false after a reset connection.
    pub answered: bool,
    /// Whether the method may change something: anything but `GET`.
    pub mutating: bool,
    /// From arrival to the end of the work.
    pub duration_ms: u64,
}

impl RequestEntry {
    /// The value of a parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Requests picked from the log, in the order of their arrival: a copy, which further requests don't change.
#[derive(Clone, Debug, Default)]
pub struct Requests(pub Vec<RequestEntry>);

impl Requests {
    /// Those with a method (or `*`) and a path that matches, as in [`Matcher`].
    #[must_use]
    pub fn matching(&self, method: &str, path: &str) -> Self {
        let matcher = Matcher::new(method, path);
        self.filter(|r| matcher.matches(&r.method, &r.path))
    }

    /// Those after a position that [`Simulator::position`](crate::Simulator::position) gave.
    #[must_use]
    pub fn since(&self, position: u64) -> Self {
        self.filter(|r| r.seq > position)
    }

    /// Those that may have changed something.
    #[must_use]
    pub fn mutating(&self) -> Self {
        self.filter(|r| r.mutating)
    }

    /// Those that a predicate picks.
    #[must_use]
    pub fn filter(&self, pick: impl Fn(&RequestEntry) -> bool) -> Self {
        Self(self.0.iter().filter(|r| pick(r)).cloned().collect())
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, RequestEntry> {
        self.0.iter()
    }
}

impl IntoIterator for Requests {
    type Item = RequestEntry;
    type IntoIter = std::vec::IntoIter<RequestEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Requests {
    type Item = &'a RequestEntry;
    type IntoIter = std::slice::Iter<'a, RequestEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The log itself.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    entries: VecDeque<RequestEntry>,
}

impl RequestLog {
    /// Enters a request that has arrived, and returns its number.
    pub(crate) fn arrived(&self, method: &str, path: &str, params: Vec<(String, String)>) -> u64 {
        let mut inner = locked(&self.inner);
        inner.last += 1;
        let seq = inner.last;
        if inner.entries.len() == CAPACITY {
            inner.entries.pop_front();
        }
        inner.entries.push_back(RequestEntry {
            seq,
            time_ms: crate::clock::now_ms(),
            method: method.to_owned(),
            path: path.to_owned(),
            params,
            user: None,
            status: None,
            answered: false,
            mutating: method != "GET",
            duration_ms: 0,
        });
        seq
    }

    /// Changes the entry with the number, if it is still kept.
    pub(crate) fn update(&self, seq: u64, change: impl FnOnce(&mut RequestEntry)) {
        let mut inner = locked(&self.inner);
        let found = inner.entries.binary_search_by_key(&seq, |e| e.seq);
        if let Ok(at) = found
            && let Some(entry) = inner.entries.get_mut(at)
        {
            change(entry);
        }
    }

    pub(crate) fn position(&self) -> u64 {
        locked(&self.inner).last
    }

    pub(crate) fn clear(&self) {
        locked(&self.inner).entries.clear();
    }

    pub(crate) fn pick(&self, pick: impl Fn(&RequestEntry) -> bool) -> Requests {
        let inner = locked(&self.inner);
        Requests(inner.entries.iter().filter(|e| pick(e)).cloned().collect())
    }
}
