//! Network cards, devices of the host, ports, sound.

use super::super::properties::NamedValues;
use super::super::{Kind, Param, Properties, format, may, need};
use super::formats;
use crate::release::Release;
use crate::state::NETWORK_MODELS;

pub(crate) const DEVICE_OPTIONS: &[Param] = &[
    may("audio0", Kind::Properties(&SOUND)),
    may("hostpci[n]", Kind::Properties(&PCI)).times(16),
    may("net[n]", Kind::Properties(&NET)).times(32),
    may("parallel[n]", Kind::Pattern(r"/dev/parport\d+|/dev/usb/lp\d+")).times(3),
    may("rng0", Kind::Properties(&RANDOMNESS)),
    may("serial[n]", Kind::Pattern("(/dev/.+|socket)"))
        .times(4)
        .until(Release::V8_4),
    may("serial[n]", Kind::Pattern("(/dev/[^,]+|socket)"))
        .times(4)
        .from(Release::V9_2),
    may("usb[n]", Kind::Properties(&USB_7))
        .times(14)
        .until(Release::V7_4),
    may("usb[n]", Kind::Properties(&USB))
        .times(14)
        .from(Release::V8_4),
    may("virtiofs[n]", Kind::Properties(&VIRTIOFS))
        .times(10)
        .from(Release::V8_4),
    may("watchdog", Kind::Properties(&WATCHDOG)),
];

const SOUND: Properties = Properties::new(
    None,
    &[
        need("device", Kind::Enum(&["ich9-intel-hda", "intel-hda", "AC97"])),
        may("driver", Kind::Enum(&["spice", "none"])),
    ],
);

/// A network card.
pub(crate) const NET: Properties = Properties::new(
    Some("model"),
    &[
        may("bridge", Kind::Format(formats::bridge)),
        may("firewall", Kind::Boolean),
        may("host-tunnel", Kind::Boolean).from(Release::V9_2),
        may("link_down", Kind::Boolean),
        may("macaddr", Kind::Format(formats::mac)),
        need(
            "model",
            Kind::Enum(&[
                "e1000",
                "e1000-82540em",
                "e1000-82544gc",
                "e1000-82545em",
                "e1000e",
                "i82551",
                "i82557b",
                "i82559er",
                "ne2k_isa",
                "ne2k_pci",
                "pcnet",
                "rtl8139",
                "virtio",
                "vmxnet3",
            ]),
        ),
        may("mtu", Kind::Integer(1, 65_520)),
        may("queues", Kind::Integer(0, 64)),
        may("rate", Kind::Number(0.0, f64::MAX)),
        may("tag", Kind::Integer(1, 4094)),
        may("trunks", Kind::Pattern(r"(?:\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*)")),
    ],
)
.named_values(NamedValues {
    names: NETWORK_MODELS,
    name_is: "model",
    value_is: "macaddr",
});

/// `pve-qm-hostpci` (qemu-server, `PVE::QemuServer::PCI`).
const PCI: Properties = Properties::new(
    Some("host"),
    &[
        may("device-id", HEX_ID),
        may("driver", Kind::Enum(&["vfio", "keep"])).from(Release::V9_2),
        may(
            "host",
            Kind::Pattern(r"(?:(?:[a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?;?)+"),
        ),
        may("legacy-igd", Kind::Boolean),
        may("mapping", Kind::Format(format::config_id)).from(Release::V8_4),
        may("mdev", Kind::Pattern(r"[^/\.:]+")),
        may("pcie", Kind::Boolean),
        may("rombar", Kind::Boolean),
        may("romfile", Kind::Pattern("[^,;]+")),
        may("sub-device-id", HEX_ID),
        may("sub-vendor-id", HEX_ID),
        may("vendor-id", HEX_ID),
        may("x-vga", Kind::Boolean),
    ],
);

const HEX_ID: Kind = Kind::Pattern("0x[0-9a-fA-F]{4}");

/// `pve-qm-rng` (qemu-server, `PVE::QemuServer::RNG`).
const RANDOMNESS: Properties = Properties::new(
    Some("source"),
    &[
        may("max_bytes", WHOLE),
        may("period", WHOLE),
        need(
            "source",
            Kind::Enum(&["/dev/urandom", "/dev/random", "/dev/hwrng"]),
        ),
    ],
);

const WHOLE: Kind = Kind::Integer(i64::MIN, i64::MAX);

const USB_7: Properties = Properties::new(
    Some("host"),
    &[
        need("host", Kind::Format(formats::usb_device)),
        may("usb3", Kind::Boolean),
    ],
);

const USB: Properties = Properties::new(
    Some("host"),
    &[
        may(
            "host",
            Kind::Pattern(
                r"(?:(?:(?:(?:(0x)?([0-9A-Fa-f]{4}):(0x)?([0-9A-Fa-f]{4})))|(?:(?:(\d+)\-(\d+(\.\d+)*)))|[Ss][Pp][Ii][Cc][Ee]))",
            ),
        ),
        may("mapping", Kind::Format(format::config_id)),
        may("usb3", Kind::Boolean),
    ],
);

const VIRTIOFS: Properties = Properties::new(
    Some("dirid"),
    &[
        may("cache", Kind::Enum(&["auto", "always", "metadata", "never"])),
        may("direct-io", Kind::Boolean),
        need("dirid", Kind::Format(format::config_id)),
        may("expose-acl", Kind::Boolean),
        may("expose-xattr", Kind::Boolean),
    ],
);

/// `pve-qm-watchdog` (qemu-server, `PVE::QemuServer`).
const WATCHDOG: Properties = Properties::new(
    Some("model"),
    &[
        may(
            "action",
            Kind::Enum(&["reset", "shutdown", "poweroff", "pause", "debug", "none"]),
        ),
        may("model", Kind::Enum(&["i6300esb", "ib700"])),
    ],
);
