//! Drover: a Kubernetes operator for virtual machines and containers on Proxmox VE and libvirt.
//!
//! The library is the whole program; `main.rs` only calls [`cli::main`]. `ARCHITECTURE.md` tells the
//! floors, and `tests/it/floors.rs` holds them: a module imports only from floors below its own.

#[cfg(all(feature = "break-reservation", not(debug_assertions)))]
compile_error!("break-reservation is a deliberate mistake for `make faults`, and never for a release");

pub mod api;
pub mod cli;
pub mod controllers;
pub mod fleet;
pub mod hypervisor;
pub mod model;
pub mod operator;
pub mod plan;
pub mod runtime;
pub mod standalone;
