//! What is one option each, notes, firmware, and options without a field of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compare, Problem, storage_for};
use crate::api::{Bios, MIB, Size};
use crate::model::{Change, GuestConfig, Hardware};
use crate::plan::desired::{Desired, DesiredSettings};
use crate::plan::identity::mark;

/// How many devices of the host a machine may have (qemu-server, `QemuServer/PCI.pm`).
const DEVICES: usize = 16;

pub(super) fn compare(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let want = &desired.settings;
    compare.field(
        "cpu.limit",
        want.cpu_limit.as_ref(),
        &next.cpu_limit,
        Change::CpuLimit,
    );
    compare.field(
        "cpu.units",
        want.cpu_units.as_ref(),
        &next.cpu_units,
        Change::CpuUnits,
    );
    // Without the option, nothing of the memory is taken back.
    let all = desired.memory_mib.unwrap_or(next.memory_mib);
    let minimum = next.memory_minimum_mib.unwrap_or(all);
    if let Some(to) = want.memory_minimum_mib.filter(|to| *to != minimum) {
        let text = |mib: u64| Size::of_bytes(mib.saturating_mul(MIB)).0;
        compare.differs(
            "memory.minimum",
            text(to),
            text(minimum),
            Change::MemoryMinimumMib(to),
        );
    }
    if let Some(tags) = want.tags.as_ref().filter(|tags| **tags != next.tags) {
        compare.differs(
            "tags",
            listed(tags),
            listed(&next.tags),
            Change::Tags(tags.clone()),
        );
    }
    let board = next.machine.clone().unwrap_or_else(|| "pc".to_owned());
    compare.field("firmware.machine", want.machine.as_ref(), &board, Change::Machine);
    devices(want, next, compare);
}

fn listed(tags: &BTreeSet<String>) -> String {
    if tags.is_empty() {
        return "none".to_owned();
    }
    tags.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn devices(want: &DesiredSettings, next: &Hardware, compare: &mut Compare) {
    let there: BTreeSet<&String> = next.devices.values().flatten().collect();
    let mut free = (0..DEVICES)
        .map(|number| format!("hostpci{number}"))
        .filter(|slot| !next.devices.contains_key(slot));
    for mapping in want.devices.iter().filter(|mapping| !there.contains(mapping)) {
        let Some(slot) = free.next() else {
            compare.problem(Problem::NoSlotForDevice {
                mapping: mapping.clone(),
            });
            return;
        };
        let change = Change::AddDevice {
            slot,
            mapping: mapping.clone(),
        };
        let field = format!("hostDevices[{mapping}]");
        compare.differs(&field, mapping.clone(), "none".to_owned(), change);
    }
}

/// What people wrote beside the mark.
pub(super) fn notes(desired: &Desired, config: &GuestConfig, compare: &mut Compare) {
    let have = mark::notes(&config.description);
    if let Some(want) = desired.settings.notes.as_ref().filter(|want| **want != have) {
        let change = Change::Description(mark::with_notes(&config.description, want));
        compare.differs("description", want.clone(), have, change);
    }
}

/// Options without a field of their own.
pub(super) fn extra(desired: &Desired, raw: &BTreeMap<String, String>, compare: &mut Compare) {
    for (key, want) in &desired.settings.extra {
        let have = raw.get(key).map(String::as_str).unwrap_or_default();
        if parts(want) != parts(have) {
            let text = |value: &str| {
                if value.is_empty() {
                    "none".to_owned()
                } else {
                    value.to_owned()
                }
            };
            let change = Change::Option {
                key: key.clone(),
                value: (!want.is_empty()).then(|| want.clone()),
            };
            compare.differs(&format!("extraConfig.{key}"), text(want), text(have), change);
        }
    }
}

/// What stands between commas: hosts write it in an order of their own.
fn parts(value: &str) -> BTreeSet<&str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The firmware of a machine that is made.
pub(super) fn new_firmware(desired: &Desired, compare: &mut Compare) {
    let want = &desired.settings;
    if let Some(bios) = want.bios {
        compare.differs(
            "firmware.bios",
            bios.as_str().to_owned(),
            "none".to_owned(),
            Change::Bios(bios.as_str()),
        );
    }
    if want.bios == Some(Bios::Ovmf) {
        efi_disk(desired, &Hardware::nothing(), compare);
    }
    if want.tpm == Some(true) {
        tpm(desired, &Hardware::nothing(), compare);
    }
}

/// The firmware of a machine that exists: an installed system boots with one of them alone, so it is never exchanged.
pub(super) fn firmware(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let want = &desired.settings;
    let have = next.bios.as_deref().unwrap_or(Bios::Seabios.as_str());
    let mut differs = |field: &'static str, want: String, have: String| {
        if compare.drifted(field, want.clone(), have.clone()) {
            compare.problem(Problem::Fixed { field, want, have });
        }
    };
    if let Some(bios) = want.bios.map(Bios::as_str).filter(|bios| *bios != have) {
        return differs("firmware.bios", bios.to_owned(), have.to_owned());
    }
    if let (Some(want), Some((_, have))) = (want.secure_boot, &next.efi_disk)
        && want != *have
    {
        return differs("firmware.secureBoot", want.to_string(), have.to_string());
    }
    if want.tpm == Some(false) && next.tpm.is_some() {
        return differs("firmware.tpm", "false".to_owned(), "true".to_owned());
    }
    if want.bios == Some(Bios::Ovmf) && next.efi_disk.is_none() {
        efi_disk(desired, next, compare);
    }
    if want.tpm == Some(true) && next.tpm.is_none() {
        tpm(desired, next, compare);
    }
}

fn efi_disk(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let field = "firmware.bios";
    let Some(storage) = storage_for(desired, next) else {
        compare.problem(Problem::NoStorage { field });
        return;
    };
    let change = Change::EfiDisk {
        storage,
        secure_boot: desired.settings.secure_boot == Some(true),
    };
    compare.differs(
        field,
        "a disk for UEFI's variables".to_owned(),
        "none".to_owned(),
        change,
    );
}

fn tpm(desired: &Desired, next: &Hardware, compare: &mut Compare) {
    let field = "firmware.tpm";
    let Some(storage) = storage_for(desired, next) else {
        compare.problem(Problem::NoStorage { field });
        return;
    };
    compare.differs(
        field,
        "true".to_owned(),
        "false".to_owned(),
        Change::Tpm { storage },
    );
}
