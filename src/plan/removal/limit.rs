//! How many machines of a cluster may be destroyed within a time (`docs/identity.md`): many at once hardly are
//! meant. Beyond the limit all are held, until a person lets those go that wait then.

use jiff::{SignedDuration, Timestamp};

/// How many machines may go within which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub guests: usize,
    /// Within which time.
    pub window: SignedDuration,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            guests: 10,
            window: SignedDuration::from_mins(10),
        }
    }
}

/// A machine whose end began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// UID of its resource.
    pub uid: String,
    /// When.
    pub at: Timestamp,
}

/// A time at which too many were to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Since when all are held.
    pub since: Timestamp,
    /// When a person let those go that were deleted until then.
    pub released: Option<Timestamp>,
}

/// Whether a machine may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It was counted before, or a person let it go.
    Free,
    /// It may go once it is counted.
    Count,
    /// It is one too many: all are held from now on.
    Trip,
    /// It waits, as all do since that time.
    Held(Timestamp),
}

/// Whether a machine may go, whose resource was deleted at a time. `begun` and `stops` are those of all hosts of the
/// cluster.
#[must_use]
pub fn admit<'a>(
    uid: &str,
    deleted: Timestamp,
    limit: Limit,
    begun: impl Iterator<Item = &'a Begun> + Clone,
    stops: impl Iterator<Item = Stop> + Clone,
    now: Timestamp,
) -> Admission {
    // One whose end began within the limit is seen to its end.
    if begun.clone().any(|b| b.uid == uid) {
        return Admission::Free;
    }
    if let Some(stop) = stops.clone().find(|stop| stop.released.is_none()) {
        return Admission::Held(stop.since);
    }
    let released = stops.filter_map(|stop| stop.released).max();
    if released.is_some_and(|released| deleted <= released) {
        return Admission::Free;
    }
    let mut recent = begun.filter(|b| counts(b, limit, now) && released.is_none_or(|r| b.at > r));
    if recent.by_ref().take(limit.guests).count() >= limit.guests {
        return Admission::Trip;
    }
    Admission::Count
}

/// Whether one that began then still counts. Clocks step: one from the future counts.
#[must_use]
pub fn counts(begun: &Begun, limit: Limit, now: Timestamp) -> bool {
    now.duration_since(begun.at) < limit.window
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        guests: 2,
        window: SignedDuration::from_mins(10),
    };

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn begun(uid: &str, minute: i64) -> Begun {
        Begun {
            uid: uid.to_owned(),
            at: at(minute),
        }
    }

    fn admitted(uid: &str, deleted: i64, begun: &[Begun], stops: &[Stop], now: i64) -> Admission {
        admit(
            uid,
            at(deleted),
            LIMIT,
            begun.iter(),
            stops.iter().copied(),
            at(now),
        )
    }

    #[test]
    fn one_too_many_within_the_window_holds_all() {
        let two = [begun("a", 1), begun("b", 2)];
        assert_eq!(admitted("c", 3, &two[..1], &[], 3), Admission::Count);
        assert_eq!(admitted("c", 3, &two, &[], 3), Admission::Trip);
        assert_eq!(
            admitted("b", 2, &two, &[], 3),
            Admission::Free,
            "a repetition is no other one"
        );
        assert_eq!(
            admitted("c", 11, &two, &[], 11),
            Admission::Count,
            "the first is old"
        );
        let stop = Stop {
            since: at(3),
            released: None,
        };
        for now in [4, 400] {
            assert_eq!(
                admitted("c", 3, &two, &[stop], now),
                Admission::Held(at(3)),
                "the time alone lets nothing go"
            );
            assert_eq!(
                admitted("a", 3, &two, &[stop], now),
                Admission::Free,
                "it was within the limit"
            );
        }
    }

    #[test]
    fn a_person_lets_those_go_that_wait_and_no_later_ones() {
        let two = [begun("a", 1), begun("b", 2)];
        let stop = Stop {
            since: at(3),
            released: Some(at(5)),
        };
        for uid in ["c", "d", "e"] {
            assert_eq!(admitted(uid, 4, &two, &[stop], 6), Admission::Free);
        }
        assert_eq!(
            admitted("f", 6, &two, &[stop], 6),
            Admission::Count,
            "the count begins anew"
        );
        let later = [begun("a", 1), begun("b", 2), begun("f", 6), begun("g", 7)];
        assert_eq!(admitted("h", 8, &later, &[stop], 8), Admission::Trip);
        let again = Stop {
            since: at(8),
            released: None,
        };
        assert_eq!(
            admitted("c", 4, &later, &[stop, again], 9),
            Admission::Held(at(8))
        );
    }
}
