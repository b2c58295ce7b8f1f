//! The next step of a resource that has no number: whether a guest of its own is there already (its status
//! was lost), whether something stands in the way, or whether a number may be reserved.

use std::time::Instant;

use uuid::Uuid;

use super::mark::{self, Mark, MarkReading};
use super::verdict::Hold;
use crate::model::{GuestConfig, Lock, Vmid};

/// A resource without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeker<'a> {
    /// Its UID.
    pub uid: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The name that its guest is to have on the host.
    pub guest_name: &'a str,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// A machine of the cluster to which no resource lays claim.
#[derive(Clone, Copy, Debug)]
pub struct Unowned<'a> {
    /// Its number.
    pub vmid: Vmid,
    /// Its name in the bulk list; absent for the first seconds of a new guest.
    pub name: Option<&'a str>,
    /// Its configuration, and when this process read it.
    pub config: Option<(&'a GuestConfig, Instant)>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read these configurations first.
    Read(Vec<Vmid>),
    /// This guest is being made, or has no name yet: it may turn out to be the resource's own.
    WaitFor(Vmid),
    /// The status was lost: this guest is the resource's own. `None`: its mark is not sealed.
    Bind(Vmid, Option<Uuid>),
    /// Something about this guest stands in the way of making another.
    Hold(Vmid, Obstacle),
    /// Reserve a number.
    Reserve,
    /// Nothing was made: the resource may go.
    Release,
}

/// What stands in the way of making a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An unowned guest has the name.
    NameTaken,
    /// It carries the mark of a resource of this kind, namespace and name that had another UID.
    Predecessor,
    /// It bears the resource's identity or a copy of its mark, and is not provably its guest.
    Resembling(Hold),
}

/// Decides the next step from all machines of the cluster that no resource owns. `identity` gives the
/// identity that a guest of the resource has under a number.
#[must_use]
pub fn decide(seeker: &Seeker<'_>, unowned: &[Unowned<'_>], identity: impl Fn(Vmid) -> Uuid) -> Next {
    let unread: Vec<Vmid> = unowned
        .iter()
        .filter(|guest| guest.config.is_none())
        .map(|guest| guest.vmid)
        .collect();
    if !unread.is_empty() {
        return Next::Read(unread);
    }
    let read = || {
        unowned
            .iter()
            .filter_map(|guest| guest.config.map(|(config, _)| (guest, config)))
    };
    for (guest, config) in read() {
        if in_transition(config) {
            continue;
        }
        match mark::read(guest.vmid, config) {
            MarkReading::Sealed(mark) if mark.uid == seeker.uid => return Next::Bind(guest.vmid, mark.uuid),
            MarkReading::Unsealed(mark) if mark.uid == seeker.uid => return Next::Bind(guest.vmid, None),
            _ => {}
        }
    }
    for (guest, config) in read() {
        if in_transition(config) || (guest.name.is_none() && config.name.is_none()) {
            return Next::WaitFor(guest.vmid);
        }
    }
    for (guest, config) in read() {
        if let Some(obstacle) = obstacle(seeker, guest, config, &identity) {
            return Next::Hold(guest.vmid, obstacle);
        }
    }
    if seeker.deleting {
        Next::Release
    } else {
        Next::Reserve
    }
}

fn in_transition(config: &GuestConfig) -> bool {
    config.lock.as_ref().is_some_and(Lock::is_transition)
}

fn obstacle(
    seeker: &Seeker<'_>,
    guest: &Unowned<'_>,
    config: &GuestConfig,
    identity: impl Fn(Vmid) -> Uuid,
) -> Option<Obstacle> {
    if config.uuid == Some(identity(guest.vmid)) {
        return Some(Obstacle::Resembling(Hold::IdentityWithoutMark));
    }
    // A resource that is going makes nothing, so what only resembles its guest does not concern it.
    if seeker.deleting {
        return None;
    }
    match mark::read(guest.vmid, config) {
        MarkReading::Copy(mark) if mark.uid == seeker.uid => {
            return Some(Obstacle::Resembling(Hold::Unidentified));
        }
        MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) | MarkReading::Released(mark)
            if names(&mark, seeker) =>
        {
            return Some(Obstacle::Predecessor);
        }
        _ => {}
    }
    let named = |name: Option<&str>| name == Some(seeker.guest_name);
    (named(guest.name) || named(config.name.as_deref())).then_some(Obstacle::NameTaken)
}

fn names(mark: &Mark, seeker: &Seeker<'_>) -> bool {
    mark.kind == seeker.kind && mark.namespace == seeker.namespace && mark.name == seeker.name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::identity::fixtures::{UID, config, mark, number};
    use crate::plan::identity::numbers;

    fn seeker(deleting: bool) -> Seeker<'static> {
        Seeker {
            uid: UID,
            kind: "VirtualMachine",
            namespace: "default",
            name: "web-1",
            guest_name: "web-1",
            deleting,
        }
    }

    fn decided(deleting: bool, guests: &[(u32, Option<&str>, Option<&GuestConfig>)]) -> Next {
        let unowned: Vec<Unowned<'_>> = guests
            .iter()
            .map(|(vmid, name, config)| Unowned {
                vmid: number(*vmid),
                name: *name,
                config: config.map(|c| (c, Instant::now())),
            })
            .collect();
        decide(&seeker(deleting), &unowned, |n| numbers::identity("c", UID, n))
    }

    fn foreign(name: &str) -> GuestConfig {
        let mut config = config(Some(Uuid::from_u128(9)), "");
        config.name = Some(name.into());
        config
    }

    #[test]
    fn nothing_is_made_before_every_unowned_guest_was_read() {
        let db = foreign("db");
        assert_eq!(
            decided(false, &[(105, Some("x"), None), (106, Some("db"), Some(&db))]),
            Next::Read(vec![number(105)])
        );
        assert_eq!(decided(false, &[(106, Some("db"), Some(&db))]), Next::Reserve);
        assert_eq!(decided(false, &[]), Next::Reserve);
    }

    #[test]
    fn guest_of_a_lost_status_is_found_by_its_mark() {
        let uuid = Uuid::from_u128(7);
        let own = config(Some(uuid), &mark(105).sealed(uuid).to_string());
        for deleting in [false, true] {
            assert_eq!(
                decided(deleting, &[(105, Some("web-1"), Some(&own))]),
                Next::Bind(number(105), Some(uuid))
            );
        }
        let unsealed = config(Some(uuid), &mark(105).to_string());
        assert_eq!(
            decided(false, &[(105, None, Some(&unsealed))]),
            Next::Bind(number(105), None)
        );
    }

    #[test]
    fn unowned_guest_of_the_name_stops_the_creation() {
        let named = foreign("web-1");
        assert_eq!(
            decided(false, &[(105, None, Some(&named))]),
            Next::Hold(number(105), Obstacle::NameTaken)
        );
        assert_eq!(decided(true, &[(105, None, Some(&named))]), Next::Release);
    }

    #[test]
    fn guest_in_the_making_is_waited_for() {
        let mut making = foreign("db");
        making.lock = Some(Lock("clone".into()));
        assert_eq!(
            decided(false, &[(105, None, Some(&making))]),
            Next::WaitFor(number(105))
        );
        let mut nameless = foreign("db");
        nameless.name = None;
        assert_eq!(
            decided(false, &[(105, None, Some(&nameless))]),
            Next::WaitFor(number(105))
        );
    }

    #[test]
    fn guest_of_a_predecessor_or_a_copy_stops_the_creation() {
        let mut older = mark(105).sealed(Uuid::from_u128(9));
        older.uid = "older".into();
        let predecessor = config(Some(Uuid::from_u128(9)), &older.to_string());
        assert_eq!(
            decided(false, &[(105, Some("x"), Some(&predecessor))]),
            Next::Hold(number(105), Obstacle::Predecessor)
        );
        let copy = config(Some(Uuid::from_u128(9)), &mark(104).to_string());
        assert_eq!(
            decided(false, &[(105, Some("x"), Some(&copy))]),
            Next::Hold(number(105), Obstacle::Resembling(Hold::Unidentified))
        );
    }

    #[test]
    fn guest_with_the_identity_and_without_the_mark_keeps_even_a_deleted_resource() {
        let stripped = config(Some(numbers::identity("c", UID, number(105))), "");
        for deleting in [false, true] {
            assert_eq!(
                decided(deleting, &[(105, Some("x"), Some(&stripped))]),
                Next::Hold(number(105), Obstacle::Resembling(Hold::IdentityWithoutMark))
            );
        }
    }
}
