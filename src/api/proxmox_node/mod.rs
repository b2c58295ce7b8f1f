//! Nodes of Proxmox VE, one resource a node: what is declared (`spec`, `connection`, `tenancy`, `maintenance`) and what is
//! (`status`).

mod connection;
mod maintenance;
mod spec;
mod status;
mod tenancy;

pub use connection::*;
pub use maintenance::*;
pub use spec::*;
pub use status::*;
pub use tenancy::*;
