//! Names that Drover uses on every kind: group, finalizers, annotations, field managers.

/// The API group of all kinds.
pub const GROUP: &str = "drover.dev";
/// The API version of all kinds.
pub const VERSION: &str = "v1alpha1";

/// Keeps a guest's resource until its guest was dealt with.
pub const GUEST_FINALIZER: &str = "drover.dev/guest";
/// Keeps a host's resource while guests or other hosts refer to it.
pub const HOST_FINALIZER: &str = "drover.dev/host";

/// `"true"`: no pass acts; deletion waits.
pub const PAUSED: &str = "drover.dev/paused";
/// Any new value asks for a pass now; echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_AT: &str = "drover.dev/reconcile-at";
/// The identity of a lost guest that may be made again.
pub const RECREATE: &str = "drover.dev/recreate";

/// `"true"`: the machine under `spec.vmid`, which nobody owns, is to be this resource's.
pub const ADOPT: &str = "drover.dev/adopt";
/// `"true"` on a resource that is being deleted: it goes without its host being asked for anything.
pub const FORCE_RELEASE: &str = "drover.dev/force-release";
/// On a host, the time in `status.deletionsHeld.since`: the machines that were deleted by now may go.
pub const RELEASE_DELETIONS: &str = "drover.dev/release-deletions";

/// The label of what Drover made of itself: machines that were found on a host, and members of a cluster; its value is the
/// host's name.
pub const DISCOVERED: &str = "drover.dev/discovered-by";

/// On a namespace, `"true"`: who deletes it means its machines too.
pub const DELETE_GUESTS: &str = "drover.dev/delete-guests";

/// The number that was reserved last, written by Drover with the finalizer: a witness that outlives a lost
/// status.
pub const RESERVED_VMID: &str = "drover.dev/reserved-vmid";
/// Likewise, of a domain of libvirt.
pub const RESERVED_UUID: &str = "drover.dev/reserved-uuid";

/// The field manager of Drover's controllers, and the reporting controller of its Events.
pub const MANAGER: &str = "drover";
/// The tag on a guest, a hint for people and never evidence.
pub const TAG: &str = "drover";
