//! How a guest is made: what must hold before the call is sent, and the call itself.
//!
//! `call` is the decision, `blank` an empty machine, `copies` clones and what backups hold, `sources` what they are made
//! of, `fit` what node and storage must be like.

mod blank;
mod call;
mod copies;
mod fit;
mod sources;
#[cfg(test)]
mod tests;

pub use call::{Make, Site, View, iso_storage, make};
pub use fit::{Missing, check_iso_storage, check_node};
pub use sources::{Material, archive, archive_storage, check_source, source};
