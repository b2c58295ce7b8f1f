//! What is one option each, as it is to be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Invalid, whole_mib};
use crate::api::{Bios, Cpu, Memory, VirtualMachineClassSpec, VirtualMachineSpec};

/// The tag on what Drover makes: a hint for people, evidence for nothing.
const TAG: &str = "drover";

/// What is one option each; what is absent is left as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredSettings {
    /// CPUs whose time it may use; 0 for no limit.
    pub cpu_limit: Option<f64>,
    /// Its weight; 0 for the host's default.
    pub cpu_units: Option<u32>,
    /// How far ballooning may shrink its memory, in MiB.
    pub memory_minimum_mib: Option<u64>,
    /// All of its tags, in lower case.
    pub tags: Option<BTreeSet<String>>,
    /// The person's part of its notes.
    pub notes: Option<String>,
    /// What starts it.
    pub bios: Option<Bios>,
    /// The board.
    pub machine: Option<String>,
    /// Whether the keys for secure boot are enrolled.
    pub secure_boot: Option<bool>,
    /// Whether it has a TPM.
    pub tpm: Option<bool>,
    /// Mappings of the devices of the host that it has, in the order of the spec.
    pub devices: Vec<String>,
    /// Options without a field of their own; empty for one that is not to be there.
    pub extra: BTreeMap<String, String>,
}

pub(super) fn resolve(
    spec: &VirtualMachineSpec,
    class: &VirtualMachineClassSpec,
    memory: Option<&Memory>,
    was_there: bool,
) -> Result<DesiredSettings, Invalid> {
    let none = Cpu::default();
    let cpu = spec.cpu.as_ref().unwrap_or(&none);
    let class_cpu = class.cpu.as_ref().unwrap_or(&none);
    let minimum = memory.and_then(|memory| memory.minimum.as_ref());
    let minimum = minimum.map(|size| whole_mib("spec.memory.minimum", size));
    let tags = spec.tags.as_ref().map(|tags| {
        let own = (!was_there).then(|| TAG.to_owned());
        tags.iter()
            .map(|tag| tag.to_ascii_lowercase())
            .chain(own)
            .collect()
    });
    let firmware = spec.firmware.clone().unwrap_or_default();
    if let Some(key) = spec.extra_config.keys().find(|key| field_of(key).is_some()) {
        let field = field_of(key).unwrap_or_default();
        let problem = format!("{key} is kept by {field}: say it there");
        return Err(Invalid::new("spec.extraConfig", problem));
    }
    Ok(DesiredSettings {
        cpu_limit: cpu.limit.or(class_cpu.limit),
        cpu_units: cpu.units.or(class_cpu.units),
        memory_minimum_mib: minimum.transpose()?,
        tags,
        notes: spec.description.as_ref().map(|text| text.trim_end().to_owned()),
        bios: firmware.bios,
        machine: firmware.machine,
        secure_boot: firmware.secure_boot,
        tpm: firmware.tpm,
        devices: spec.host_devices.iter().map(|d| d.mapping.clone()).collect(),
        extra: spec
            .extra_config
            .iter()
            .map(|(key, value)| (key.clone(), value.0.trim().to_owned()))
            .collect(),
    })
}

/// What keeps an option already.
fn field_of(key: &str) -> Option<&'static str> {
    const OPTIONS: [(&str, &str); 34] = [
        ("agent", "spec.agent"),
        ("archive", "spec.source"),
        ("balloon", "spec.memory.minimum"),
        ("bios", "spec.firmware.bios"),
        ("boot", "spec.boot.devices"),
        ("cicustom", "spec.cloudInit"),
        ("cipassword", "spec.cloudInit.passwordRef"),
        ("ciuser", "spec.cloudInit.user"),
        ("cores", "spec.cpu.cores"),
        ("cpu", "spec.cpu.type"),
        ("cpulimit", "spec.cpu.limit"),
        ("cpuunits", "spec.cpu.units"),
        ("delete", "an empty value"),
        ("description", "spec.description"),
        ("digest", "Drover itself"),
        ("lock", "the host itself"),
        ("machine", "spec.firmware.machine"),
        ("memory", "spec.memory.size"),
        ("meta", "the host itself"),
        ("name", "spec.name"),
        ("nameserver", "spec.cloudInit.nameservers"),
        ("onboot", "spec.boot.onBoot"),
        ("parent", "the host itself"),
        ("pool", "spec.pool"),
        ("protection", "spec.protection"),
        ("revert", "the host itself"),
        ("searchdomain", "spec.cloudInit.searchDomains"),
        ("smbios1", "Drover itself: the machine's identity stands there"),
        ("sockets", "spec.cpu.sockets"),
        ("sshkeys", "spec.cloudInit.sshAuthorizedKeys"),
        ("startup", "spec.boot.order and spec.boot.delay"),
        ("tags", "spec.tags"),
        ("template", "spec.template"),
        ("vmgenid", "the host itself"),
    ];
    const NUMBERED: [(&str, &str); 10] = [
        ("efidisk", "spec.firmware.bios"),
        ("hostpci", "spec.hostDevices"),
        ("ide", "spec.disks"),
        ("ipconfig", "spec.cloudInit.networks"),
        ("net", "spec.networks"),
        ("sata", "spec.disks"),
        ("scsi", "spec.disks"),
        ("tpmstate", "spec.firmware.tpm"),
        ("unused", "the host itself"),
        ("virtio", "spec.disks"),
    ];
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = NUMBERED.iter().filter(|_| name.len() < key.len());
    let mut all = OPTIONS
        .iter()
        .filter(|(option, _)| *option == key)
        .chain(numbered.filter(|(option, _)| *option == name));
    all.next().map(|(_, field)| *field)
}
