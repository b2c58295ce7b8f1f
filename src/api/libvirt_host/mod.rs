//! Hosts with libvirt, one resource a connection.

mod spec;

pub use spec::*;
