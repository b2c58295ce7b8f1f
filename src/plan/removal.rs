//! Whether a machine goes with its resource, or stays because more than the resource is being deleted
//! (`docs/identity.md`): whoever deletes a namespace or a kind hardly means every machine in it.

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

#[cfg(test)]
mod tests {
    use super::*;

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
