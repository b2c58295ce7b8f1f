//! What a container may do beyond the usual: `features`. Most can be set by `root@pam` alone.

use crate::hypervisor::proxmox::property::{property_string, words};

words! {
    /// Types of file systems that may be mounted, separated by `;`.
    MountTypes: "types of file systems, separated by ';'",
        |text| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ';' | ' ')),
        "(nfs|cifs|nfs;cifs)";
}

property_string! {
    /// What a container may do.
    Features, "" {
        /// Whether it may run containers.
        nesting: bool = "nesting";
        /// Whether it may mount FUSE file systems.
        fuse: bool = "fuse";
        /// Whether it may use the kernel's key rings.
        keyctl: bool = "keyctl";
        /// Whether it may make some device nodes.
        mknod: bool = "mknod";
        /// What it may mount.
        mount: MountTypes = "mount";
        /// Whether it sees `/sys` writable.
        force_rw_sys: bool = "force_rw_sys";
    }
}
