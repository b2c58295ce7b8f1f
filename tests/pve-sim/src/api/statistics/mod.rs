//! Figures over time: `rrddata` of nodes, guests and storages, and the export for systems that keep their own.

mod export;
mod rrddata;

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[super::Endpoint]] = &[rrddata::ENDPOINTS, export::ENDPOINTS];
