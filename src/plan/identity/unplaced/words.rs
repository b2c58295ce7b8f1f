//! What is asked about a resource without a number, and what is answered.

use std::time::Instant;

use uuid::Uuid;

use crate::model::{GuestConfig, GuestId, Lock};
use crate::plan::identity::verdict::Hold;

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
    pub pinned: Option<GuestId>,
    /// The number that was reserved for it last, before its status was lost.
    pub reserved: Option<GuestId>,
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
    pub reserved: Option<GuestId>,
}

/// A machine of the cluster to which no resource lays claim.
#[derive(Clone, Copy, Debug)]
pub struct Unowned<'a> {
    /// Its number.
    pub id: GuestId,
    /// Its name in the bulk list; absent for the first seconds of a new guest.
    pub name: Option<&'a str>,
    /// Its configuration, and when this process read it.
    pub config: Option<(&'a GuestConfig, Instant)>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read these configurations first.
    Read(Vec<GuestId>),
    /// This guest is being made, or has no name yet: it may turn out to be the resource's own.
    WaitFor(GuestId),
    /// The status was lost: this guest is the resource's own. `None`: its mark is not sealed.
    Bind(GuestId, Option<Uuid>),
    /// This guest is to become the resource's own, if that still holds when it is read again ([`take`]).
    Take(GuestId),
    /// Something about this guest stands in the way of making another.
    Hold(GuestId, Obstacle),
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
    Twice(Vec<GuestId>),
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
    OtherNumber(GuestId),
    /// Others carry such a mark too.
    Several(Vec<GuestId>),
}
