//! `/cluster/resources`: one call for the whole cluster, ten seconds old.

mod guest_row;
mod list;

pub(super) use guest_row::GuestRow;
pub(super) use list::{ENDPOINTS, storage_row};
