//! What a domain is made of, from its XML into the model.

use super::read::Around;
use super::{board, boot, devices, disks, firmware, metadata, nics, processor};
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::hypervisor::libvirt::xml::units;
use crate::model::Hardware;

const MIB: u64 = 1 << 20;
/// The name of the channel that the guest's agent listens on.
pub(super) const AGENT: &str = "org.qemu.guest_agent.0";

/// `inactive` is the XML by which the domain is started next, where `domain` is that of the running one.
pub(super) fn read(domain: &Element, inactive: Option<&Element>, around: &Around<'_>) -> Hardware {
    let (sockets, cores) = processor::count(domain);
    let known = inactive.map(|inactive| devices::interfaces(inactive, &[]));
    let interfaces = devices::interfaces(domain, &known.unwrap_or_default());
    let mut hardware = Hardware {
        sockets,
        cores,
        memory_mib: memory_mib(domain),
        agent: agent(domain).is_some(),
        nics: interfaces
            .iter()
            .map(|(slot, interface)| (slot.clone(), nics::nic(interface)))
            .collect(),
        cpu_type: processor::model(domain),
        on_boot: around.on_boot,
        boot_devices: boot::read(domain, &interfaces),
        cpu_limit: processor::limit(domain),
        cpu_units: processor::units(domain),
        tags: metadata::tags(inactive.unwrap_or(domain)),
        machine: board::read(domain),
        devices: devices::host_devices(domain)
            .into_iter()
            .map(|(slot, _)| (slot, None))
            .collect(),
        ..Hardware::default()
    };
    disks::read(domain, around.pools, around.sizes, &mut hardware);
    firmware::read(domain, around.pools, &mut hardware);
    if let Some(inactive) = inactive {
        settle(domain, inactive, &mut hardware);
    }
    hardware
}

/// What libvirt writes otherwise of a running domain, without that anything waits for its next start.
fn settle(live: &Element, inactive: &Element, hardware: &mut Hardware) {
    let mode = |domain: &Element| domain.attribute_of("cpu", "mode").map(str::to_owned);
    // The host's model is spelt out when the domain starts.
    if mode(inactive).as_deref() == Some("host-model") && mode(live).as_deref() == Some("custom") {
        hardware.cpu_type = processor::model(inactive);
    }
    // The version that was asked for stands where the domain is kept.
    let machine = |domain: &Element| {
        domain
            .at(&["os", "type"])?
            .attribute("machine")
            .map(str::to_owned)
    };
    if machine(live) == machine(inactive) {
        hardware.machine = board::read(inactive);
    }
}

/// In MiB; 0 if it can't be read.
fn memory_mib(domain: &Element) -> u64 {
    let bytes = domain
        .child("memory")
        .and_then(|memory| units::bytes(memory, "KiB"));
    bytes.unwrap_or_default() / MIB
}

/// The channel of the guest's agent.
pub(super) fn agent(domain: &Element) -> Option<&Element> {
    domain
        .child("devices")?
        .all("channel")
        .find(|channel| is_agent(channel))
}

pub(super) fn is_agent(device: &Element) -> bool {
    device.is("channel") && device.attribute_of("target", "name") == Some(AGENT)
}
