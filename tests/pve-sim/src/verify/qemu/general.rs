//! What a guest is called, how it starts, what protects it.

use super::super::{DNS_NAME, Kind, Param, STORAGE, TEXT, format, may};
use super::formats;

pub(crate) const GENERAL_OPTIONS: &[Param] = &[
    may("args", TEXT),
    may("autostart", Kind::Boolean),
    may("boot", Kind::Properties(&formats::BOOT)),
    may("bootdisk", Kind::Format(formats::boot_disk)),
    may("description", Kind::Text(8192)),
    may("freeze", Kind::Boolean),
    may("hookscript", Kind::Format(formats::volume_id)),
    may("hotplug", Kind::Format(formats::hotplug)),
    may("localtime", Kind::Boolean),
    may(
        "lock",
        Kind::Enum(&[
            "backup",
            "clone",
            "create",
            "migrate",
            "rollback",
            "snapshot",
            "snapshot-delete",
            "suspending",
            "suspended",
        ]),
    ),
    may("migrate_downtime", Kind::Number(0.0, f64::MAX)),
    may("migrate_speed", super::super::at_least(0)),
    may("name", DNS_NAME),
    may("onboot", Kind::Boolean),
    may(
        "ostype",
        Kind::Enum(&[
            "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26",
            "solaris",
        ]),
    ),
    may("protection", Kind::Boolean),
    may("reboot", Kind::Boolean),
    may(
        "startdate",
        Kind::Pattern(r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)"),
    ),
    may("startup", Kind::Format(formats::startup)),
    may("tags", Kind::List(format::tags)),
    may("tdf", Kind::Boolean),
    may("template", Kind::Boolean),
    may("vmstatestorage", STORAGE),
];

/// What a change of configuration takes besides the options.
pub(crate) const DELETE_AND_REVERT: &[Param] = &[
    may("delete", Kind::List(format::config_id_list)),
    may("revert", Kind::List(format::config_id_list)),
];
