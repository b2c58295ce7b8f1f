//! `/nodes/{node}/capabilities/qemu`: the processors and machines that QEMU can emulate.

use serde_json::{Value, json};

use super::super::{Allow, Call, Endpoint, Run};
use super::AUDIT;
use crate::release::Release;
use crate::verify::{Kind, Param, may};
use crate::wire::Reply;

const ARCH: &[Param] = &[may("arch", Kind::Enum(&["x86_64", "aarch64"])).from(Release::V9_2)];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/nodes/{node}/capabilities/qemu/cpu",
        Allow::Everyone,
        &[ARCH],
        Run::Show(processors),
    ),
    Endpoint::get(
        "/nodes/{node}/capabilities/qemu/machines",
        Allow::Everyone,
        &[ARCH],
        Run::Show(machines),
    ),
    Endpoint::get(
        "/nodes/{node}/capabilities/qemu/migration",
        AUDIT,
        &[],
        Run::Show(|_| Reply::data(json!({"has-dbus-vmstate": 1}))),
    )
    .from(Release::V9_2),
];

/// Models of QEMU's (`PVE::QemuServer::CPUConfig`): vendor, since which release, a name with its variants.
const MODELS: &[(&str, Release, &str, &[&str])] = &[
    ("AuthenticAMD", Release::V7_4, "athlon", &[""]),
    ("AuthenticAMD", Release::V7_4, "phenom", &[""]),
    (
        "AuthenticAMD",
        Release::V7_4,
        "Opteron_G",
        &["1", "2", "3", "4", "5"],
    ),
    ("AuthenticAMD", Release::V7_4, "EPYC", &["", "-IBPB", "-v3"]),
    ("AuthenticAMD", Release::V8_4, "EPYC", &["-v4"]),
    ("AuthenticAMD", Release::V9_2, "EPYC", &["-v5"]),
    ("AuthenticAMD", Release::V7_4, "EPYC-Rome", &["", "-v2"]),
    ("AuthenticAMD", Release::V8_4, "EPYC-Rome", &["-v3", "-v4"]),
    ("AuthenticAMD", Release::V9_2, "EPYC-Rome", &["-v5"]),
    ("AuthenticAMD", Release::V7_4, "EPYC-Milan", &[""]),
    ("AuthenticAMD", Release::V8_4, "EPYC-Milan", &["-v2"]),
    ("AuthenticAMD", Release::V9_2, "EPYC-Milan", &["-v3"]),
    ("AuthenticAMD", Release::V8_4, "EPYC-Genoa", &[""]),
    ("AuthenticAMD", Release::V9_2, "EPYC-Genoa", &["-v2"]),
    ("AuthenticAMD", Release::V9_2, "EPYC-Turin", &[""]),
    ("GenuineIntel", Release::V7_4, "486", &[""]),
    ("GenuineIntel", Release::V7_4, "pentium", &["", "2", "3"]),
    ("GenuineIntel", Release::V7_4, "coreduo", &[""]),
    ("GenuineIntel", Release::V7_4, "core2duo", &[""]),
    ("GenuineIntel", Release::V7_4, "Conroe", &[""]),
    ("GenuineIntel", Release::V7_4, "Penryn", &[""]),
    ("GenuineIntel", Release::V7_4, "Nehalem", &["", "-IBRS"]),
    ("GenuineIntel", Release::V7_4, "Westmere", &["", "-IBRS"]),
    ("GenuineIntel", Release::V7_4, "SandyBridge", &["", "-IBRS"]),
    ("GenuineIntel", Release::V7_4, "IvyBridge", &["", "-IBRS"]),
    (
        "GenuineIntel",
        Release::V7_4,
        "Haswell",
        &["", "-IBRS", "-noTSX", "-noTSX-IBRS"],
    ),
    (
        "GenuineIntel",
        Release::V7_4,
        "Broadwell",
        &["", "-IBRS", "-noTSX", "-noTSX-IBRS"],
    ),
    (
        "GenuineIntel",
        Release::V7_4,
        "Skylake-Client",
        &["", "-IBRS", "-noTSX-IBRS"],
    ),
    ("GenuineIntel", Release::V8_4, "Skylake-Client", &["-v4"]),
    (
        "GenuineIntel",
        Release::V7_4,
        "Skylake-Server",
        &["", "-IBRS", "-noTSX-IBRS"],
    ),
    ("GenuineIntel", Release::V8_4, "Skylake-Server", &["-v4", "-v5"]),
    (
        "GenuineIntel",
        Release::V7_4,
        "Cascadelake-Server",
        &["", "-noTSX"],
    ),
    (
        "GenuineIntel",
        Release::V8_4,
        "Cascadelake-Server",
        &["-v2", "-v4", "-v5"],
    ),
    ("GenuineIntel", Release::V7_4, "Cooperlake", &[""]),
    ("GenuineIntel", Release::V8_4, "Cooperlake", &["-v2"]),
    ("GenuineIntel", Release::V7_4, "KnightsMill", &[""]),
    ("GenuineIntel", Release::V7_4, "Icelake-Client", &["", "-noTSX"]),
    ("GenuineIntel", Release::V7_4, "Icelake-Server", &["", "-noTSX"]),
    (
        "GenuineIntel",
        Release::V8_4,
        "Icelake-Server",
        &["-v3", "-v4", "-v5", "-v6"],
    ),
    ("GenuineIntel", Release::V9_2, "Icelake-Server", &["-v7"]),
    ("GenuineIntel", Release::V8_4, "SapphireRapids", &["", "-v2"]),
    ("GenuineIntel", Release::V9_2, "SapphireRapids", &["-v3", "-v4"]),
    ("GenuineIntel", Release::V8_4, "GraniteRapids", &[""]),
    ("GenuineIntel", Release::V9_2, "GraniteRapids", &["-v2", "-v3"]),
    ("GenuineIntel", Release::V9_2, "SierraForest", &["", "-v2", "-v3"]),
    ("GenuineIntel", Release::V9_2, "ClearwaterForest", &[""]),
    ("default", Release::V7_4, "host", &[""]),
    ("default", Release::V7_4, "max", &[""]),
    ("default", Release::V7_4, "kvm", &["32", "64"]),
    ("default", Release::V7_4, "qemu", &["32", "64"]),
    ("default", Release::V8_4, "x86-64-v2", &["", "-AES"]),
    ("default", Release::V8_4, "x86-64-v", &["3", "4"]),
];

/// Models that stand for no real processor are marked so since 9.
fn processors(call: &Call) -> Reply {
    let release = call.release();
    let known = MODELS.iter().filter(|(_, since, ..)| *since <= release);
    let rows = known.flat_map(|(vendor, _, name, variants)| {
        variants.iter().map(move |variant| {
            let mut row = json!({"name": format!("{name}{variant}"), "vendor": vendor, "custom": 0});
            if name.starts_with("x86-64") && release >= Release::V9_2 {
                row["abstract"] = json!(1);
            }
            row
        })
    });
    Reply::data(rows.collect::<Vec<Value>>())
}

/// The newest machines of each kind, the newest first.
fn machines(call: &Call) -> Reply {
    let versions: &[&str] = match call.release() {
        Release::V7_4 => &["7.2", "7.1", "7.0", "6.2"],
        Release::V8_4 => &["9.2+pve1", "9.2", "9.1", "9.0", "8.2"],
        Release::V9_2 => &["10.1", "10.0+pve1", "10.0", "9.2+pve1", "9.2"],
    };
    let kinds = [("i440fx", "pc-i440fx"), ("q35", "pc-q35")];
    let rows = kinds.iter().flat_map(|(kind, name)| {
        versions
            .iter()
            .map(move |version| json!({"id": format!("{name}-{version}"), "type": kind, "version": version}))
    });
    Reply::data(rows.collect::<Vec<_>>())
}
