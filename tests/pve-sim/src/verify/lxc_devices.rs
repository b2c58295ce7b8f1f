//! The property strings of a container: mount points, network cards, passed-through devices, features.

use super::{Kind, Param, Properties, address, at_least, format, may, need};
use crate::release::Release;

const MOUNT_OPTIONS: &str = concat!(
    "(?:(?:(discard|lazytime|noatime|nodev|noexec|nosuid))",
    "(;(?:(discard|lazytime|noatime|nodev|noexec|nosuid)))*)"
);
const OLD_MOUNT_OPTIONS: &str = concat!(
    "(?:(?:(noatime|lazytime|nodev|nosuid|noexec))",
    "(;(?:(noatime|lazytime|nodev|nosuid|noexec)))*)"
);
const ID_MAP: &str = concat!(
    "(?:^(?:passthrough|[ug]:[0-9]+:[0-9]+:[1-9][0-9]*",
    "(?:;[ug]:[0-9]+:[0-9]+:[1-9][0-9]*)*)$)"
);

const ACL: Param = may("acl", Kind::Boolean);
const IDMAP: Param = may("idmap", Kind::Pattern(ID_MAP)).from(Release::V9_2);
const QUOTA: Param = may("quota", Kind::Boolean);
const REPLICATE: Param = may("replicate", Kind::Boolean);
const READ_ONLY: Param = may("ro", Kind::Boolean);
const SHARED: Param = may("shared", Kind::Boolean);
const SIZE: Param = may("size", Kind::Format(format::disk_size));
const VOLUME: Param = need("volume", Kind::Format(format::mount_path));
const OPTIONS: Param = may("mountoptions", Kind::Pattern(MOUNT_OPTIONS)).from(Release::V8_4);
const OLD_OPTIONS: Param = may("mountoptions", Kind::Pattern(OLD_MOUNT_OPTIONS)).until(Release::V7_4);

pub(super) const ROOTFS: Properties = Properties::new(
    Some("volume"),
    &[
        ACL,
        IDMAP,
        OPTIONS,
        OLD_OPTIONS,
        QUOTA,
        READ_ONLY,
        REPLICATE,
        SHARED,
        SIZE,
        VOLUME,
    ],
);

pub(super) const MOUNT_POINT: Properties = Properties::new(
    Some("volume"),
    &[
        ACL,
        may("backup", Kind::Boolean),
        IDMAP,
        may("keepattrs", Kind::Boolean).from(Release::V9_2),
        OPTIONS,
        OLD_OPTIONS,
        need("mp", Kind::Format(format::mount_path)),
        QUOTA,
        READ_ONLY,
        REPLICATE,
        SHARED,
        SIZE,
        VOLUME,
    ],
);

pub(super) const UNUSED: Properties =
    Properties::new(Some("volume"), &[need("volume", Kind::Format(format::volume_id))]);

pub(super) const DEVICE: Properties = Properties::new(
    Some("path"),
    &[
        may("deny-write", Kind::Boolean),
        may("gid", at_least(0)),
        may("mode", Kind::Pattern("0[0-7]{3}")),
        may("path", Kind::Format(format::device_path)),
        may("uid", at_least(0)),
    ],
);

pub(super) const FEATURES: Properties = Properties::new(
    None,
    &[
        may("force_rw_sys", Kind::Boolean),
        may("fuse", Kind::Boolean),
        may("keyctl", Kind::Boolean),
        may("mknod", Kind::Boolean),
        may("mount", Kind::Pattern("(?:[a-zA-Z0-9_; ]+)")),
        may("nesting", Kind::Boolean),
    ],
);

pub(super) const NET: Properties = Properties::new(
    None,
    &[
        may("bridge", Kind::Pattern(r"[-_.\w\d]+")),
        may("firewall", Kind::Boolean),
        may("gw", Kind::Format(address::ipv4)),
        may("gw6", Kind::Format(address::ipv6)),
        may("host-managed", Kind::Boolean).from(Release::V9_2),
        may("hwaddr", Kind::Format(address::mac)),
        may("ip", Kind::Format(address::ipv4_config)),
        may("ip6", Kind::Format(address::ipv6_config)),
        may("link_down", Kind::Boolean),
        may("mtu", Kind::Integer(64, 65_535)),
        need("name", Kind::Pattern(r"[-_.\w\d]+")),
        may("rate", Kind::Number(f64::MIN, f64::MAX)),
        may("tag", Kind::Integer(1, 4094)),
        may("trunks", Kind::Pattern(r"(?:\d+(?:;\d+)*)")),
        may("type", Kind::Enum(&["veth"])),
    ],
);
