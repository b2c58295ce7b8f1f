//! The devices of virtual machines and containers as Proxmox VE spells them in a configuration, one type an
//! option. Keys, types and bounds are those of its API, of 7.4 to 9.2 together: what only some versions know
//! says so.
//!
//! Most are property strings (see [`super::property`]); `serial[n]`, `sshkeys`, `hotplug` and `tags` are
//! spelt in their own ways. [`spelling`] tells which option is spelt how.

mod addresses;
mod agent;
mod backing;
mod base64;
mod boot;
mod ci_custom;
mod confidential;
pub mod container;
mod cpu;
mod drive;
mod efi_disk;
mod encoded;
mod extras;
mod host_pci;
mod hotplug;
mod ip_config;
mod machine;
mod medium;
mod memory;
mod meta;
mod nic;
mod numa;
mod paths;
mod serial;
mod size;
mod smbios;
mod spellings;
mod ssh_keys;
mod startup;
mod tags;
mod tpm_state;
mod unused;
mod usb;
mod vga;

#[cfg(test)]
mod tests;

pub use addresses::{Ipv4Setting, Ipv6Setting, MacAddress, Prefixed};
pub use agent::{Agent, AgentType};
pub use backing::Backing;
pub use boot::{Boot, BootDevice, BootOrder, LegacyOrder};
pub use ci_custom::CiCustom;
pub use confidential::{AmdSev, IntelTdx, SevType, TdxType};
pub use cpu::{Cpu, CpuFlag, CpuFlags, CpuModel, HypervVendor, PhysBits};
pub use drive::{
    Aio, Bus, Cache, Discard, Drive, ImageFormat, ImportSource, Media, Product, ReadError, Translation,
    Vendor, WorldWideName, WriteError,
};
pub use efi_disk::{EfiDisk, EfiType, MicrosoftCertificate};
pub use encoded::Encoded;
pub use extras::{
    Audio, AudioDevice, AudioDriver, EntropySource, FolderCache, MemoryName, Rng, SharedFolder, SharedMemory,
    SpiceEnhancements, VideoStreaming, Watchdog, WatchdogAction, WatchdogModel,
};
pub use host_pci::{HostPci, MediatedType, PciAddresses, PciDriver, PciId};
pub use hotplug::{Hotplug, HotplugFeature};
pub use ip_config::IpConfig;
pub use machine::{Machine, MachineType, Viommu};
pub use medium::Medium;
pub use memory::{DEFAULT_MEMORY_MIB, Memory};
pub use meta::Meta;
pub use nic::{Card, Nic, NicModel};
pub use numa::{Numa, NumaPolicy};
pub use paths::{DevicePath, HostPath, MountPath, RomFile};
pub use serial::SerialPort;
pub use size::DiskSize;
pub use smbios::Smbios;
pub use spellings::{GuestKind, Spelling, options, spelling};
pub use ssh_keys::SshKeys;
pub use startup::Startup;
pub use tags::{Tag, Tags};
pub use tpm_state::{TpmState, TpmVersion};
pub use unused::Unused;
pub use usb::{Usb, UsbHost};
pub use vga::{Clipboard, Vga, VgaType};
