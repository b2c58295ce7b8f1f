//! Drives: `ide[n]`, `sata[n]`, `scsi[n]`, `virtio[n]`, and those for firmware, TPM and volumes that nothing uses.

use super::super::{Kind, Param, Properties, format, may, need};
use super::formats;
use crate::release::Release;

pub(crate) const DRIVE_OPTIONS: &[Param] = &[
    may("cdrom", Kind::Properties(&IDE)),
    may("efidisk0", Kind::Properties(&FIRMWARE)),
    may("ide[n]", Kind::Properties(&IDE)).times(4),
    may("sata[n]", Kind::Properties(&SATA)).times(6),
    may("scsi[n]", Kind::Properties(&SCSI)).times(31),
    may("tpmstate0", Kind::Properties(&TPM)),
    may("unused[n]", Kind::Properties(&UNUSED)).times(256),
    may("virtio[n]", Kind::Properties(&VIRTIO)).times(16),
];

/// The keys of a drive option; nothing for an option that isn't one.
pub(crate) fn drive_properties(option: &str) -> Option<&'static Properties> {
    let known = DRIVE_OPTIONS.iter().find(|param| param.is_named(option))?;
    match known.kind() {
        Kind::Properties(properties) => Some(properties),
        _ => None,
    }
}

const IDE: Properties = drive(&[
    COMMON,
    FORMAT,
    &[
        may("model", Kind::LongFormat(format::url_encoded, 120)),
        may("ssd", Kind::Boolean),
        WORLD_WIDE_NAME,
    ],
]);

const SATA: Properties = drive(&[COMMON, FORMAT, &[may("ssd", Kind::Boolean), WORLD_WIDE_NAME]]);

const SCSI: Properties = drive(&[
    COMMON,
    FORMAT,
    &[
        may("iothread", Kind::Boolean),
        may("product", Kind::Pattern(r"[A-Za-z0-9\-_\s]{0,16}")).from(Release::V8_4),
        may("queues", Kind::Integer(2, i64::MAX)),
        may("ro", Kind::Boolean),
        may("scsiblock", Kind::Boolean),
        may("ssd", Kind::Boolean),
        may("vendor", Kind::Pattern(r"[A-Za-z0-9\-_\s]{0,8}")).from(Release::V8_4),
        WORLD_WIDE_NAME,
    ],
]);

const VIRTIO: Properties = drive(&[
    COMMON,
    FORMAT,
    &[may("iothread", Kind::Boolean), may("ro", Kind::Boolean)],
]);

const FIRMWARE: Properties = drive(&[
    FORMAT,
    &[
        may("efitype", Kind::Enum(&["2m", "4m"])),
        FILE,
        IMPORT,
        may("ms-cert", Kind::Enum(&["2011", "2023", "2023w", "2023k"])).from(Release::V9_2),
        may("pre-enrolled-keys", Kind::Boolean),
        SIZE,
    ],
]);

const TPM: Properties = drive(&[&[
    FILE,
    may("format", Kind::Enum(&["raw", "qcow2", "vmdk"])).from(Release::V9_2),
    IMPORT,
    SIZE,
    may("version", Kind::Enum(&["v1.2", "v2.0"])),
]]);

const UNUSED: Properties = drive(&[&[need("file", Kind::Format(formats::volume_id))]]);

const fn drive(keys: &'static [&'static [Param]]) -> Properties {
    Properties::of_tables(Some("file"), keys).aliases(&[
        ("volume", "file"),
        ("bps_rd_length", "bps_rd_max_length"),
        ("bps_wr_length", "bps_wr_max_length"),
        ("iops_rd_length", "iops_rd_max_length"),
        ("iops_wr_length", "iops_wr_max_length"),
    ])
}

const FILE: Param = need("file", Kind::Format(formats::volume_id_or_path));
const IMPORT: Param = may("import-from", Kind::Format(formats::volume_id_or_absolute_path));
const SIZE: Param = may("size", Kind::Format(formats::disk_size));
const WORLD_WIDE_NAME: Param = may("wwn", Kind::Pattern("(?:^(0x)[0-9a-fA-F]{16})"));

const FORMAT: &[Param] = &[
    may(
        "format",
        Kind::Enum(&["raw", "cow", "qcow", "qed", "qcow2", "vmdk", "cloop"]),
    )
    .until(Release::V7_4),
    may(
        "format",
        Kind::Enum(&["raw", "qcow", "qed", "qcow2", "vmdk", "cloop"]),
    )
    .from(Release::V8_4),
];

const WHOLE: Kind = Kind::Integer(i64::MIN, i64::MAX);
const FROM_ONE: Kind = Kind::Integer(1, i64::MAX);
const RATE: Kind = Kind::Number(f64::MIN, f64::MAX);

/// What every bus has.
const COMMON: &[Param] = &[
    may("aio", Kind::Enum(&["native", "threads", "io_uring"])),
    may("backup", Kind::Boolean),
    may("bps", WHOLE),
    may("bps_max_length", FROM_ONE),
    may("bps_rd", WHOLE),
    may("bps_rd_max_length", FROM_ONE),
    may("bps_wr", WHOLE),
    may("bps_wr_max_length", FROM_ONE),
    may(
        "cache",
        Kind::Enum(&["none", "writethrough", "writeback", "unsafe", "directsync"]),
    ),
    may("cyls", WHOLE).until(Release::V8_4),
    may("detect_zeroes", Kind::Boolean),
    may("discard", Kind::Enum(&["ignore", "on"])),
    FILE,
    may("heads", WHOLE).until(Release::V8_4),
    IMPORT,
    may("iops", WHOLE),
    may("iops_max", WHOLE),
    may("iops_max_length", FROM_ONE),
    may("iops_rd", WHOLE),
    may("iops_rd_max", WHOLE),
    may("iops_rd_max_length", FROM_ONE),
    may("iops_wr", WHOLE),
    may("iops_wr_max", WHOLE),
    may("iops_wr_max_length", FROM_ONE),
    may("mbps", RATE),
    may("mbps_max", RATE),
    may("mbps_rd", RATE),
    may("mbps_rd_max", RATE),
    may("mbps_wr", RATE),
    may("mbps_wr_max", RATE),
    may("media", Kind::Enum(&["cdrom", "disk"])),
    may("replicate", Kind::Boolean),
    may("rerror", Kind::Enum(&["ignore", "report", "stop"])),
    may("secs", WHOLE).until(Release::V8_4),
    may("serial", Kind::LongFormat(format::url_encoded, 60)),
    may("shared", Kind::Boolean),
    SIZE,
    may("snapshot", Kind::Boolean),
    may("trans", Kind::Enum(&["none", "lba", "auto"])).until(Release::V8_4),
    may("werror", Kind::Enum(&["enospc", "ignore", "report", "stop"])),
];
