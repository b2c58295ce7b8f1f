//! Proxmox VE over its HTTPS API.
