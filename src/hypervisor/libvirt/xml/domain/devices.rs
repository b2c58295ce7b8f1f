//! The devices of a domain by their slots.

use super::slots::{self, Bus, Slot};
use crate::hypervisor::libvirt::xml::tree::Element;

/// The devices of a name (`disk`, `interface`).
fn named<'a>(domain: &'a Element, name: &'a str) -> Vec<&'a Element> {
    let devices = domain.child("devices");
    devices
        .map(|devices| devices.all(name).collect())
        .unwrap_or_default()
}

/// Disks and CD drives with their slots; floppy drives have none.
pub(super) fn drives(domain: &Element) -> Vec<(String, &Element)> {
    let mut drives = named(domain, "disk");
    drives.retain(|drive| drive.attribute("device") != Some("floppy"));
    slots::assign(&drives, slots::of_alias, slots::of_target)
}

/// Network interfaces with their slots. What bears none is called by its place in the order, which is kept by the
/// hardware address: `known` are the slots of the same domain's interfaces in its other XML.
pub(super) fn interfaces<'a>(
    domain: &'a Element,
    known: &[(String, &Element)],
) -> Vec<(String, &'a Element)> {
    let same = |interface: &Element| {
        let address = mac(interface)?;
        let mut known = known.iter();
        let (slot, _) = known.find(|(_, other)| mac(other) == Some(address))?;
        slot.parse().ok()
    };
    let first = Slot {
        bus: Bus::Net,
        number: 0,
    };
    let own = |interface: &Element| slots::of_alias(interface).or_else(|| same(interface));
    slots::assign(&named(domain, "interface"), own, |_| Some(first))
}

fn mac(interface: &Element) -> Option<&str> {
    interface.attribute_of("mac", "address")
}

/// Devices of the host with their slots.
pub(super) fn host_devices(domain: &Element) -> Vec<(String, &Element)> {
    let all = named(domain, "hostdev");
    let slot = |number: usize| format!("hostpci{number}");
    all.into_iter()
        .enumerate()
        .map(|(n, device)| (slot(n), device))
        .collect()
}

/// Whether a drive is one for media.
pub(super) fn is_cdrom(drive: &Element) -> bool {
    drive.attribute("device") == Some("cdrom")
}

/// The device at a slot.
pub(super) fn at<'a>(domain: &'a Element, slot: &str) -> Option<&'a Element> {
    let all = drives(domain)
        .into_iter()
        .chain(interfaces(domain, &[]))
        .chain(host_devices(domain));
    all.into_iter()
        .find(|(own, _)| own == slot)
        .map(|(_, device)| device)
}

/// The device at a slot, to be changed.
pub(super) fn at_mut<'a>(domain: &'a mut Element, slot: &str) -> Option<&'a mut Element> {
    let place = place(domain, slot)?;
    domain.child_mut("devices")?.children_mut().nth(place)
}

/// Takes the device at a slot out.
pub(super) fn take(domain: &mut Element, slot: &str) -> Option<Element> {
    let mut place = place(domain, slot)?;
    let devices = domain.child_mut("devices")?;
    devices.take_one(|_| {
        let here = place == 0;
        place = place.wrapping_sub(1);
        here
    })
}

/// Where among the devices the one at a slot stands.
fn place(domain: &Element, slot: &str) -> Option<usize> {
    let wanted = at(domain, slot)?;
    let mut devices = domain.child("devices")?.children();
    devices.position(|device| std::ptr::eq(device, wanted))
}
