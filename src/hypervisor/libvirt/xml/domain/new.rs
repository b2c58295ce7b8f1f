//! The XML of a new domain.

use uuid::Uuid;

use super::alter::{Ground, add_scsi_controller, apply};
use super::host::Host;
use super::metadata::{self, Making};
use super::pools::Sources;
use super::unfit::Unfit;
use super::{board, boot, processor};
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::Change;

/// How many devices can be plugged into a running domain, on boards where each takes a port.
const SPARE_PORTS: usize = 6;
/// How many ports take the devices that every domain has, and a controller for SCSI.
const USED_PORTS: usize = 5;
/// How often the guest is asked for its memory, in seconds.
const STATISTICS: &str = "10";

/// A domain to define.
#[derive(Clone, Copy, Debug)]
pub struct NewDomain<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its UUID, which is its identity.
    pub uuid: Uuid,
    /// People's notes and the mark.
    pub description: &'a str,
    /// What it is made of: the changes that lead there from a configuration in which nothing stands.
    pub changes: &'a [Change],
    /// The volumes that are to be made for it. Their disks are left out until they are.
    pub making: &'a [Making],
}

/// Writes a new domain. Disks that are not under way need their volumes in `sources`.
pub fn new(guest: &NewDomain<'_>, host: &Host, sources: &Sources) -> Result<String, Unfit> {
    let mut domain = skeleton(guest, host);
    metadata::set_description(&mut domain, guest.description);
    metadata::set_making(&mut domain, guest.making);
    processor::set_model(&mut domain, processor::default_model(host.domain_type), host)?;
    let later: Vec<&str> = guest.making.iter().map(|record| record.slot.as_str()).collect();
    let ground = Ground {
        host,
        sources,
        later: &later,
    };
    // What boots is said when all devices are there.
    let order = |change: &&Change| matches!(change, Change::BootDevices(_));
    let (last, first): (Vec<&Change>, Vec<&Change>) = guest.changes.iter().partition(order);
    for change in first.into_iter().chain(last) {
        match change {
            Change::AddDisk(disk) if later.contains(&disk.slot.as_str()) => {
                if disk.slot.starts_with("scsi") {
                    add_scsi_controller(&mut domain);
                }
            }
            change => drop(apply(&mut domain, change, ground)?),
        }
    }
    Ok(domain.write()?)
}

/// What every domain has.
fn skeleton(guest: &NewDomain<'_>, host: &Host) -> Element {
    let is_pc = matches!(host.arch.as_str(), "x86_64" | "i686");
    let text = |name: &str, text: &str| Element::new(name).saying(text);
    let flag = |name: &str| Element::new(name);
    let kind = Element::new("type")
        .with("arch", &host.arch)
        .with("machine", machine(guest.changes, host))
        .saying("hvm");
    let mut os = Element::new("os").holding(kind);
    boot::by_sort(&mut os);
    let mut domain = Element::new("domain")
        .with("type", host.domain_type.as_str())
        .holding(text("name", guest.name))
        .holding(text("uuid", &guest.uuid.to_string()))
        .holding(text("memory", "512").with("unit", "MiB"))
        .holding(text("currentMemory", "512").with("unit", "MiB"))
        .holding(text("vcpu", "1").with("placement", "static"))
        .holding(os);
    if is_pc {
        domain.push(flag("features").holding(flag("acpi")).holding(flag("apic")));
    }
    domain.push(clock(is_pc));
    domain.push(text("on_poweroff", "destroy"));
    domain.push(text("on_reboot", "restart"));
    domain.push(text("on_crash", "destroy"));
    let ports = board::has_ports(&domain).then(|| ports(guest.changes));
    domain.push(devices(host, is_pc, ports));
    domain
}

/// How many ports there are to be.
fn ports(changes: &[Change]) -> usize {
    let takes = |change: &&Change| match change {
        Change::AddDisk(disk) => disk.slot.starts_with("virtio"),
        Change::AddNic { .. } => true,
        _ => false,
    };
    changes.iter().filter(takes).count() + USED_PORTS + SPARE_PORTS
}

/// The board that the changes name, else the host's own.
fn machine<'a>(changes: &'a [Change], host: &'a Host) -> &'a str {
    let named = changes.iter().find_map(|change| match change {
        Change::Machine(machine) => Some(machine.as_str()),
        _ => None,
    });
    named.unwrap_or(&host.machine)
}

/// Ticks that were missed are made up for, so that the guest's clock does not fall behind.
fn clock(is_pc: bool) -> Element {
    let timer = |name: &str| Element::new("timer").with("name", name);
    let clock = Element::new("clock").with("offset", "utc");
    if !is_pc {
        return clock;
    }
    clock
        .holding(timer("rtc").with("tickpolicy", "catchup"))
        .holding(timer("pit").with("tickpolicy", "delay"))
        .holding(timer("hpet").with("present", "no"))
}

fn devices(host: &Host, is_pc: bool, ports: Option<usize>) -> Element {
    let typed = |name: &str, kind: &str| Element::new(name).with("type", kind);
    let model = |name: &str, model: &str| Element::new(name).with("model", model);
    let mut devices = Element::new("devices");
    if let Some(emulator) = &host.emulator {
        devices.push(Element::new("emulator").saying(emulator));
    }
    if let Some(ports) = ports {
        devices.push(
            model("controller", "pcie-root")
                .with("type", "pci")
                .with("index", "0"),
        );
        for _ in 0..ports {
            devices.push(model("controller", "pcie-root-port").with("type", "pci"));
        }
    }
    devices.push(model("controller", "qemu-xhci").with("type", "usb"));
    devices.push(typed("controller", "virtio-serial"));
    devices.push(typed("input", "tablet").with("bus", "usb"));
    if !is_pc {
        devices.push(typed("input", "keyboard").with("bus", "usb"));
    }
    devices.push(typed("serial", "pty"));
    devices.push(typed("console", "pty"));
    // Whoever reaches the host itself may look at it, nobody else.
    let listen = typed("listen", "address").with("address", "127.0.0.1");
    devices.push(typed("graphics", "vnc").with("autoport", "yes").holding(listen));
    let video = typed("model", if is_pc { "vga" } else { "virtio" });
    devices.push(Element::new("video").holding(video));
    let statistics = Element::new("stats").with("period", STATISTICS);
    devices.push(model("memballoon", "virtio").holding(statistics));
    let random = model("backend", "random").saying("/dev/urandom");
    devices.push(model("rng", "virtio").holding(random));
    devices
}
