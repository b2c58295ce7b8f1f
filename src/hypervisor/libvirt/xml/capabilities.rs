//! What a host can do: `capabilities` of the host, and `domainCapabilities` of one sort of domain on it.

use uuid::Uuid;

use super::domain::{DomainType, Host};
use super::tree::{Element, ReadXml};

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its UUID.
    pub uuid: Uuid,
    /// The architecture of its processors (`x86_64`).
    pub arch: String,
    /// How many processors it has.
    pub cpus: u32,
    /// Its memory in bytes.
    pub memory: u64,
    /// What it can run.
    pub guests: Vec<GuestArch>,
}

/// An architecture of domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestArch {
    /// Its name (`x86_64`).
    pub name: String,
    /// Whether whole machines are run, not containers.
    pub hvm: bool,
    /// The program that runs them.
    pub emulator: Option<String>,
    /// How they run.
    pub domain_types: Vec<String>,
    /// Their boards.
    pub machines: Vec<String>,
}

impl Capabilities {
    /// Reads the capabilities of a host.
    pub fn read(text: &str) -> Result<Self, ReadXml> {
        let all = Element::read(text, "capabilities")?;
        let host = all.child("host").ok_or(ReadXml::Lacks("host"))?;
        let uuid = host.text_of("uuid").and_then(|uuid| uuid.parse().ok());
        let arch = host.child("cpu").and_then(|cpu| cpu.text_of("arch"));
        let cells = host
            .at(&["topology", "cells"])
            .into_iter()
            .flat_map(|cells| cells.all("cell"));
        let (mut cpus, mut memory) = (0_u32, 0_u64);
        for cell in cells {
            let count = cell.attribute_of("cpus", "num").and_then(|n| n.parse().ok());
            let bytes = cell.child("memory").and_then(|m| super::units::bytes(m, "KiB"));
            cpus = cpus.saturating_add(count.unwrap_or_default());
            memory = memory.saturating_add(bytes.unwrap_or_default());
        }
        Ok(Self {
            uuid: uuid.ok_or(ReadXml::Lacks("UUID"))?,
            arch: arch
                .filter(|arch| !arch.is_empty())
                .ok_or(ReadXml::Lacks("architecture"))?,
            cpus,
            memory,
            guests: all.all("guest").filter_map(guest).collect(),
        })
    }

    /// What it can run of its own architecture, in whole machines.
    #[must_use]
    pub fn native(&self) -> Option<&GuestArch> {
        self.guests
            .iter()
            .find(|guest| guest.hvm && guest.name == self.arch)
    }

    /// The best way in which it runs machines of its own architecture.
    #[must_use]
    pub fn domain_type(&self) -> Option<DomainType> {
        let types = &self.native()?.domain_types;
        let all = [DomainType::Kvm, DomainType::Qemu];
        all.into_iter()
            .find(|kind| types.iter().any(|name| name == kind.as_str()))
    }

    /// The board of a machine that names none.
    #[must_use]
    pub fn machine(&self) -> Option<&str> {
        let machines = &self.native()?.machines;
        let known = ["q35", "virt", "pc"].into_iter();
        let mut known = known.filter(|name| machines.iter().any(|machine| machine == name));
        known.next().or_else(|| machines.first().map(String::as_str))
    }
}

fn guest(guest: &Element) -> Option<GuestArch> {
    let arch = guest.child("arch")?;
    let text = |element: &Element| element.text().trim().to_owned();
    let types = arch.all("domain").filter_map(|domain| domain.attribute("type"));
    Some(GuestArch {
        name: arch.attribute("name")?.to_owned(),
        hvm: guest.text_of("os_type").as_deref() == Some("hvm"),
        emulator: arch.text_of("emulator"),
        domain_types: types.map(str::to_owned).collect(),
        machines: arch.all("machine").map(text).collect(),
    })
}

/// Reads what a host can do for domains of one sort. `machine` is the board of those that name none.
pub fn read_domain(text: &str, machine: &str) -> Result<Host, ReadXml> {
    let all = Element::read(text, "domainCapabilities")?;
    let domain_type = match all.text_of("domain").as_deref() {
        Some("kvm") => DomainType::Kvm,
        Some("qemu") => DomainType::Qemu,
        _ => return Err(ReadXml::Lacks("domain type of machines")),
    };
    let os = all.child("os");
    let firmware = os.is_some_and(|os| offers(os, "firmware", "efi"));
    let loader = os.and_then(|os| os.child("loader"));
    let secure = loader.is_some_and(|loader| offers(loader, "secure", "yes"));
    let tpm = all.at(&["devices", "tpm"]);
    Ok(Host {
        domain_type,
        arch: all.text_of("arch").ok_or(ReadXml::Lacks("architecture"))?,
        emulator: all.text_of("path").filter(|path| !path.is_empty()),
        machine: machine.to_owned(),
        efi: firmware,
        secure_boot: firmware && secure,
        tpm: tpm.is_some_and(|tpm| offers(tpm, "backendModel", "emulator")),
    })
}

/// Whether a value is one of those that are offered for something.
fn offers(element: &Element, name: &str, value: &str) -> bool {
    let mut all = element
        .all("enum")
        .filter(|list| list.attribute("name") == Some(name));
    all.any(|list| list.all("value").any(|own| own.text().trim() == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read() {
        let host = Capabilities::read(include_str!("samples/capabilities.xml")).unwrap();
        assert_eq!(host.uuid.to_string(), "c615a0ae-6adf-4e93-b5c4-27d65ca2b8a3");
        assert_eq!(
            (host.arch.as_str(), host.cpus, host.memory),
            ("x86_64", 2, 24_684_084 << 10)
        );
        assert_eq!(host.guests.len(), 2);
        assert_eq!(
            host.native().unwrap().emulator.as_deref(),
            Some("/usr/bin/qemu-system-x86_64")
        );
        assert_eq!(host.domain_type(), Some(DomainType::Qemu));
        assert_eq!(host.machine(), Some("q35"));
    }

    #[test]
    fn what_domains_can_have_is_read() {
        let text = include_str!("samples/domain-capabilities.xml");
        let host = read_domain(text, "q35").unwrap();
        assert_eq!(
            host,
            Host {
                domain_type: DomainType::Qemu,
                arch: "x86_64".to_owned(),
                emulator: Some("/usr/bin/qemu-system-x86_64".to_owned()),
                machine: "q35".to_owned(),
                efi: false,
                secure_boot: false,
                tpm: false,
            }
        );
        let more = "<domainCapabilities><domain>kvm</domain><arch>x86_64</arch><os>\
            <enum name='firmware'><value>bios</value><value>efi</value></enum>\
            <loader><enum name='secure'><value>no</value><value>yes</value></enum></loader></os><devices>\
            <tpm><enum name='backendModel'><value>emulator</value></enum></tpm></devices></domainCapabilities>";
        let host = read_domain(more, "q35").unwrap();
        assert_eq!(host.domain_type, DomainType::Kvm);
        assert!(host.efi && host.secure_boot && host.tpm);
    }

    #[test]
    fn a_host_without_what_tells_it_from_others_is_refused() {
        let nameless = "<capabilities><host><cpu><arch>x86_64</arch></cpu></host></capabilities>";
        assert_eq!(Capabilities::read(nameless), Err(ReadXml::Lacks("UUID")));
        let containers = "<domainCapabilities><domain>lxc</domain></domainCapabilities>";
        assert!(read_domain(containers, "").is_err());
    }
}
