//! What holds for all property strings, type by type, and for all that a real Proxmox VE was recorded with.

mod described;
mod recorded;
mod round_trips;
