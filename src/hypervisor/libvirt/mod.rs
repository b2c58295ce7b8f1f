//! The driver for libvirt: QEMU, and containers by LXC.
//!
//! What needs libvirt's library is behind the cargo feature `libvirt`; what is pure is not: `uri` says which hosts can be
//! named, and how, and `xml` reads and writes what libvirt is told.

#[cfg(feature = "libvirt")]
pub mod driver;
#[cfg(feature = "libvirt")]
pub mod link;
pub mod uri;
pub mod xml;
