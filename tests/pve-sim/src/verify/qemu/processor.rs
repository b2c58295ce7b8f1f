//! The option `cpu` (qemu-server, `PVE::QemuServer::CPUConfig`).

use super::super::{Kind, Properties, format, may};

pub(super) const PROCESSOR: Properties = Properties::new(
    Some("cputype"),
    &[
        may("cputype", Kind::Format(model)),
        may("flags", Kind::Format(flags)),
        may("guest-phys-bits", Kind::Integer(32, 64)),
        may("hidden", Kind::Boolean),
        may("hv-vendor-id", Kind::Pattern("[a-zA-Z0-9]{1,12}")),
        may("phys-bits", Kind::Format(address_width)),
    ],
);

/// The models that QEMU knows and Proxmox lists, but for those that differ by a suffix alone.
const MODELS: &[&str] = &[
    "486",
    "Broadwell",
    "Broadwell-noTSX",
    "Cascadelake-Server",
    "Cascadelake-Server-noTSX",
    "Conroe",
    "Cooperlake",
    "EPYC",
    "EPYC-Genoa",
    "EPYC-Milan",
    "EPYC-Rome",
    "EPYC-Turin",
    "GraniteRapids",
    "Haswell",
    "Haswell-noTSX",
    "Icelake-Client",
    "Icelake-Client-noTSX",
    "Icelake-Server",
    "Icelake-Server-noTSX",
    "IvyBridge",
    "KnightsMill",
    "Nehalem",
    "Opteron_G1",
    "Opteron_G2",
    "Opteron_G3",
    "Opteron_G4",
    "Opteron_G5",
    "Penryn",
    "SandyBridge",
    "SapphireRapids",
    "SierraForest",
    "Skylake-Client",
    "Skylake-Client-noTSX",
    "Skylake-Server",
    "Skylake-Server-noTSX",
    "Westmere",
    "athlon",
    "core2duo",
    "coreduo",
    "host",
    "kvm32",
    "kvm64",
    "max",
    "pentium",
    "pentium2",
    "pentium3",
    "phenom",
    "qemu32",
    "qemu64",
    "x86-64",
];

/// What follows a model's name for a stepping or a mitigation.
const SUFFIXES: &[&str] = &[
    "-IBRS", "-IBPB", "-v2-AES", "-v1", "-v2", "-v3", "-v4", "-v5", "-v6",
];

/// The flags that a guest may have of its own; the others want a model of the administrator's.
const FLAGS: &[&str] = &[
    "aes",
    "amd-no-ssb",
    "amd-ssbd",
    "hv-evmcs",
    "hv-tlbflush",
    "ibpb",
    "md-clear",
    "nested-virt",
    "pcid",
    "pdpe1gb",
    "spec-ctrl",
    "ssbd",
    "virt-ssbd",
];

fn model(_: &str, text: &str) -> Result<(), String> {
    if let Some(custom) = text.strip_prefix("custom-") {
        return Err(format!("Custom cputype '{custom}' not found\n"));
    }
    let stem = SUFFIXES.iter().find_map(|suffix| text.strip_suffix(suffix));
    let known = |name: &str| MODELS.contains(&name);
    if known(text) || stem.is_some_and(known) {
        Ok(())
    } else {
        Err(format!(
            "Built-in cputype '{text}' is not defined (missing 'custom-' prefix?)\n"
        ))
    }
}

fn flags(_: &str, text: &str) -> Result<(), String> {
    let known = |flag: &str| {
        let name = flag.strip_prefix(['+', '-']);
        name.is_some_and(|name| FLAGS.contains(&name))
    };
    if text.split(';').all(known) {
        Ok(())
    } else {
        let all = FLAGS.join(", ");
        Err(format!("VM-specific CPU flags must be a subset of: {all}\n"))
    }
}

fn address_width(_: &str, text: &str) -> Result<(), String> {
    let number = format::integer(text).is_some_and(|bits| (8..=64).contains(&bits));
    if text == "host" || number {
        Ok(())
    } else {
        Err("value must be an integer between 8 and 64 or 'host'\n".to_owned())
    }
}
