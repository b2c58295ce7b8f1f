//! Storages: what there are, what is on them, what is put there and taken away.

mod access;
mod config;
mod content;
mod download;
mod files;
mod list;
mod loopback;
mod prune;
mod retention;
mod templates;
mod types;
mod upload;
mod volume;

pub(super) use access::check_volume_access;
pub(super) use list::storage_content;
pub(super) use prune::prune_guest;
pub(crate) use upload::temporary_path;

use super::{Call, Endpoint};

/// The tables of the family.
pub(super) const TABLES: &[&[Endpoint]] = &[
    config::ENDPOINTS,
    list::ENDPOINTS,
    content::ENDPOINTS,
    volume::ENDPOINTS,
    prune::ENDPOINTS,
    upload::ENDPOINTS,
    download::ENDPOINTS,
    templates::ENDPOINTS,
];

/// Who may see a storage.
pub(super) const SEE: &[&str] = &["Datastore.Audit", "Datastore.AllocateSpace"];
