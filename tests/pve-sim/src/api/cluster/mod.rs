//! `/version` and `/cluster`, but for the big list of resources, backup jobs and the HA stack.

mod datacenter;
mod log;
mod options;
mod sites;
mod status;

pub(super) use datacenter::NODE_CONFIG;

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[super::Endpoint]] = &[
    status::ENDPOINTS,
    options::ENDPOINTS,
    log::ENDPOINTS,
    sites::ENDPOINTS,
];
