//! What libvirt is told and tells, which is XML: domains, storage pools, volumes, networks and capabilities.
//!
//! Pure: nothing here speaks to a host. Read by roxmltree into a tree that keeps what Drover does not know, and
//! written from such a tree, never by putting texts together.

pub mod capabilities;
pub mod domain;
pub mod network;
pub mod pool;
pub mod tree;
mod units;
pub mod volume;

pub use tree::{ReadXml, WriteXml};
