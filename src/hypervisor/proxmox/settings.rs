//! Settings that are one option each, or take one off: from the options of a configuration and into them.

use std::collections::BTreeSet;

use super::changes::{To, Unfit};
use super::config::{Options, is_drive, is_nic};
use super::devices::{EfiDisk, HostPci, Machine, Medium, Tags, TpmState, Unused};
use super::property::{BadProperty, Format as _};
use crate::model::{Change, Hardware, VolumeId};

/// Reads the settings into the model. An option that can't be understood is taken for its default.
pub(super) fn read(options: &Options, hardware: &mut Hardware) {
    let text = |key: &str| options.get(key).map(|value| value.trim());
    let number = |key: &str| text(key).and_then(|text| text.parse().ok());
    hardware.cpu_limit = text("cpulimit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or_default();
    hardware.cpu_units = number("cpuunits")
        .and_then(|n: u64| u32::try_from(n).ok())
        .unwrap_or_default();
    hardware.memory_minimum_mib = number("balloon");
    hardware.tags = text("tags").map(tags).unwrap_or_default();
    hardware.bios = text("bios").map(str::to_owned);
    let board = text("machine").and_then(|machine| Machine::lenient(machine).kind);
    hardware.machine = board.map(|kind| kind.to_string());
    hardware.efi_disk = text("efidisk0").and_then(|text| {
        let disk = EfiDisk::lenient(text);
        let volume = volume(disk.file.as_ref())?;
        Some((volume, disk.pre_enrolled_keys == Some(true)))
    });
    hardware.tpm = text("tpmstate0").and_then(|text| volume(TpmState::lenient(text).file.as_ref()));
    for (key, value) in options {
        if is_device(key) {
            let mapping = HostPci::lenient(value).mapping.map(|mapping| mapping.to_string());
            hardware.devices.insert(key.clone(), mapping);
        } else if is_unused(key)
            && let Some(volume) = Unused::lenient(value).file
        {
            hardware.unused.insert(key.clone(), volume);
        }
    }
}

fn volume(medium: Option<&Medium>) -> Option<VolumeId> {
    medium.and_then(Medium::volume).cloned()
}

/// In lower case: unless the cluster says otherwise, tags that differ in case alone are one tag.
fn tags(text: &str) -> BTreeSet<String> {
    let tags = text.split([',', ';', ' ']).filter(|tag| !tag.is_empty());
    tags.map(str::to_ascii_lowercase).collect()
}

fn numbered(key: &str, name: &str) -> bool {
    key.strip_prefix(name)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn is_device(key: &str) -> bool {
    numbered(key, "hostpci")
}

fn is_unused(key: &str) -> bool {
    numbered(key, "unused")
}

/// What becomes of which option; nothing for a change that is spelt elsewhere.
pub(super) fn option_of<'a>(
    change: &Change,
    option: impl Fn(&str) -> Option<&'a str>,
) -> Result<Option<(String, To)>, Unfit> {
    let decided = |key: &str, to: To| Ok(Some((key.to_owned(), to)));
    match change {
        Change::CpuLimit(cpus) => decided("cpulimit", To::of((*cpus > 0.0).then(|| cpus.to_string()))),
        Change::CpuUnits(units) => decided("cpuunits", To::of((*units > 0).then(|| units.to_string()))),
        Change::MemoryMinimumMib(mib) => decided("balloon", To::Set(mib.to_string())),
        Change::Tags(wanted) => {
            let tags = wanted.iter().map(|tag| tag.parse());
            let tags: Tags = tags
                .collect::<Result<_, _>>()
                .map_err(|reason| BadProperty::new("tags", reason))?;
            decided("tags", To::of((!wanted.is_empty()).then(|| tags.to_string())))
        }
        Change::Machine(board) => {
            let mut machine = option("machine").map(Machine::lenient).unwrap_or_default();
            machine.kind = Some(
                board
                    .parse()
                    .map_err(|reason| BadProperty::new("machine", reason))?,
            );
            decided("machine", To::Set(machine.to_string()))
        }
        Change::Unplug(slot) if is_drive(slot) || is_nic(slot) || is_device(slot) => {
            decided(slot, To::Removed)
        }
        Change::Unplug(slot) => Err(Unfit::NoSlot(slot.clone())),
        Change::DeleteUnused(slot) if is_unused(slot) && option(slot).is_some() => decided(slot, To::Removed),
        Change::DeleteUnused(slot) => Err(Unfit::NoUnused(slot.clone())),
        Change::Option { key, value } => decided(key, To::of(value.clone())),
        _ => Ok(None),
    }
}
