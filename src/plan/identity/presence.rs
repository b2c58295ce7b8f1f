//! What counts as gone. A refused connection, a time-out, a 403, a 595, a shorter list do not: only the
//! cluster's own word that the number is free, given by a majority, and late enough that a create whose
//! answer is unknown would have shown.

use jiff::{SignedDuration, Timestamp};

use crate::model::NumberState;

/// How long after a create with unknown answer a free number does not count as gone.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(120);

/// What the cluster said about a number, with the quorum seen before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberLook {
    /// Whether the cluster had a majority before it was asked.
    pub quorate_before: bool,
    /// The answer.
    pub state: NumberState,
    /// Whether the cluster had a majority after it was asked.
    pub quorate_after: bool,
}

/// Whether anything stands under a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A guest has it.
    Taken,
    /// Nothing has it, and nothing of ours can still come.
    Gone,
    /// Nothing has it now; a create of ours whose answer is unknown may still show until then.
    Unsettled(Timestamp),
    /// Without a majority nothing can be concluded.
    NotQuorate,
}

/// Concludes from a look at a number. `unknown_create` is when a create of that number was last sent whose
/// answer is not known.
#[must_use]
pub fn conclude(
    look: NumberLook,
    unknown_create: Option<Timestamp>,
    settle: SignedDuration,
    now: Timestamp,
) -> Presence {
    match look {
        NumberLook {
            state: NumberState::Taken,
            ..
        } => Presence::Taken,
        NumberLook {
            quorate_before: true,
            quorate_after: true,
            ..
        } => match unknown_create.and_then(|sent| sent.checked_add(settle).ok()) {
            Some(until) if now < until => Presence::Unsettled(until),
            _ => Presence::Gone,
        },
        _ => Presence::NotQuorate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    fn look(before: bool, state: NumberState, after: bool) -> NumberLook {
        NumberLook {
            quorate_before: before,
            state,
            quorate_after: after,
        }
    }

    #[test]
    fn free_number_is_gone_only_with_a_majority_before_and_after() {
        let free = NumberState::Free;
        assert_eq!(
            conclude(look(true, free, true), None, SETTLE, second(0)),
            Presence::Gone
        );
        for (before, after) in [(true, false), (false, true), (false, false)] {
            assert_eq!(
                conclude(look(before, free, after), None, SETTLE, second(0)),
                Presence::NotQuorate
            );
        }
    }

    #[test]
    fn create_with_unknown_answer_may_still_show_for_two_minutes() {
        let sent = Some(second(1000));
        let free = look(true, NumberState::Free, true);
        assert_eq!(
            conclude(free, sent, SETTLE, second(1119)),
            Presence::Unsettled(second(1120))
        );
        assert_eq!(conclude(free, sent, SETTLE, second(1120)), Presence::Gone);
    }

    #[test]
    fn taken_number_is_never_gone() {
        assert_eq!(
            conclude(look(true, NumberState::Taken, true), None, SETTLE, second(0)),
            Presence::Taken
        );
    }
}
