//! A device of the host that a container sees: `dev[n]`, from 8.2.

use super::super::paths::DevicePath;
use crate::hypervisor::proxmox::property::{Whole, property_string, words};

words! {
    /// Rights on a file, octal.
    DeviceMode: "0 and three octal digits",
        |text| text.len() == 4 && text.starts_with('0') && text.bytes().all(|b| (b'0'..b'8').contains(&b)),
        "0[0-7]{3}";
}

property_string! {
    /// A device of the host.
    Device, "path" {
        /// Where it is.
        path: DevicePath = "path";
        /// The rights on it.
        mode: DeviceMode = "mode";
        /// Its owner in the container.
        uid: Whole<0> = "uid";
        /// Its group in the container.
        gid: Whole<0> = "gid";
        /// Whether the container may not write to it, from 8.3.
        deny_write: bool = "deny-write";
    }
}
