//! The next step of a resource that has no number: whether a guest of its own is there already (its status
//! was lost), whether one may be taken over, whether something stands in the way, or whether a number may be
//! reserved.

use std::time::Instant;

use uuid::Uuid;

use super::mark::{self, Mark, MarkReading};
use super::numbers;
use super::ownership::Ownership;
use super::verdict::Hold;
use crate::model::{GuestAddress, GuestConfig, Lock, Vmid};

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
    /// UID of the namespace `kube-system` of its Kubernetes cluster.
    pub cluster: &'a str,
    /// Kubernetes clusters that are lost: machines of theirs are taken over.
    pub recover_from: &'a [String],
    /// The number that its spec names.
    pub pinned: Option<Vmid>,
    /// The number that was reserved for it last, before its status was lost.
    pub reserved: Option<Vmid>,
    /// Whether a person said that the machine with this number is to be its own.
    pub adopt: bool,
    /// Whether its machine is to be a template.
    pub template: bool,
    /// The other resources of its kind that live, where it adopts.
    pub others: &'a [Other],
}

/// Another resource of the kind. What is its own is not adopted, even where somebody took the mark away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its UID.
    pub uid: String,
    /// Its namespace and name.
    pub title: String,
    /// The number that was reserved for it last, if its status, which knew what became of that, was lost.
    pub reserved: Option<Vmid>,
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
    /// This guest is to become the resource's own, if that still holds when it is read again ([`take`]).
    Take(Vmid),
    /// Something about this guest stands in the way of making another.
    Hold(Vmid, Obstacle),
    /// Reserve a number.
    Reserve,
    /// Nothing was made: the resource may go.
    Release,
}

/// By what right a guest becomes a resource's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taking {
    /// It was made for a resource of the same kind, namespace and name with this UID, if that lives nowhere.
    Rebind(String),
    /// It is nobody's, and a person said so.
    Adopt,
}

/// What stands in the way of making or taking a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An unowned guest has the name.
    NameTaken,
    /// It carries the mark of a resource of this kind, namespace and name that had another UID, and can't be bound.
    Predecessor(Unfit),
    /// It bears the resource's identity or a copy of its mark, and is not provably its guest.
    Resembling(Hold),
    /// It carries the resource's own mark, and so do these: somebody brought a former one back.
    Twice(Vec<Vmid>),
    /// A person wants it adopted, and it can't be.
    Adoption(Unfit),
}

impl Obstacle {
    /// Whether the guest alone is the reason, so that reading it anew may show that it can be taken now.
    #[must_use]
    pub const fn is_of_guest(&self) -> bool {
        match self {
            Self::Adoption(why) | Self::Predecessor(why) => !matches!(why, Unfit::Several(_)),
            Self::NameTaken | Self::Resembling(_) | Self::Twice(_) => false,
        }
    }
}

/// Why a guest can't become a resource's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Its former resource let it go.
    Released,
    /// It belongs to the Kubernetes cluster with this UID.
    OtherCluster(String),
    /// It is marked as somebody's, and it is not this resource's.
    Marked,
    /// Its mark is not sealed.
    Unsealed,
    /// It carries a lock.
    Locked(Lock),
    /// It is a template.
    Template,
    /// It has no UUID by which it could be told from a successor.
    NoUuid,
    /// It bears the identity of this living resource, or the number that was reserved for that: somebody took its mark
    /// away.
    Anothers(String),
    /// The spec names another number.
    OtherNumber(Vmid),
    /// Others carry such a mark too.
    Several(Vec<Vmid>),
}

/// Decides the next step from all machines of the cluster that no resource owns.
#[must_use]
pub fn decide(seeker: &Seeker<'_>, unowned: &[Unowned<'_>]) -> Next {
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
    let settled = read().filter(|(_, config)| !in_transition(config));
    let own: Vec<(Vmid, Option<Uuid>)> = settled
        .filter_map(|(guest, config)| match mark::read(guest.vmid, config) {
            MarkReading::Sealed(mark) if mark.uid == seeker.uid => Some((guest.vmid, mark.uuid)),
            MarkReading::Unsealed(mark) if mark.uid == seeker.uid => Some((guest.vmid, None)),
            _ => None,
        })
        .collect();
    // One that was made again after a loss has a further number, which the annotation names; the lost one may be back.
    let last = own.iter().find(|(vmid, _)| seeker.reserved == Some(*vmid));
    match (own.as_slice(), last) {
        (_, Some((vmid, uuid))) | ([(vmid, uuid)], None) => return Next::Bind(*vmid, *uuid),
        ([], None) => {}
        ([(first, _), others @ ..], None) => {
            let others = others.iter().map(|(vmid, _)| *vmid).collect();
            return Next::Hold(*first, Obstacle::Twice(others));
        }
    }
    for (guest, config) in read() {
        if in_transition(config) || (guest.name.is_none() && config.name.is_none()) {
            return Next::WaitFor(guest.vmid);
        }
    }
    for (guest, config) in read() {
        if let Some(why) = resembles(seeker, guest, config) {
            return Next::Hold(guest.vmid, Obstacle::Resembling(why));
        }
    }
    // A resource that is going takes and makes nothing.
    if seeker.deleting {
        return Next::Release;
    }
    let adopted = seeker.pinned.filter(|_| seeker.adopt);
    if let Some((guest, config)) = read().find(|(guest, _)| adopted == Some(guest.vmid)) {
        // Else the one that an earlier resource of the name had would be forgotten.
        let left = |(other, config): &(&Unowned<'_>, &GuestConfig)| {
            other.vmid != guest.vmid
                && is_former(seeker, other.vmid, config)
                && !matches!(mark::read(other.vmid, config), MarkReading::Released(_))
        };
        if let Some((other, _)) = read().find(left) {
            return Next::Hold(other.vmid, Obstacle::Predecessor(Unfit::OtherNumber(guest.vmid)));
        }
        return match fitness(seeker, guest.vmid, config) {
            Ok(_) => Next::Take(guest.vmid),
            Err(why) => Next::Hold(guest.vmid, Obstacle::Adoption(why)),
        };
    }
    let mut former = read().filter(|(guest, config)| is_former(seeker, guest.vmid, config));
    if let Some((guest, config)) = former.next() {
        let others: Vec<Vmid> = former.map(|(other, _)| other.vmid).collect();
        let fit = if others.is_empty() {
            fitness(seeker, guest.vmid, config).map(|_| ())
        } else {
            Err(Unfit::Several(others))
        };
        return match fit {
            Ok(()) => Next::Take(guest.vmid),
            Err(why) => Next::Hold(guest.vmid, Obstacle::Predecessor(why)),
        };
    }
    if let Some((guest, _)) = read().find(|(guest, config)| is_named(seeker, guest, config)) {
        return Next::Hold(guest.vmid, Obstacle::NameTaken);
    }
    Next::Reserve
}

/// Judges a guest that is to become the resource's own, by its configuration as it was read just now.
///
/// # Errors
///
/// Why it can't.
pub fn take(
    seeker: &Seeker<'_>,
    at: &GuestAddress,
    config: &GuestConfig,
    read_at: Instant,
) -> Result<(Ownership, Taking), Obstacle> {
    match fitness(seeker, at.vmid, config) {
        Ok(taking) => Ok((Ownership::new(at.clone(), config.digest.clone(), read_at), taking)),
        Err(why) if seeker.adopt && seeker.pinned == Some(at.vmid) => Err(Obstacle::Adoption(why)),
        Err(why) => Err(Obstacle::Predecessor(why)),
    }
}

fn in_transition(config: &GuestConfig) -> bool {
    config.lock.as_ref().is_some_and(Lock::is_transition)
}

fn resembles(seeker: &Seeker<'_>, guest: &Unowned<'_>, config: &GuestConfig) -> Option<Hold> {
    let vmid = guest.vmid;
    let identity = numbers::identity(seeker.cluster, seeker.uid, vmid);
    let reading = mark::read(vmid, config);
    let released = matches!(&reading, MarkReading::Released(mark) if mark.uid == seeker.uid);
    // One that it let go itself, just before it ends.
    if config.uuid == Some(identity) && !(released && seeker.deleting) {
        return Some(Hold::IdentityWithoutMark);
    }
    // A copy whose mark was cleared before it had its own UUID: number and name are all that is left to know it by.
    let named = is_named(seeker, guest, config);
    let unmarked = matches!(
        reading,
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Unclear
    );
    if seeker.deleting && seeker.reserved == Some(vmid) && named && unmarked {
        return Some(Hold::Unidentified);
    }
    // What only resembles the guest of a resource that is going does not concern it.
    let copied = matches!(reading, MarkReading::Copy(mark) if mark.uid == seeker.uid);
    (copied && !seeker.deleting).then_some(Hold::Unidentified)
}

/// Whether the guest bears the name that the resource's guest is to have.
fn is_named(seeker: &Seeker<'_>, guest: &Unowned<'_>, config: &GuestConfig) -> bool {
    [guest.name, config.name.as_deref()].contains(&Some(seeker.guest_name))
}

/// Whether the guest was made for a resource of this kind, namespace and name.
fn is_former(seeker: &Seeker<'_>, vmid: Vmid, config: &GuestConfig) -> bool {
    match mark::read(vmid, config) {
        MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) | MarkReading::Released(mark) => {
            names(&mark, seeker)
        }
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Unclear => false,
    }
}

fn names(mark: &Mark, seeker: &Seeker<'_>) -> bool {
    mark.kind == seeker.kind && mark.namespace == seeker.namespace && mark.name == seeker.name
}

/// By what right the guest may become the resource's own.
fn fitness(seeker: &Seeker<'_>, vmid: Vmid, config: &GuestConfig) -> Result<Taking, Unfit> {
    let taking = match mark::read(vmid, config) {
        MarkReading::None | MarkReading::Copy(_) | MarkReading::Released(_) if seeker.adopt => Taking::Adopt,
        MarkReading::Released(_) => return Err(Unfit::Released),
        MarkReading::Sealed(mark) if names(&mark, seeker) => {
            let known = mark.cluster == seeker.cluster || seeker.recover_from.contains(&mark.cluster);
            if !known {
                return Err(Unfit::OtherCluster(mark.cluster));
            }
            Taking::Rebind(mark.uid)
        }
        MarkReading::Unsealed(mark) if names(&mark, seeker) => return Err(Unfit::Unsealed),
        _ => return Err(Unfit::Marked),
    };
    if let Some(pinned) = seeker.pinned.filter(|pinned| *pinned != vmid) {
        return Err(Unfit::OtherNumber(pinned));
    }
    if let Some(lock) = &config.lock {
        return Err(Unfit::Locked(lock.clone()));
    }
    if config.template && !seeker.template {
        return Err(Unfit::Template);
    }
    let Some(uuid) = config.uuid else {
        return Err(Unfit::NoUuid);
    };
    let is_of = |other: &&Other| {
        other.reserved == Some(vmid) || uuid == numbers::identity(seeker.cluster, &other.uid, vmid)
    };
    match seeker.others.iter().find(is_of) {
        Some(other) if taking == Taking::Adopt => Err(Unfit::Anothers(other.title.clone())),
        _ => Ok(taking),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::identity::fixtures::{UID, config, mark, number};

    fn seeker(deleting: bool) -> Seeker<'static> {
        Seeker {
            uid: UID,
            kind: "VirtualMachine",
            namespace: "default",
            name: "web-1",
            guest_name: "web-1",
            deleting,
            cluster: "c0ffee",
            recover_from: &[],
            pinned: None,
            reserved: None,
            adopt: false,
            template: false,
            others: &[],
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
        decide(&seeker(deleting), &unowned)
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
    fn of_two_guests_with_the_own_mark_the_one_that_was_reserved_last_is_bound() {
        let own = |vmid: u32| {
            let uuid = numbers::identity("c0ffee", UID, number(vmid));
            (uuid, config(Some(uuid), &mark(vmid).sealed(uuid).to_string()))
        };
        let ((_, lost), (made_again, next)) = (own(105), own(106));
        let decided = |deleting: bool, reserved: Option<u32>| {
            let guest = |vmid, config| Unowned {
                vmid: number(vmid),
                name: Some("web-1"),
                config: Some((config, Instant::now())),
            };
            let seeker = Seeker {
                reserved: reserved.map(number),
                ..seeker(deleting)
            };
            decide(&seeker, &[guest(105, &lost), guest(106, &next)])
        };
        for deleting in [false, true] {
            let bound = Next::Bind(number(106), Some(made_again));
            assert_eq!(decided(deleting, Some(106)), bound);
            let held = Next::Hold(number(105), Obstacle::Twice(vec![number(106)]));
            assert_eq!(decided(deleting, None), held);
            assert_eq!(decided(deleting, Some(107)), held);
        }
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

    /// A guest that was made for a resource of the same name with another UID.
    fn former(vmid: u32, change: impl Fn(&mut Mark)) -> GuestConfig {
        let uuid = Uuid::from_u128(9);
        let mut older = mark(vmid).sealed(uuid);
        older.uid = "older".into();
        change(&mut older);
        config(Some(uuid), &older.to_string())
    }

    #[test]
    fn guest_of_a_former_resource_of_the_name_is_taken_if_it_fits() {
        let fit = former(105, |_| {});
        assert_eq!(
            decided(false, &[(105, Some("x"), Some(&fit))]),
            Next::Take(number(105))
        );
        assert_eq!(decided(true, &[(105, Some("x"), Some(&fit))]), Next::Release);
        let held = |config: &GuestConfig| match decided(false, &[(105, Some("x"), Some(config))]) {
            Next::Hold(_, Obstacle::Predecessor(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(held(&former(105, |m| m.released = true)), Unfit::Released);
        assert_eq!(
            held(&former(105, |m| m.cluster = "beef".into())),
            Unfit::OtherCluster("beef".into())
        );
        assert_eq!(held(&former(105, |m| m.uuid = None)), Unfit::Unsealed);
        let mut locked = former(105, |_| {});
        locked.lock = Some(Lock("backup".into()));
        assert_eq!(held(&locked), Unfit::Locked(Lock("backup".into())));
        let mut template = former(105, |_| {});
        template.template = true;
        assert_eq!(held(&template), Unfit::Template);
        let declared = Seeker {
            template: true,
            ..seeker(false)
        };
        assert!(fitness(&declared, number(105), &template).is_ok());
        let second = former(106, |_| {});
        assert_eq!(
            decided(
                false,
                &[(105, Some("x"), Some(&fit)), (106, Some("x"), Some(&second))]
            ),
            Next::Hold(
                number(105),
                Obstacle::Predecessor(Unfit::Several(vec![number(106)]))
            )
        );
        for change in [
            |m: &mut Mark| m.kind = "Container".into(),
            |m: &mut Mark| m.namespace = "other".into(),
            |m: &mut Mark| m.name = "other".into(),
        ] {
            let mut others = former(105, change);
            others.name = Some("x".into());
            assert_eq!(decided(false, &[(105, Some("x"), Some(&others))]), Next::Reserve);
        }
    }

    #[test]
    fn guest_is_taken_on_the_newest_configuration_alone() {
        let at = GuestAddress {
            node: "pve1".parse().unwrap(),
            vmid: number(105),
        };
        let lost = ["beef".to_owned()];
        let taken = |seeker: &Seeker<'_>, config: &GuestConfig| {
            take(seeker, &at, config, Instant::now()).map(|(_, taking)| taking)
        };
        let plain = seeker(false);
        assert_eq!(
            taken(&plain, &former(105, |_| {})),
            Ok(Taking::Rebind("older".into()))
        );
        let other = former(105, |m| m.cluster = "beef".into());
        let recovering = Seeker {
            recover_from: &lost,
            ..plain
        };
        assert_eq!(taken(&recovering, &other), Ok(Taking::Rebind("older".into())));
        let pinned = Seeker {
            pinned: Some(number(106)),
            ..plain
        };
        assert_eq!(
            taken(&pinned, &former(105, |_| {})),
            Err(Obstacle::Predecessor(Unfit::OtherNumber(number(106))))
        );
        assert_eq!(
            taken(&plain, &foreign("db")),
            Err(Obstacle::Predecessor(Unfit::Marked))
        );
    }

    #[test]
    fn only_a_guest_that_is_nobodys_is_adopted_and_only_where_a_person_said_so() {
        let uuid = Uuid::from_u128(9);
        let adopting = |config: &GuestConfig| {
            let guest = Unowned {
                vmid: number(105),
                name: Some("web-1"),
                config: Some((config, Instant::now())),
            };
            let seeker = Seeker {
                pinned: Some(number(105)),
                adopt: true,
                ..seeker(false)
            };
            decide(&seeker, &[guest])
        };
        let take = Next::Take(number(105));
        assert_eq!(adopting(&foreign("web-1")), take);
        let mut copy = mark(104).sealed(uuid);
        copy.uid = "other".into();
        assert_eq!(adopting(&config(Some(uuid), &copy.to_string())), take);
        let mut others = mark(105).sealed(uuid);
        (others.uid, others.name) = ("other".into(), "other".into());
        let held = |why| Next::Hold(number(105), Obstacle::Adoption(why));
        assert_eq!(
            adopting(&config(Some(uuid), &others.to_string())),
            held(Unfit::Marked)
        );
        assert_eq!(
            adopting(&config(Some(uuid), &others.released().to_string())),
            take
        );
        assert_eq!(
            adopting(&former(105, |m| m.cluster = "beef".into())),
            held(Unfit::OtherCluster("beef".into()))
        );
        assert_eq!(
            adopting(&config(Some(uuid), "<!-- drover/v1 -->")),
            held(Unfit::Marked)
        );
        let mut no_uuid = foreign("web-1");
        no_uuid.uuid = None;
        assert_eq!(adopting(&no_uuid), held(Unfit::NoUuid));
        assert_eq!(
            decided(false, &[(105, Some("web-1"), Some(&foreign("web-1")))]),
            Next::Hold(number(105), Obstacle::NameTaken)
        );
    }

    #[test]
    fn what_is_anothers_is_not_adopted_though_somebody_took_its_mark() {
        let other = |uid: &str, reserved: Option<u32>| Other {
            uid: uid.into(),
            title: "default/db".into(),
            reserved: reserved.map(number),
        };
        let adopting = |config: &GuestConfig, other: Other| {
            let guest = Unowned {
                vmid: number(105),
                name: Some("x"),
                config: Some((config, Instant::now())),
            };
            let seeker = Seeker {
                pinned: Some(number(105)),
                adopt: true,
                others: &[other],
                ..seeker(false)
            };
            decide(&seeker, &[guest])
        };
        let anothers = || {
            let why = Unfit::Anothers("default/db".into());
            Next::Hold(number(105), Obstacle::Adoption(why))
        };
        let take = Next::Take(number(105));
        let stripped = config(Some(numbers::identity("c0ffee", "other", number(105))), "");
        assert_eq!(adopting(&stripped, other("other", None)), anothers());
        assert_eq!(adopting(&stripped, other("further", None)), take);
        assert_eq!(adopting(&foreign("db"), other("other", Some(105))), anothers());
        assert_eq!(adopting(&foreign("db"), other("other", Some(106))), take);
    }

    #[test]
    fn adoption_waits_for_what_becomes_of_the_predecessors_machine() {
        let beside = |former: &GuestConfig| {
            let db = foreign("db");
            let guest = |vmid, config| Unowned {
                vmid: number(vmid),
                name: Some("x"),
                config: Some((config, Instant::now())),
            };
            let seeker = Seeker {
                pinned: Some(number(150)),
                adopt: true,
                ..seeker(false)
            };
            decide(&seeker, &[guest(105, former), guest(150, &db)])
        };
        let held = Obstacle::Predecessor(Unfit::OtherNumber(number(150)));
        assert_eq!(beside(&former(105, |_| {})), Next::Hold(number(105), held));
        assert_eq!(
            beside(&former(105, |m| m.released = true)),
            Next::Take(number(150))
        );
    }

    #[test]
    fn unmarked_guest_under_the_reserved_number_and_with_the_name_keeps_a_deleted_resource() {
        let cleared = foreign("web-1");
        let decided = |reserved: Option<u32>| {
            let guest = Unowned {
                vmid: number(105),
                name: Some("web-1"),
                config: Some((&cleared, Instant::now())),
            };
            let seeker = Seeker {
                reserved: reserved.map(number),
                ..seeker(true)
            };
            decide(&seeker, &[guest])
        };
        assert_eq!(
            decided(Some(105)),
            Next::Hold(number(105), Obstacle::Resembling(Hold::Unidentified))
        );
        assert_eq!(decided(Some(104)), Next::Release);
        assert_eq!(decided(None), Next::Release);
    }

    #[test]
    fn copy_of_its_own_mark_stops_the_creation() {
        let copy = config(Some(Uuid::from_u128(9)), &mark(104).to_string());
        assert_eq!(
            decided(false, &[(105, Some("x"), Some(&copy))]),
            Next::Hold(number(105), Obstacle::Resembling(Hold::Unidentified))
        );
    }

    #[test]
    fn guest_that_it_let_go_does_not_keep_a_deleted_resource_whose_status_was_lost() {
        let uuid = numbers::identity("c0ffee", UID, number(105));
        let released = config(Some(uuid), &mark(105).sealed(uuid).released().to_string());
        assert_eq!(decided(true, &[(105, Some("x"), Some(&released))]), Next::Release);
        assert_eq!(
            decided(false, &[(105, Some("x"), Some(&released))]),
            Next::Hold(number(105), Obstacle::Resembling(Hold::IdentityWithoutMark))
        );
    }

    #[test]
    fn guest_with_the_identity_and_without_the_mark_keeps_even_a_deleted_resource() {
        let stripped = config(Some(numbers::identity("c0ffee", UID, number(105))), "");
        for deleting in [false, true] {
            assert_eq!(
                decided(deleting, &[(105, Some("x"), Some(&stripped))]),
                Next::Hold(number(105), Obstacle::Resembling(Hold::IdentityWithoutMark))
            );
        }
    }
}
