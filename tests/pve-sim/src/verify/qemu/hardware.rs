//! Processors, memory, firmware, screen: what a guest's board is made of.

use super::super::{Kind, Param, Properties, at_least, may, need};
use super::formats;
use super::processor::PROCESSOR;
use crate::release::Release;

pub(crate) const HARDWARE_OPTIONS: &[Param] = &[
    may("acpi", Kind::Boolean),
    may("affinity", Kind::Format(formats::cpu_set)),
    may("agent", Kind::Properties(&AGENT_8)).until(Release::V8_4),
    may("agent", Kind::Properties(&AGENT)).from(Release::V9_2),
    may("allow-ksm", Kind::Boolean).from(Release::V9_2),
    may("amd-sev", Kind::Properties(&SEV)).from(Release::V8_4),
    may("arch", Kind::Enum(&["x86_64", "aarch64"])),
    may("balloon", at_least(0)),
    may("bios", Kind::Enum(&["seabios", "ovmf"])),
    may("cores", at_least(1)),
    may("cpu", Kind::Properties(&PROCESSOR)),
    may("cpulimit", Kind::Number(0.0, 128.0)),
    may("cpuunits", Kind::Integer(1, 262_144)),
    may("hugepages", Kind::Enum(&["any", "2", "1024"])),
    may("intel-tdx", Kind::Properties(&TDX)).from(Release::V9_2),
    may("ivshmem", Kind::Properties(&SHARED_MEMORY)),
    may("keephugepages", Kind::Boolean),
    may(
        "keyboard",
        Kind::Enum(&[
            "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is",
            "it", "ja", "lt", "mk", "nl", "no", "pl", "pt", "pt-br", "sv", "sl", "tr",
        ]),
    ),
    may("kvm", Kind::Boolean),
    may("machine", Kind::LongPattern(MACHINE_PATTERN, 40)).until(Release::V7_4),
    may("machine", Kind::Properties(&MACHINE)).from(Release::V8_4),
    may("memory", at_least(16)).until(Release::V7_4),
    may("memory", Kind::Properties(&MEMORY)).from(Release::V8_4),
    may("numa", Kind::Boolean),
    may("numa[n]", Kind::Properties(&NUMA)).times(8),
    may(
        "scsihw",
        Kind::Enum(&[
            "lsi",
            "lsi53c810",
            "virtio-scsi-pci",
            "virtio-scsi-single",
            "megasas",
            "pvscsi",
        ]),
    ),
    may("shares", Kind::Integer(0, 50_000)),
    may("smbios1", Kind::LongFormat(formats::system_information, 512)),
    may("smp", at_least(1)),
    may("sockets", at_least(1)),
    may("spice_enhancements", Kind::Properties(&SPICE)),
    may("tablet", Kind::Boolean),
    may("vcpus", at_least(1)),
    may("vga", Kind::Properties(&VGA)),
    may(
        "vmgenid",
        Kind::Pattern(r"(?:[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01])"),
    ),
];

const AGENT_TYPE: Kind = Kind::Enum(&["virtio", "isa"]);

const AGENT_8: Properties = Properties::new(
    Some("enabled"),
    &[
        need("enabled", Kind::Boolean),
        may("freeze-fs-on-backup", Kind::Boolean),
        may("fstrim_cloned_disks", Kind::Boolean),
        may("type", AGENT_TYPE),
    ],
);

const AGENT: Properties = Properties::new(
    Some("enabled"),
    &[
        need("enabled", Kind::Boolean),
        may("freeze-fs", Kind::Boolean),
        may("fstrim_cloned_disks", Kind::Boolean),
        may("type", AGENT_TYPE),
    ],
)
.aliases(&[
    ("freeze-fs-on-backup", "freeze-fs"),
    ("guest-fsfreeze", "freeze-fs"),
]);

/// `pve-qemu-sev-fmt` (qemu-server, `PVE::QemuServer::CPUConfig`).
const SEV: Properties = Properties::new(
    Some("type"),
    &[
        need("type", Kind::Enum(&["std", "es", "snp"])),
        may("allow-smt", Kind::Boolean),
        may("kernel-hashes", Kind::Boolean),
        may("no-debug", Kind::Boolean),
        may("no-key-sharing", Kind::Boolean),
    ],
);

/// `pve-qemu-tdx-fmt` (qemu-server, `PVE::QemuServer::CPUConfig`).
const TDX: Properties = Properties::new(
    Some("type"),
    &[
        need("type", Kind::Enum(&["tdx"])),
        may("attestation", Kind::Boolean),
        may("vsock-cid", at_least(2)),
        may("vsock-port", at_least(0)),
    ],
);

const SHARED_MEMORY: Properties = Properties::new(
    None,
    &[
        may("name", Kind::Pattern(r"[a-zA-Z0-9\-]+")),
        need("size", at_least(1)),
    ],
);

/// The types of machines.
pub(crate) const MACHINE_PATTERN: &str = r"(pc|pc(-i440fx)?-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|q35|pc-q35-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|virt(?:-\d+(\.\d+)+)?(\+pve\d+)?)";

pub(crate) const MACHINE: Properties = Properties::new(
    Some("type"),
    &[
        may("aw-bits", Kind::Number(32.0, 64.0)).from(Release::V9_2),
        may("enable-s3", Kind::Boolean),
        may("enable-s4", Kind::Boolean),
        may("type", Kind::LongPattern(MACHINE_PATTERN, 40)),
        may("viommu", Kind::Enum(&["intel", "virtio"])),
    ],
);

const MEMORY: Properties = Properties::new(Some("current"), &[need("current", at_least(16))]);

/// Ranges of numbers, with semicolons between.
const RANGES: Kind = Kind::Pattern(r"(?:\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*)");

const NUMA: Properties = Properties::new(
    None,
    &[
        need("cpus", RANGES),
        may("hostnodes", RANGES),
        may("memory", Kind::Number(f64::MIN, f64::MAX)),
        may("policy", Kind::Enum(&["preferred", "bind", "interleave"])),
    ],
);

const SPICE: Properties = Properties::new(
    None,
    &[
        may("foldersharing", Kind::Boolean),
        may("videostreaming", Kind::Enum(&["off", "all", "filter"])),
    ],
);

const VGA: Properties = Properties::new(
    Some("type"),
    &[
        may("clipboard", Kind::Enum(&["vnc"])).from(Release::V8_4),
        may("memory", Kind::Integer(4, 512)),
        may(
            "type",
            Kind::Enum(&[
                "cirrus",
                "qxl",
                "qxl2",
                "qxl3",
                "qxl4",
                "none",
                "serial0",
                "serial1",
                "serial2",
                "serial3",
                "std",
                "virtio",
                "virtio-gl",
                "vmware",
            ]),
        ),
    ],
);
