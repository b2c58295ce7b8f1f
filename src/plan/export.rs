//! A machine that exists, as a declaration under which it is as declared: applied, nothing is done to it but that its
//! notes say whose it is.

use crate::api::names::ADOPT;
use crate::api::{
    Agent, Bios, Boot, Cdrom, CloudInit, CloudInitNetwork, Cpu, DiskCache, DiskSpec, Firmware, HostDevice,
    HostKind, HostRef, MIB, ManagementPolicy, Memory, NetworkSpec, NicModel, Size, Span, VirtualMachine,
    VirtualMachineSpec,
};
use crate::model::GuestId;
use crate::model::Vmid;
use crate::model::{Disk, GuestConfig, GuestRow, Hardware, Nic};
use crate::plan::guest::CDROM;
use crate::plan::identity::mark::{self, MarkReading};

/// What a machine is exported as.
#[derive(Clone, Debug, PartialEq)]
pub enum Declared {
    /// It is kept by a resource already; whose mark it carries, in words.
    Owned(String),
    /// Its declaration.
    Machine(Box<VirtualMachine>),
}

/// The tag that Drover sets by itself.
const TAG: &str = "drover";

/// The declaration of a machine on the host of this name. Power is left to people.
#[must_use]
pub fn declaration(row: &GuestRow, config: &GuestConfig, host: &str, observe: bool) -> Declared {
    if let MarkReading::Sealed(mark) | MarkReading::Unsealed(mark) = mark::read(row.id, config) {
        return Declared::Owned(format!("{} {}/{}", mark.kind, mark.namespace, mark.name));
    }
    let guest_name = config.name.clone().or_else(|| row.name.clone());
    let name = resource_name(guest_name.as_deref(), row.id);
    let hardware = &config.next;
    let notes = mark::notes(&config.description);
    let mut machine = VirtualMachine::new(
        &name,
        VirtualMachineSpec {
            host_ref: HostRef {
                kind: HostKind::ProxmoxNode,
                name: host.to_owned(),
            },
            vmid: row.id.number().map(Vmid::get),
            uuid: row.id.domain(),
            name: guest_name.filter(|there| *there != name),
            management_policy: observe.then_some(ManagementPolicy::Observe),
            cpu: Some(cpu(hardware)),
            memory: Some(memory(hardware)),
            firmware: firmware(hardware),
            disks: hardware.disks.iter().filter_map(disk).collect(),
            cdrom: cdrom(hardware),
            networks: hardware.nics.iter().map(nic).collect(),
            host_devices: devices(hardware),
            cloud_init: cloud_init(hardware),
            agent: hardware.agent.then_some(Agent { enabled: true }),
            boot: boot(hardware),
            protection: hardware.protection.then_some(true),
            template: config.template.then_some(true),
            pool: row.pool.clone(),
            tags: tags(hardware),
            description: (!notes.is_empty() && notes.len() <= NOTES).then_some(notes),
            ..VirtualMachineSpec::default()
        },
    );
    if !observe {
        let adopt = (ADOPT.to_owned(), "true".to_owned());
        machine.metadata.annotations = Some([adopt].into());
    }
    Declared::Machine(Box::new(machine))
}

/// How long notes may be in a declaration.
const NOTES: usize = 4096;

/// A name that Kubernetes takes: the machine's own in lower case, if enough is left of it, and else its number.
#[must_use]
pub fn resource_name(name: Option<&str>, id: GuestId) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = name.unwrap_or_default().chars().map(fits).take(63).collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        format!("vm-{id}")
    } else {
        name.to_owned()
    }
}

fn cpu(hardware: &Hardware) -> Cpu {
    Cpu {
        sockets: (hardware.sockets > 1).then_some(hardware.sockets),
        cores: (hardware.cores > 0).then_some(hardware.cores),
        type_: hardware.cpu_type.clone(),
        limit: (hardware.cpu_limit > 0.0).then_some(hardware.cpu_limit),
        units: (hardware.cpu_units > 0).then_some(hardware.cpu_units),
    }
}

fn size_of_mib(mib: u64) -> Size {
    Size::of_bytes(mib.saturating_mul(MIB))
}

fn memory(hardware: &Hardware) -> Memory {
    let least = |mib: &u64| *mib >= 16 && *mib <= hardware.memory_mib;
    Memory {
        size: size_of_mib(hardware.memory_mib),
        minimum: hardware.memory_minimum_mib.filter(least).map(size_of_mib),
    }
}

fn firmware(hardware: &Hardware) -> Option<Firmware> {
    let ovmf = hardware.bios.as_deref() == Some(Bios::Ovmf.as_str());
    let firmware = Firmware {
        bios: ovmf.then_some(Bios::Ovmf),
        machine: hardware.machine.clone(),
        secure_boot: hardware.efi_disk.as_ref().filter(|_| ovmf).map(|(_, keys)| *keys),
        tpm: hardware.tpm.is_some().then_some(true),
    };
    (firmware != Firmware::default()).then_some(firmware)
}

/// Nothing for a slot that no declaration can name.
fn disk((slot, disk): (&String, &Disk)) -> Option<DiskSpec> {
    const CACHES: [DiskCache; 4] = [
        DiskCache::Writethrough,
        DiskCache::Writeback,
        DiskCache::Unsafe,
        DiskCache::Directsync,
    ];
    if ["ide2", "ide3"].contains(&slot.as_str()) {
        return None;
    }
    Some(DiskSpec {
        name: slot.clone(),
        size: disk.size.map(Size::of_bytes),
        storage: Some(disk.volume.storage().to_owned()),
        cache: CACHES.into_iter().find(|cache| cache.as_str() == disk.cache),
        discard: disk.discard.then_some(true),
        ssd: disk.ssd.then_some(true),
        iothread: disk.iothread.then_some(true),
        backup: (!disk.backup).then_some(false),
        ..DiskSpec::default()
    })
}

fn cdrom(hardware: &Hardware) -> Option<Cdrom> {
    let volume = hardware.cdroms.get(CDROM)?.as_ref()?;
    volume.volume().starts_with("iso/").then(|| Cdrom {
        iso: Some(volume.to_string()),
        ejected: None,
    })
}

fn nic((slot, nic): (&String, &Nic)) -> NetworkSpec {
    const MODELS: [NicModel; 4] = [
        NicModel::Virtio,
        NicModel::E1000,
        NicModel::Vmxnet3,
        NicModel::Rtl8139,
    ];
    let whole = |kbps: u64| {
        u32::try_from(kbps / 1000)
            .ok()
            .filter(|_| kbps > 0 && kbps.is_multiple_of(1000))
    };
    NetworkSpec {
        name: slot.clone(),
        bridge: nic.bridge.clone(),
        network: nic.network.clone(),
        model: MODELS.into_iter().find(|model| model.as_str() == nic.model),
        mac: nic.mac.clone(),
        vlan: (nic.vlan > 0).then_some(nic.vlan),
        mtu: nic.mtu,
        firewall: nic.firewall.then_some(true),
        rate_mbps: whole(nic.rate_kbps),
    }
}

fn devices(hardware: &Hardware) -> Vec<HostDevice> {
    let mut mappings: Vec<&String> = hardware.devices.values().flatten().collect();
    mappings.sort_unstable();
    mappings.dedup();
    let device = |mapping: &String| HostDevice {
        mapping: mapping.clone(),
    };
    mappings.into_iter().map(device).collect()
}

fn cloud_init(hardware: &Hardware) -> Option<CloudInit> {
    let told = &hardware.cloud_init;
    // Without its drive nothing of it reaches the machine.
    told.drive.as_ref()?;
    let network = |(slot, to): (&String, &crate::model::Addresses)| CloudInitNetwork {
        name: slot.clone(),
        ipv4: to.ipv4.clone(),
        gateway4: to.gateway4.clone(),
        ipv6: to.ipv6.clone(),
        gateway6: to.gateway6.clone(),
    };
    let cloud_init = CloudInit {
        user: Some(told.user.clone()).filter(|user| !user.is_empty()),
        password_ref: None,
        hostname: None,
        user_data_ref: None,
        ssh_authorized_keys: told.ssh_keys.clone(),
        networks: told.addresses.iter().map(network).collect(),
        nameservers: told.nameservers.clone(),
        search_domains: told.search_domains.clone(),
    };
    (cloud_init != CloudInit::default()).then_some(cloud_init)
}

fn boot(hardware: &Hardware) -> Option<Boot> {
    let boot = Boot {
        on_boot: hardware.on_boot.then_some(true),
        order: hardware.startup_order,
        delay: hardware.startup_delay.map(|seconds| Span(format!("{seconds}s"))),
        devices: hardware.boot_devices.clone(),
    };
    (boot != Boot::default()).then_some(boot)
}

fn tags(hardware: &Hardware) -> Option<Vec<String>> {
    let tags: Vec<String> = hardware.tags.iter().filter(|tag| *tag != TAG).cloned().collect();
    // Whoever has none keeps none: Drover's own tag is not for machines that it did not make.
    (!tags.is_empty()).then_some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_what_kubernetes_takes() {
        for (name, expected) in [
            (Some("web-1"), "web-1"),
            (Some("Web.Example.COM"), "web-example-com"),
            (Some("-"), "vm-105"),
            (None, "vm-105"),
        ] {
            assert_eq!(resource_name(name, 105.try_into().unwrap()), expected);
        }
    }
}
