//! What cloud-init is told.

use super::super::{Kind, Param, Properties, TEXT, format, may};
use super::formats;
use crate::release::Release;

pub(crate) const CLOUD_INIT_OPTIONS: &[Param] = &[
    may("cicustom", Kind::Properties(&CUSTOM)),
    may("cipassword", TEXT),
    may("citype", Kind::Enum(&["configdrive2", "nocloud", "opennebula"])),
    may("ciupgrade", Kind::Boolean).from(Release::V8_4),
    may("ciuser", TEXT),
    may("ipconfig[n]", Kind::Properties(&ADDRESSES)).times(32),
    may("nameserver", Kind::List(formats::addresses)),
    may("searchdomain", TEXT),
    may("sshkeys", Kind::Format(format::url_encoded)),
];

/// Whether cloud-init is told an option.
pub(crate) fn is_cloud_init(option: &str) -> bool {
    CLOUD_INIT_OPTIONS.iter().any(|param| param.is_named(option))
}

/// `pve-qm-cicustom` (qemu-server, `PVE::QemuServer`).
const CUSTOM: Properties = Properties::new(
    None,
    &[
        may("meta", Kind::Format(formats::volume_id)),
        may("network", Kind::Format(formats::volume_id)),
        may("user", Kind::Format(formats::volume_id)),
        may("vendor", Kind::Format(formats::volume_id)),
    ],
);

/// `pve-qm-ipconfig` (qemu-server, `PVE::QemuServer`).
const ADDRESSES: Properties = Properties::new(
    None,
    &[
        may("gw", Kind::Format(formats::ipv4)).requires("ip"),
        may("gw6", Kind::Format(formats::ipv6)).requires("ip6"),
        may("ip", Kind::Format(formats::ipv4_config)),
        may("ip6", Kind::Format(formats::ipv6_config)),
    ],
);
