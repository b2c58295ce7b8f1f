//! Paths on the host and in a container.

use crate::hypervisor::proxmox::property::words;

words! {
    /// An absolute path.
    HostPath: "an absolute path", |text| text.starts_with('/'), "(/[a-zA-Z0-9._-]{1,8}){1,4}";
    /// Where a mount point is seen in its container (pve-container, `LXC/Config.pm`, `pve-lxc-mp-string`).
    MountPath: "a path without '..'",
        |text| !text.split('/').any(|segment| segment == ".."),
        "(/[a-zA-Z0-9._-]{3,8}){1,4}";
    /// A device of the host that a container sees (pve-container, `LXC/Config.pm`, `pve-lxc-dev-string`).
    DevicePath: "a path under /dev without '..'",
        |text| text.starts_with("/dev/") && !text.split('/').any(|segment| segment == ".."),
        "/dev(/[a-zA-Z0-9]{1,8}){1,3}";
    /// A file under the host's folder of ROMs.
    RomFile: "the name of a file", |text| !text.contains([';', '/']), "[a-z0-9._-]{1,10}";
}
