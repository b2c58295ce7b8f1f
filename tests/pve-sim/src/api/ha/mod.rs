//! `/cluster/ha`: what the HA stack is to keep running, and how it stands; and the orders to guests that it takes over.

mod groups;
mod manager;
mod orders;
mod recovery;
mod resources;
mod rules;
mod sections;
mod status;

use super::Allow;

pub(super) use manager::manage;
pub(crate) use manager::manage_resources;
pub(super) use orders::{Order, divert};

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[super::Endpoint]] = &[
    resources::ENDPOINTS,
    groups::ENDPOINTS,
    rules::ENDPOINTS,
    status::ENDPOINTS,
];

const AUDIT: Allow = Allow::Any("/", &["Sys.Audit"]);
const CONSOLE: Allow = Allow::Any("/", &["Sys.Console"]);
