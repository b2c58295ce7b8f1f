//! Whether a machine goes with its resource, or stays because more than the resource is being deleted
//! (`docs/identity.md`): whoever deletes a namespace or a kind hardly means every machine in it. And how many
//! may go at once.

pub mod limit;

use uuid::Uuid;

use crate::api::DeletionPolicy;

/// How something that holds the resource stands, read live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It is there.
    Stands,
    /// It is being deleted, or gone.
    Ending,
}

/// Why a machine stays although its resource goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The kind `VirtualMachine` itself is being deleted.
    KindEnds,
    /// The namespace is being deleted, and does not say that its machines go with it.
    NamespaceEnds,
}

/// Whether the machine stays. `delete_guests` is what the namespace says.
#[must_use]
pub fn kept(kind: Life, namespace: Life, delete_guests: bool) -> Option<Kept> {
    match (kind, namespace) {
        (Life::Ending, _) => Some(Kept::KindEnds),
        (Life::Stands, Life::Ending) if !delete_guests => Some(Kept::NamespaceEnds),
        (Life::Stands, _) => None,
    }
}

/// How the end of a resource looks for its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is destroyed.
    Destroy,
    /// It is backed up, and destroyed once the archive was seen.
    BackUpAndDestroy,
    /// It stays, and its mark says that it was released.
    Release(Option<Kept>),
    /// It stays as it is, with its mark.
    Leave(Kept),
}

/// Whether Drover made the machine of a resource: such a one has an identity that was known beforehand.
#[must_use]
pub fn made_by_drover(recorded: Option<Uuid>, expected: Uuid) -> bool {
    recorded.is_none_or(|uuid| uuid == expected)
}

/// The policy that holds. What Drover did not make stays, unless the spec says otherwise.
#[must_use]
pub fn policy(spec: Option<DeletionPolicy>, made_by_drover: bool) -> DeletionPolicy {
    spec.unwrap_or(if made_by_drover {
        DeletionPolicy::Delete
    } else {
        DeletionPolicy::Retain
    })
}

/// What becomes of the machine.
#[must_use]
pub const fn ending(policy: DeletionPolicy, kept: Option<Kept>) -> Ending {
    match (kept, policy) {
        (Some(Kept::KindEnds), _) => Ending::Leave(Kept::KindEnds),
        (Some(Kept::NamespaceEnds), _) => Ending::Release(Some(Kept::NamespaceEnds)),
        (None, DeletionPolicy::Retain) => Ending::Release(None),
        (None, DeletionPolicy::Delete) => Ending::Destroy,
        (None, DeletionPolicy::BackupAndDelete) => Ending::BackUpAndDestroy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drover_did_not_make_stays_unless_the_spec_says_otherwise() {
        let own = Uuid::from_u128(1);
        let other = Uuid::from_u128(2);
        assert!(made_by_drover(None, own) && made_by_drover(Some(own), own));
        assert!(!made_by_drover(Some(other), own));
        assert_eq!(policy(None, true), DeletionPolicy::Delete);
        assert_eq!(policy(None, false), DeletionPolicy::Retain);
        for spec in [
            DeletionPolicy::Delete,
            DeletionPolicy::Retain,
            DeletionPolicy::BackupAndDelete,
        ] {
            assert_eq!(policy(Some(spec), true), spec);
            assert_eq!(policy(Some(spec), false), spec);
        }
    }

    #[test]
    fn nothing_is_destroyed_with_a_namespace_or_the_kind() {
        for policy in [
            DeletionPolicy::Delete,
            DeletionPolicy::Retain,
            DeletionPolicy::BackupAndDelete,
        ] {
            assert_eq!(
                ending(policy, Some(Kept::KindEnds)),
                Ending::Leave(Kept::KindEnds)
            );
            assert_eq!(
                ending(policy, Some(Kept::NamespaceEnds)),
                Ending::Release(Some(Kept::NamespaceEnds))
            );
        }
        assert_eq!(ending(DeletionPolicy::Delete, None), Ending::Destroy);
        assert_eq!(ending(DeletionPolicy::Retain, None), Ending::Release(None));
        assert_eq!(
            ending(DeletionPolicy::BackupAndDelete, None),
            Ending::BackUpAndDestroy
        );
    }

    #[test]
    fn a_machine_goes_with_its_resource_alone_or_where_the_namespace_says_so() {
        use Life::{Ending, Stands};
        for (kind, namespace, says_so, expected) in [
            (Stands, Stands, false, None),
            (Stands, Stands, true, None),
            (Stands, Ending, false, Some(Kept::NamespaceEnds)),
            (Stands, Ending, true, None),
            (Ending, Stands, false, Some(Kept::KindEnds)),
            (Ending, Ending, true, Some(Kept::KindEnds)),
        ] {
            assert_eq!(
                kept(kind, namespace, says_so),
                expected,
                "{kind:?} {namespace:?} {says_so}"
            );
        }
    }
}
