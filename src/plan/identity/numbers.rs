//! Which number a new guest gets. A number is never given twice: archives and volumes belong to numbers, and
//! pruning works on them (`docs/identity.md`, "Numbers").

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::model::{GuestId, NumberBounds, Vmid};

/// What is known of the numbers of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Given now: guests in the list, and numbers in the status of living resources.
    pub used: BTreeSet<u32>,
    /// Archives or volumes of these are left, though no guest has them.
    pub left: BTreeSet<u32>,
    /// Known to have been given once: stored with the host, seen in the list or in tasks.
    pub spent: BTreeSet<u32>,
}

/// A number for a new guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It was never given.
    Fresh(Vmid),
    /// It was given before, and nothing is known to be left of that guest: to be checked before it is used.
    Again(Vmid),
}

impl Next {
    /// The number.
    #[must_use]
    pub const fn vmid(self) -> Vmid {
        match self {
            Self::Fresh(vmid) | Self::Again(vmid) => vmid,
        }
    }
}

/// The range is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("every number from {min} to {max} was given already")]
pub struct Exhausted {
    /// The lowest number of the range.
    pub min: u32,
    /// The highest number of the range.
    pub max: u32,
}

/// The range that both the host's resource and the datacenter allow.
#[must_use]
pub fn range(configured: Option<(u32, u32)>, bounds: NumberBounds) -> (u32, u32) {
    let (min, max) = configured.unwrap_or((Vmid::MIN, Vmid::MAX));
    (
        bounds.lower.map_or(min, |lower| min.max(lower)),
        bounds.upper.map_or(max, |upper| max.min(upper)),
    )
}

/// The number after the highest that was ever given in the range; with `reuse`, once the range is used up,
/// the lowest that is free and to which nothing belongs any more.
pub fn next(numbers: &Numbers, (min, max): (u32, u32), reuse: bool) -> Result<Next, Exhausted> {
    let exhausted = Exhausted { min, max };
    if min > max {
        return Err(exhausted);
    }
    let highest = |set: &BTreeSet<u32>| set.range(min..=max).next_back().copied();
    let above = highest(&numbers.used)
        .max(highest(&numbers.left))
        .max(highest(&numbers.spent))
        .map_or(Some(min), |n| n.checked_add(1));
    let fits = |n| Vmid::try_from(n).ok();
    match above {
        Some(n) if n <= max => fits(n).map(Next::Fresh).ok_or(exhausted),
        _ if reuse => {
            let free = |n: &u32| !numbers.used.contains(n) && !numbers.left.contains(n);
            let lowest = (min..=max).find(free).and_then(fits);
            lowest.map(Next::Again).ok_or(exhausted)
        }
        _ => Err(exhausted),
    }
}

/// The identity of the guest that a resource makes under a number, where the number takes part, so that a guest made again
/// after a loss is told from the lost one; of a domain its own UUID.
#[must_use]
pub fn identity(cluster_uid: &str, resource_uid: &str, id: GuestId) -> Uuid {
    match id {
        GuestId::Number(vmid) => v5(&format!("drover.dev/{cluster_uid}/{resource_uid}/{vmid}")),
        GuestId::Domain(uuid) => uuid,
    }
}

/// How often the machine of one resource is made again at most, on libvirt.
const MAKINGS: u16 = 1024;

/// The UUIDs of the domains that a resource makes, the first one first.
pub fn domains(cluster_uid: &str, resource_uid: &str) -> impl Iterator<Item = Uuid> {
    let prefix = format!("drover.dev/{cluster_uid}/{resource_uid}/domain");
    (0..MAKINGS).map(move |making| v5(&format!("{prefix}/{making}")))
}

/// The UUID of the domain that a resource makes next, none of which is `spent`, and all of which come after the last one.
#[must_use]
pub fn next_domain(
    cluster_uid: &str,
    resource_uid: &str,
    last: Option<Uuid>,
    spent: impl Fn(Uuid) -> bool,
) -> Option<Uuid> {
    let all: Vec<Uuid> = domains(cluster_uid, resource_uid).collect();
    let after = last.and_then(|last| all.iter().position(|uuid| *uuid == last));
    let free = |uuid: &Uuid| !spent(*uuid);
    all.into_iter().skip(after.map_or(0, |at| at + 1)).find(free)
}

/// Whether a guest has the identity that one has which this resource made.
#[must_use]
pub fn is_made_by(cluster_uid: &str, resource_uid: &str, id: GuestId, found: Uuid) -> bool {
    match id {
        GuestId::Number(_) => found == identity(cluster_uid, resource_uid, id),
        GuestId::Domain(_) => domains(cluster_uid, resource_uid).any(|uuid| uuid == found),
    }
}

fn v5(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::identity::fixtures::number;

    fn vmid(n: u32) -> Vmid {
        n.try_into().unwrap()
    }

    fn numbers(used: &[u32], spent: &[u32]) -> Numbers {
        Numbers {
            used: used.iter().copied().collect(),
            left: BTreeSet::new(),
            spent: spent.iter().copied().collect(),
        }
    }

    #[test]
    fn numbers_come_from_above_the_highest_ever_given() {
        assert_eq!(
            next(&numbers(&[], &[]), (100, 200), false),
            Ok(Next::Fresh(vmid(100)))
        );
        assert_eq!(
            next(&numbers(&[100, 105], &[]), (100, 200), false),
            Ok(Next::Fresh(vmid(106)))
        );
        assert_eq!(
            next(&numbers(&[100], &[120]), (100, 200), false),
            Ok(Next::Fresh(vmid(121)))
        );
    }

    #[test]
    fn numbers_outside_the_range_do_not_matter() {
        assert_eq!(
            next(&numbers(&[50, 9000], &[300]), (100, 200), false),
            Ok(Next::Fresh(vmid(100)))
        );
    }

    #[test]
    fn range_that_is_used_up_is_an_error_unless_reuse_is_allowed() {
        let full = numbers(&[102], &[100]);
        assert_eq!(
            next(&full, (100, 102), false),
            Err(Exhausted { min: 100, max: 102 })
        );
        assert_eq!(next(&full, (100, 102), true), Ok(Next::Again(vmid(100))));
        let left = Numbers {
            left: [100].into(),
            ..full.clone()
        };
        assert_eq!(next(&left, (100, 102), true), Ok(Next::Again(vmid(101))));
        assert!(next(&numbers(&[100, 101, 102], &[]), (100, 102), true).is_err());
    }

    #[test]
    fn bounds_of_the_datacenter_are_honoured() {
        let bounds = NumberBounds {
            lower: Some(500),
            upper: Some(600),
        };
        assert_eq!(range(None, bounds), (500, 600));
        assert_eq!(range(Some((550, 900)), bounds), (550, 600));
        assert!(next(&numbers(&[], &[]), range(Some((100, 200)), bounds), true).is_err());
    }

    #[test]
    fn guest_made_again_has_another_identity() {
        assert_ne!(identity("c", "r", number(100)), identity("c", "r", number(101)));
        assert_eq!(identity("c", "r", number(100)), identity("c", "r", number(100)));
    }

    #[test]
    fn domains_of_a_resource_are_known_beforehand_and_never_made_twice() {
        let first = next_domain("c", "r", None, |_| false).unwrap();
        assert_eq!(next_domain("c", "r", None, |_| false), Some(first));
        let second = next_domain("c", "r", Some(first), |_| false).unwrap();
        assert_eq!(next_domain("c", "r", None, |uuid| uuid == first), Some(second));
        assert_ne!(first, second);
        for made in [first, second] {
            assert!(is_made_by("c", "r", made.into(), made));
            assert!(!is_made_by("c", "other", made.into(), made));
        }
        assert!(!is_made_by(
            "c",
            "r",
            Uuid::from_u128(1).into(),
            Uuid::from_u128(1)
        ));
        assert_eq!(next_domain("c", "r", domains("c", "r").last(), |_| false), None);
    }
}
