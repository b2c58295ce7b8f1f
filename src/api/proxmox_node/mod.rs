//! Nodes of Proxmox VE, one resource a node: what is declared of them.

mod connection;
mod spec;

pub use connection::*;
pub use spec::*;
