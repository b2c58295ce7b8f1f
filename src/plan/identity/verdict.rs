//! Whether a guest that stands under a resource's number may be touched by that resource.
//!
//! The caller has read the guest's configuration just before and acts on the answer at once. What it means
//! that *nothing* stands under the number is told in `presence.rs`.

use uuid::Uuid;

use super::mark::{self, MarkReading};
use crate::model::{GuestConfig, GuestId};

/// What a resource may do with the guest under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The resource's own: act.
    Ours,
    /// The resource's own, whose mark somebody took away: write the mark, then act.
    OursUnmarked,
    /// A successor under the same number; the resource's own guest no longer exists. Send nothing.
    Gone,
    /// Send nothing, keep the finalizer, say why.
    Hold(Hold),
    /// The host is making or destroying it: nothing can be concluded yet.
    Wait,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It carries the mark of this resource and another UUID than the recorded one.
    IdentityChanged,
    /// It is marked as somebody else's.
    MarkedByOther,
    /// Neither mark nor UUID tell whose it is.
    Unidentified,
    /// A person made a template of it.
    Template,
    /// The mark is not sealed, and the node's tasks do not show that we made it.
    Unproven,
    /// It bears this resource's UUID and not its mark.
    IdentityWithoutMark,
}

/// Whom the valid mark of a guest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    ThisResource,
    Other,
}

/// Judges the guest under a recorded identity. `recorded` is `None` where the identity was never recorded; `template`:
/// the resource itself says that the guest is to be one.
#[must_use]
pub fn judge(
    uid: &str,
    recorded: Option<Uuid>,
    id: GuestId,
    config: &GuestConfig,
    template: bool,
) -> Verdict {
    if config
        .lock
        .as_ref()
        .is_some_and(crate::model::Lock::is_transition)
    {
        return Verdict::Wait;
    }
    let owner = match mark::read(id, config) {
        MarkReading::None | MarkReading::Copy(_) => Owner::Nobody,
        MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) if mark.uid == uid => Owner::ThisResource,
        MarkReading::Sealed(_)
        | MarkReading::Unsealed(_)
        | MarkReading::Released(_)
        | MarkReading::Unclear => Owner::Other,
    };
    let same = recorded.zip(config.uuid).map(|(ours, theirs)| ours == theirs);
    let verdict = table(owner, same);
    match verdict {
        Verdict::Ours | Verdict::OursUnmarked if config.template && !template => {
            Verdict::Hold(Hold::Template)
        }
        other => other,
    }
}

/// `same` is `None` where the identity is absent on a side.
const fn table(owner: Owner, same: Option<bool>) -> Verdict {
    match (owner, same) {
        (Owner::ThisResource, Some(true) | None) => Verdict::Ours,
        (Owner::ThisResource, Some(false)) => Verdict::Hold(Hold::IdentityChanged),
        (Owner::Nobody, Some(true)) => Verdict::OursUnmarked,
        (Owner::Nobody | Owner::Other, Some(false)) => Verdict::Gone,
        (Owner::Nobody, None) => Verdict::Hold(Hold::Unidentified),
        (Owner::Other, Some(true) | None) => Verdict::Hold(Hold::MarkedByOther),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lock;
    use crate::plan::identity::fixtures::{UID, config, mark, number};

    const OWN: Uuid = Uuid::from_u128(1);
    const FOREIGN: Uuid = Uuid::from_u128(2);

    fn judged(recorded: Option<Uuid>, uuid: Option<Uuid>, description: &str) -> Verdict {
        judge(UID, recorded, number(105), &config(uuid, description), false)
    }

    #[test]
    fn own_mark_and_own_identity_are_ours() {
        let sealed = mark(105).sealed(OWN).to_string();
        assert_eq!(judged(Some(OWN), Some(OWN), &sealed), Verdict::Ours);
        assert_eq!(judged(None, Some(OWN), &sealed), Verdict::Ours);
    }

    #[test]
    fn recycled_number_is_gone_whoever_marked_the_successor() {
        let mut other = mark(105).sealed(FOREIGN);
        other.uid = "somebody".into();
        for description in ["", &other.to_string(), &mark(104).sealed(FOREIGN).to_string()] {
            assert_eq!(judged(Some(OWN), Some(FOREIGN), description), Verdict::Gone);
        }
    }

    #[test]
    fn copied_mark_is_no_mark() {
        let copied = mark(105).sealed(OWN).to_string();
        assert_eq!(judged(Some(OWN), Some(FOREIGN), &copied), Verdict::Gone);
    }

    #[test]
    fn mark_that_lost_its_seal_with_another_identity_holds() {
        let unsealed = mark(105).to_string();
        assert_eq!(
            judged(Some(OWN), Some(FOREIGN), &unsealed),
            Verdict::Hold(Hold::IdentityChanged)
        );
    }

    #[test]
    fn cleared_mark_is_written_again_only_on_the_recorded_guest() {
        assert_eq!(judged(Some(OWN), Some(OWN), "notes"), Verdict::OursUnmarked);
        assert_eq!(
            judged(None, Some(OWN), "notes"),
            Verdict::Hold(Hold::Unidentified)
        );
        assert_eq!(
            judged(Some(OWN), None, "notes"),
            Verdict::Hold(Hold::Unidentified)
        );
    }

    #[test]
    fn guest_of_another_resource_or_released_one_holds() {
        let mut other = mark(105).sealed(OWN);
        other.uid = "somebody".into();
        for description in [other.to_string(), "<!-- drover/v1 released id=105 -->".to_owned()] {
            assert_eq!(
                judged(Some(OWN), Some(OWN), &description),
                Verdict::Hold(Hold::MarkedByOther)
            );
        }
    }

    #[test]
    fn nothing_is_judged_while_the_host_makes_or_destroys() {
        for lock in ["create", "clone", "restore", "destroyed"] {
            let mut config = config(Some(OWN), &mark(105).sealed(OWN).to_string());
            config.lock = Some(Lock(lock.into()));
            assert_eq!(
                judge(UID, Some(OWN), number(105), &config, false),
                Verdict::Wait,
                "{lock}"
            );
        }
    }

    #[test]
    fn template_that_a_person_made_holds() {
        let mut config = config(Some(OWN), &mark(105).sealed(OWN).to_string());
        config.template = true;
        assert_eq!(
            judge(UID, Some(OWN), number(105), &config, false),
            Verdict::Hold(Hold::Template)
        );
        assert_eq!(
            judge(UID, Some(OWN), number(105), &config, true),
            Verdict::Ours,
            "it is to be one"
        );
        config.uuid = Some(FOREIGN);
        assert_eq!(
            judge(UID, Some(OWN), number(105), &config, true),
            Verdict::Gone,
            "another one under its number is not its own for being one"
        );
    }
}
