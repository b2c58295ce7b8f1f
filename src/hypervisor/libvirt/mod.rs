//! Libvirt, the second driver.

pub mod xml;
