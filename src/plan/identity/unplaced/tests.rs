//! Each way in which a resource without a number may stand.

use std::time::Instant;

use uuid::Uuid;

use super::decide::fitness;
use super::*;
use crate::model::{GuestAddress, GuestConfig, Lock};
use crate::plan::identity::fixtures::{UID, config, mark, number};
use crate::plan::identity::mark::Mark;
use crate::plan::identity::numbers;
use crate::plan::identity::verdict::Hold;

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
        .map(|(id, name, config)| Unowned {
            id: number(*id),
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
    let own = |id: u32| {
        let uuid = numbers::identity("c0ffee", UID, number(id));
        (uuid, config(Some(uuid), &mark(id).sealed(uuid).to_string()))
    };
    let ((_, lost), (made_again, next)) = (own(105), own(106));
    let decided = |deleting: bool, reserved: Option<u32>| {
        let guest = |id, config| Unowned {
            id: number(id),
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
fn former(id: u32, change: impl Fn(&mut Mark)) -> GuestConfig {
    let uuid = Uuid::from_u128(9);
    let mut older = mark(id).sealed(uuid);
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
        id: number(105),
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
            id: number(105),
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
            id: number(105),
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
        let guest = |id, config| Unowned {
            id: number(id),
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
            id: number(105),
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
