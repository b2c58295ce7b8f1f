//! Keys of guests' property strings that only some releases know. The source is the API's own description of
//! its parameters in 7.4, 8.4 and 9.2, where nothing else is said.

use super::calls::is_option;
use super::release::{Release, Span};
use crate::hypervisor::proxmox::devices::GuestKind::{self, Lxc, Qemu};

struct Row {
    kind: GuestKind,
    options: &'static [&'static str],
    keys: &'static [&'static str],
    known: Span,
}

const fn row(
    kind: GuestKind,
    options: &'static [&'static str],
    keys: &'static [&'static str],
    known: Span,
) -> Row {
    Row {
        kind,
        options,
        keys,
        known,
    }
}

const DRIVES: &[&str] = &["ide[n]", "sata[n]", "scsi[n]", "virtio[n]"];

const TABLE: &[Row] = &[
    row(
        Qemu,
        DRIVES,
        &["cyls", "heads", "secs", "trans"],
        Span::before(9, 0),
    ),
    row(Qemu, &["scsi[n]"], &["product", "vendor"], Span::from(8, 4)),
    row(Qemu, &["efidisk0"], &["ms-cert"], Span::from(9, 2)),
    row(Qemu, &["tpmstate0"], &["format"], Span::from(9, 2)),
    row(Qemu, &["net[n]"], &["host-tunnel"], Span::from(9, 2)),
    row(Qemu, &["usb[n]"], &["mapping"], Span::from(8, 4)),
    row(Qemu, &["vga"], &["clipboard"], Span::from(8, 4)),
    row(
        Qemu,
        &["agent"],
        &["freeze-fs", "guest-fsfreeze"],
        Span::from(9, 2),
    ),
    // Before they were property strings, the options were the bare value alone.
    row(
        Qemu,
        &["machine"],
        &["type", "viommu", "enable-s3", "enable-s4"],
        Span::from(8, 4),
    ),
    row(Qemu, &["machine"], &["aw-bits"], Span::from(9, 2)),
    row(Qemu, &["memory"], &["current"], Span::from(8, 4)),
    row(Lxc, &["net[n]"], &["host-managed"], Span::from(9, 2)),
    row(Lxc, &["mp[n]", "rootfs"], &["idmap"], Span::from(9, 2)),
    row(Lxc, &["mp[n]"], &["keepattrs"], Span::from(9, 2)),
];

impl Release {
    /// Whether a host of this release knows a key of a guest's option (else it answers 400): `clipboard` of
    /// `vga`, `product` of `scsi0`.
    #[must_use]
    pub fn knows_key(self, kind: GuestKind, option: &str, key: &str) -> bool {
        let about = |row: &&Row| {
            row.kind == kind
                && row.keys.contains(&key)
                && row.options.iter().any(|name| is_option(name, option))
        };
        let mut rows = TABLE.iter().filter(about);
        rows.all(|row| row.known.contains(self))
    }
}
