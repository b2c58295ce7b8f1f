//! The options of storages (`/etc/pve/storage.cfg`), and formats that only calls about storages have.

use super::properties::Properties;
use super::{CONTENT_LIST, Kind, Param, STORAGE, TEXT, at_least, format, may, need};
use crate::release::Release;

const SERVER: Kind = Kind::Format(server);
const PATH: Kind = Kind::Format(path);
const GROUP: Kind = Kind::Format(group);

const TYPES_7: &[&str] = &[
    "btrfs",
    "cephfs",
    "cifs",
    "dir",
    "glusterfs",
    "iscsi",
    "iscsidirect",
    "lvm",
    "lvmthin",
    "nfs",
    "pbs",
    "rbd",
    "zfs",
    "zfspool",
];
const TYPES_8: &[&str] = &[
    "btrfs",
    "cephfs",
    "cifs",
    "dir",
    "esxi",
    "glusterfs",
    "iscsi",
    "iscsidirect",
    "lvm",
    "lvmthin",
    "nfs",
    "pbs",
    "rbd",
    "zfs",
    "zfspool",
];
const TYPES_9: &[&str] = &[
    "btrfs",
    "cephfs",
    "cifs",
    "dir",
    "esxi",
    "iscsi",
    "iscsidirect",
    "lvm",
    "lvmthin",
    "nfs",
    "pbs",
    "rbd",
    "zfs",
    "zfspool",
];

/// The types, each release's own, that a new storage has to have one of.
pub(crate) const NEW_TYPE: &[Param] = &[
    need("type", Kind::Enum(TYPES_7)).until(Release::V7_4),
    need("type", Kind::Enum(TYPES_8))
        .from(Release::V8_4)
        .until(Release::V8_4),
    need("type", Kind::Enum(TYPES_9)).from(Release::V9_2),
];

/// The same to pick storages by.
pub(crate) const OF_TYPE: &[Param] = &[
    may("type", Kind::Enum(TYPES_7)).until(Release::V7_4),
    may("type", Kind::Enum(TYPES_8))
        .from(Release::V8_4)
        .until(Release::V8_4),
    may("type", Kind::Enum(TYPES_9)).from(Release::V9_2),
];

/// Options that are given once and for all.
pub(crate) const FIXED_OPTIONS: &[Param] = &[
    may("authsupported", TEXT),
    may("base", Kind::Format(format::volume_id)),
    may("datastore", TEXT),
    may("export", PATH),
    may("iscsiprovider", TEXT),
    may("path", PATH),
    may("portal", Kind::Format(portal)),
    may("share", TEXT),
    may("target", TEXT),
    may("thinpool", GROUP),
    may("vgname", GROUP),
    may("volume", TEXT).until(Release::V8_4),
];

/// Options that can be changed.
pub(crate) const STORAGE_OPTIONS: &[Param] = &[
    may("blocksize", TEXT).until(Release::V8_4),
    may("blocksize", Kind::Format(block_size)).from(Release::V9_2),
    may("bwlimit", Kind::Properties(&LIMITS)),
    may("comstar_hg", TEXT),
    may("comstar_tg", TEXT),
    may("content", CONTENT_LIST),
    may("content-dirs", Kind::List(folders)),
    may("create-base-path", Kind::Boolean).from(Release::V8_4),
    may("create-subdirs", Kind::Boolean).from(Release::V8_4),
    may("data-pool", TEXT),
    may("disable", Kind::Boolean),
    may("domain", Kind::Text(256)),
    may("encryption-key", TEXT),
    may(
        "fingerprint",
        Kind::Pattern("([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}"),
    ),
    may("format", Kind::Format(image_format)).until(Release::V7_4),
    may("format", Kind::Enum(&["raw", "qcow2", "subvol", "vmdk"])).from(Release::V8_4),
    may("fs-name", Kind::Format(format::config_id)),
    may("fuse", Kind::Boolean),
    may("is_mountpoint", TEXT),
    may("keyring", TEXT),
    may("krbd", Kind::Boolean),
    may("lio_tpg", TEXT),
    may("master-pubkey", TEXT),
    may("max-protected-backups", at_least(-1)),
    may("maxfiles", at_least(0)).until(Release::V8_4),
    may("mkdir", Kind::Boolean),
    may("monhost", Kind::List(portal)),
    may("mountpoint", PATH),
    may("namespace", TEXT),
    may("nocow", Kind::Boolean),
    may("nodes", Kind::List(format::node)),
    may("nowritecache", Kind::Boolean),
    may("options", Kind::Format(mount_options)),
    may("password", Kind::Text(256)),
    may("pool", TEXT),
    may("port", Kind::Integer(1, 65_535)),
    may(
        "preallocation",
        Kind::Enum(&["off", "metadata", "falloc", "full"]),
    ),
    may("prune-backups", PRUNE),
    may("saferemove", Kind::Boolean),
    may(
        "saferemove-stepsize",
        Kind::Numbers(&["1", "2", "4", "8", "16", "32"]),
    )
    .from(Release::V9_2),
    may("saferemove_throughput", TEXT),
    may("server", SERVER),
    may("server2", SERVER).requires("server").until(Release::V8_4),
    may("shared", Kind::Boolean),
    may("skip-cert-verification", Kind::Boolean).from(Release::V8_4),
    may(
        "smbversion",
        Kind::Enum(&["default", "2.0", "2.1", "3", "3.0", "3.11"]),
    ),
    may("snapshot-as-volume-chain", Kind::Boolean).from(Release::V9_2),
    may("sparse", Kind::Boolean),
    may("subdir", PATH),
    may("tagged_only", Kind::Boolean),
    may("transport", Kind::Enum(&["tcp", "rdma", "unix"])).until(Release::V8_4),
    may("username", TEXT),
    may("zfs-base-path", PATH).from(Release::V9_2),
];

/// What a change takes besides.
pub(crate) const CHANGE_STORAGE: &[Param] = &[
    may("delete", Kind::LongList(format::config_id_list, 4096)),
    may("digest", Kind::Text(40)).until(Release::V7_4),
    may("digest", Kind::Text(64)).from(Release::V8_4),
];

const LIMIT: Kind = Kind::Number(0.0, f64::MAX);

const LIMITS: Properties = Properties::new(
    None,
    &[
        may("clone", LIMIT),
        may("default", LIMIT),
        may("migration", LIMIT),
        may("move", LIMIT),
        may("restore", LIMIT),
    ],
);

/// Which backups are kept: `keep-last=3,keep-daily=7`.
pub(crate) const PRUNE: Kind = Kind::Format(prune);

const KEPT: Kind = at_least(0);

const RETENTION: Properties = Properties::new(
    None,
    &[
        may("keep-all", Kind::Boolean),
        may("keep-daily", KEPT),
        may("keep-hourly", KEPT),
        may("keep-last", KEPT),
        may("keep-monthly", KEPT),
        may("keep-weekly", KEPT),
        may("keep-yearly", KEPT),
    ],
);

fn prune(name: &str, text: &str) -> Result<(), String> {
    RETENTION.check(Release::V9_2, name, text)?;
    let found = RETENTION.parse(text)?;
    if found.get("keep-all").is_some_and(|v| v == "1") && found.len() > 1 {
        return Err("keep-all cannot be set together with other options.\n".to_owned());
    }
    Ok(())
}

fn check(valid: bool, sentence: &str) -> Result<(), String> {
    if valid { Ok(()) } else { Err(sentence.to_owned()) }
}

fn path(_: &str, text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-/_.@ ".contains(&b);
    check(
        text.starts_with('/') && text.bytes().all(plain),
        "value does not look like a valid absolute path\n",
    )
}

/// A host's name or address.
fn server(_: &str, text: &str) -> Result<(), String> {
    let valid = text.parse::<std::net::IpAddr>().is_ok() || format::dns_name("", text).is_ok();
    check(
        valid,
        "value does not look like a valid server name or IP address\n",
    )
}

/// A host's name or address, perhaps with a port.
fn portal(_: &str, text: &str) -> Result<(), String> {
    let host = match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => host,
        _ => text.trim_start_matches('[').trim_end_matches(']'),
    };
    server("", host).map_err(|_| "value does not look like a valid portal address\n".to_owned())
}

/// A volume group or a pool in one.
fn group(_: &str, text: &str) -> Result<(), String> {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if first && text.bytes().all(plain) {
        Ok(())
    } else {
        Err(format!("lvm name '{text}' contains illegal characters\n"))
    }
}

/// A power of two of bytes: `8k`.
fn block_size(_: &str, text: &str) -> Result<(), String> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M']);
    let valid = digits.parse::<u32>().is_ok_and(u32::is_power_of_two);
    check(valid, "value is not a power of two or has an invalid suffix\n")
}

fn image_format(_: &str, text: &str) -> Result<(), String> {
    if ["raw", "qcow2", "vmdk", "subvol"].contains(&text) {
        Ok(())
    } else {
        Err(format!("invalid format '{text}'\n"))
    }
}

/// `iso=/isos`: where a kind of content lies instead of its usual folder.
fn folders(_: &str, text: &str) -> Result<(), String> {
    let valid = text.split_once('=').is_some_and(|(content, folder)| {
        format::content("", content).is_ok() && !folder.is_empty() && !folder.contains("..")
    });
    check(valid, "value does not look like a valid override list\n")
}

fn mount_options(_: &str, text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_=.:/,%@".contains(&b);
    if text.bytes().all(plain) {
        Ok(())
    } else {
        Err(format!(
            "value does not look like a valid options string: {text}\n"
        ))
    }
}

/// Whether an option's value goes out as a number.
pub(crate) fn storage_option_is_number(option: &str) -> bool {
    let known = STORAGE_OPTIONS.iter().chain(FIXED_OPTIONS);
    option == "priority"
        || known
            .into_iter()
            .find(|p| p.is_called(option))
            .is_some_and(|p| p.kind().is_shown_as_number())
}

/// The names of all options.
pub(crate) fn is_storage_option(option: &str) -> bool {
    let mut known = STORAGE_OPTIONS.iter().chain(FIXED_OPTIONS);
    known.any(|p| p.is_called(option))
}

/// A storage's name, where it has to be given.
pub(crate) const ITS_NAME: &[Param] = &[need("storage", STORAGE)];

/// A retention that a call is given, and the guest that it is about.
pub(crate) const PRUNE_WHAT: &[Param] = &[
    may("prune-backups", PRUNE),
    may("type", Kind::Enum(&["qemu", "lxc"])),
    may("vmid", Kind::Vmid),
];
