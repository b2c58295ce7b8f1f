//! The `Hypervisor` trait and its drivers.
