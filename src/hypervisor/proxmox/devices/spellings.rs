//! Which option of a guest is spelt how: the way from an option's name to its type.

use std::fmt::Display;
use std::str::FromStr;

use super::{
    Agent, AmdSev, Audio, Boot, CiCustom, Cpu, Drive, EfiDisk, HostPci, Hotplug, IntelTdx, IpConfig, Machine,
    Memory, Meta, Nic, Numa, Rng, SerialPort, SharedFolder, SharedMemory, Smbios, SpiceEnhancements, SshKeys,
    Startup, Tags, TpmState, Unused, Usb, Vga, Watchdog, container,
};
use crate::hypervisor::proxmox::property::{BadProperty, Format, Reason, Value};

/// The sort of guest that has an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuestKind {
    /// A virtual machine.
    Qemu,
    /// A container.
    Lxc,
}

/// Reads an option's value strictly, and writes it again.
pub type Spelling = fn(&str) -> Result<String, BadProperty>;

/// The spelling of an option by its name; none if it is a plain number, truth or text.
///
/// ```text
/// spelling(GuestKind::Qemu, "net0").map(|respell| respell("virtio,bridge=vmbr0"))
/// ```
#[must_use]
pub fn spelling(kind: GuestKind, option: &str) -> Option<Spelling> {
    let stem = option.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = stem.len() < option.len();
    let fits = |name: &str| match name.strip_suffix("[n]") {
        Some(stem_of_name) => option == name || numbered && stem_of_name == stem,
        None => name == option,
    };
    let mut table = table(kind).iter();
    table.find(|(name, _)| fits(name)).map(|(_, spelling)| *spelling)
}

/// The options that are spelt in one of these ways; numbered ones as `net[n]`.
pub fn options(kind: GuestKind) -> impl Iterator<Item = &'static str> {
    table(kind).iter().map(|(option, _)| *option)
}

pub(super) fn table(kind: GuestKind) -> &'static [(&'static str, Spelling)] {
    match kind {
        GuestKind::Qemu => QEMU,
        GuestKind::Lxc => LXC,
    }
}

const QEMU: &[(&str, Spelling)] = &[
    ("agent", properties::<Agent>),
    ("amd-sev", properties::<AmdSev>),
    ("audio0", properties::<Audio>),
    ("boot", properties::<Boot>),
    ("cicustom", properties::<CiCustom>),
    ("cpu", properties::<Cpu>),
    ("efidisk0", properties::<EfiDisk>),
    ("hostpci[n]", properties::<HostPci>),
    ("hotplug", list::<Hotplug>),
    ("ide[n]", properties::<Drive>),
    ("intel-tdx", properties::<IntelTdx>),
    ("ipconfig[n]", properties::<IpConfig>),
    ("ivshmem", properties::<SharedMemory>),
    ("machine", properties::<Machine>),
    ("memory", properties::<Memory>),
    ("meta", properties::<Meta>),
    ("net[n]", properties::<Nic>),
    ("numa[n]", properties::<Numa>),
    ("rng0", properties::<Rng>),
    ("sata[n]", properties::<Drive>),
    ("scsi[n]", properties::<Drive>),
    ("serial[n]", value::<SerialPort>),
    ("smbios1", properties::<Smbios>),
    ("spice_enhancements", properties::<SpiceEnhancements>),
    ("sshkeys", list::<SshKeys>),
    ("startup", properties::<Startup>),
    ("tags", list::<Tags>),
    ("tpmstate0", properties::<TpmState>),
    ("unused[n]", properties::<Unused>),
    ("usb[n]", properties::<Usb>),
    ("vga", properties::<Vga>),
    ("virtio[n]", properties::<Drive>),
    ("virtiofs[n]", properties::<SharedFolder>),
    ("watchdog", properties::<Watchdog>),
];

const LXC: &[(&str, Spelling)] = &[
    ("dev[n]", properties::<container::Device>),
    ("features", properties::<container::Features>),
    ("mp[n]", properties::<container::MountPoint>),
    ("net[n]", properties::<container::ContainerNic>),
    ("rootfs", properties::<container::RootFs>),
    ("startup", properties::<Startup>),
    ("tags", list::<Tags>),
    ("unused[n]", properties::<Unused>),
];

fn properties<T: Format + Display>(text: &str) -> Result<String, BadProperty> {
    T::strict(text).map(|read| read.to_string())
}

fn value<T: Value>(text: &str) -> Result<String, BadProperty> {
    let read = T::read(text).map_err(|reason| BadProperty::new("", reason))?;
    Ok(read.write().to_string())
}

fn list<T: FromStr<Err = Reason> + Display>(text: &str) -> Result<String, BadProperty> {
    let read: T = text.parse().map_err(|reason| BadProperty::new("", reason))?;
    Ok(read.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_by_name_and_number() {
        for (kind, option) in [
            (GuestKind::Qemu, "net31"),
            (GuestKind::Qemu, "efidisk0"),
            (GuestKind::Lxc, "mp255"),
        ] {
            assert!(spelling(kind, option).is_some(), "{option}");
        }
        for (kind, option) in [
            (GuestKind::Qemu, "net"),
            (GuestKind::Qemu, "rootfs"),
            (GuestKind::Qemu, "smbios"),
            (GuestKind::Qemu, "cores"),
            (GuestKind::Lxc, "scsi0"),
        ] {
            assert!(spelling(kind, option).is_none(), "{option}");
        }
    }
}
