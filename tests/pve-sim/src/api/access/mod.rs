//! `/access`: who there is, what each may, and logging in (`PVE::API2::AccessControl` and the modules below it).

mod acl;
mod change;
mod groups;
mod permissions;
mod permit;
mod realms;
mod roles;
mod second_factors;
mod tickets;
mod tokens;
mod users;

use super::Endpoint;

pub(super) use change::{change, refused_within};
pub(super) use permit::may_grant;

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[Endpoint]] = &[
    acl::ENDPOINTS,
    groups::ENDPOINTS,
    permissions::ENDPOINTS,
    realms::ENDPOINTS,
    roles::ENDPOINTS,
    second_factors::ENDPOINTS,
    tickets::ENDPOINTS,
    tokens::ENDPOINTS,
    users::ENDPOINTS,
];
