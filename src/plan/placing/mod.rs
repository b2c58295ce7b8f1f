//! A machine that has no number yet: whether its host takes it, which machines of the cluster are whose, and what is said
//! of that which stands in the way. The decision itself is `identity::unplaced`, the call that makes a machine `making`.
//!
//! `admission` is the host, `owners` whose machines are, `declared` what is wanted, `obstacles` what was found instead of
//! nothing, `number` the number that the spec names, `lost` a machine that is there no longer, `under_way` one that the host
//! works on.

mod admission;
mod declared;
mod lost;
mod number;
mod obstacles;
mod owners;
mod under_way;

pub use admission::{
    allow, host_name, host_not_found, is_allowed, is_shown_by, not_on_libvirt_yet, not_usable,
    nothing_to_observe, observed_container, observed_without_number, observes, same_cluster, takes_machines,
    window_not_understood,
};
pub use declared::{class_not_found, declared};
pub use lost::{Lost, absent, lost, node_offline};
pub use number::{check_taken, has_volumes, not_shown};
pub use obstacles::{
    being_made, bound_again, living, no_majority, nothing_to_adopt, obstructed, reserved_not_shown, taken,
    unreadable,
};
pub use owners::{KIND, Names, Owners, adopts, made_on, mark, origin, recovers, reserved_before};
pub use under_way::{at_work, given_up_later, made, sealing, stale_lock, taken_later};
