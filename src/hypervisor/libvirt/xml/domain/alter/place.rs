//! Where a new drive is plugged in: the name of its target, and its address on the bus.

use std::collections::BTreeSet;

use crate::hypervisor::libvirt::xml::domain::board;
use crate::hypervisor::libvirt::xml::domain::slots::{Bus, Slot, letters};
use crate::hypervisor::libvirt::xml::domain::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::Element;

/// How many names of targets there are on a bus: `sda` to `sdzz`.
const TARGETS: u32 = 702;

/// The bus that drives of a slot are plugged into: where a board has none for IDE, these are on the one for SATA.
pub(super) fn bus(domain: &Element, slot: Slot) -> Result<Bus, Unfit> {
    match slot.bus {
        Bus::Net => Err(Unfit::NoSlot(slot.to_string())),
        Bus::Ide if !board::has_ide(domain) => Ok(Bus::Sata),
        bus => Ok(bus),
    }
}

/// The target of a new drive, and its address where the bus is one whose places have numbers.
pub(super) fn of(domain: &Element, slot: Slot) -> Result<Vec<Element>, Unfit> {
    let bus = bus(domain, slot)?;
    let drives: Vec<&Element> = domain
        .child("devices")
        .into_iter()
        .flat_map(|devices| devices.all("disk"))
        .collect();
    let taken: BTreeSet<&str> = drives
        .iter()
        .filter_map(|drive| drive.attribute_of("target", "dev"))
        .collect();
    let name = |index: u32| format!("{}{}", bus.prefix(), letters(index));
    let wished = std::iter::once(slot.number).chain(0..TARGETS);
    let free = wished.filter(|index| *index < TARGETS).map(name);
    let dev = free.into_iter().find(|dev| !taken.contains(dev.as_str()));
    let dev = dev.ok_or_else(|| Unfit::NoSlot(slot.to_string()))?;
    let target = Element::new("target").with("dev", dev).with("bus", bus.as_str());
    let mut placed = vec![target];
    placed.extend(address(domain, &drives, bus, slot.number));
    Ok(placed)
}

/// A place on the first controller, the one of the slot's number if it is free. Where there is none, libvirt finds one.
fn address(domain: &Element, drives: &[&Element], bus: Bus, number: u32) -> Option<Element> {
    let places = match bus {
        Bus::Scsi if takes_any_unit(domain) => 256,
        Bus::Sata => 6,
        Bus::Ide => 4,
        _ => return None,
    };
    let address = |place: u32| {
        let (channel, unit) = if bus == Bus::Ide {
            (place / 2, place % 2)
        } else {
            (0, place)
        };
        let number = |n: u32| n.to_string();
        Element::new("address")
            .with("type", "drive")
            .with("controller", "0")
            .with("bus", number(channel))
            .with("target", "0")
            .with("unit", number(unit))
    };
    let same = |one: &Element, other: &Element| {
        let names = ["controller", "bus", "target", "unit"];
        names
            .iter()
            .all(|name| one.attribute(name).unwrap_or("0") == other.attribute(name).unwrap_or("0"))
    };
    let on_bus = drives
        .iter()
        .filter(|drive| drive.attribute_of("target", "bus") == Some(bus.as_str()));
    let taken: Vec<&Element> = on_bus.filter_map(|drive| drive.child("address")).collect();
    let wished = std::iter::once(number).chain(0..places);
    let mut free = wished.filter(|place| *place < places).map(address);
    free.find(|place| !taken.iter().any(|other| same(place, other)))
}

/// Whether the first controller for SCSI is virtio's: others know but a few places.
fn takes_any_unit(domain: &Element) -> bool {
    scsi_controller(domain).is_some_and(|controller| controller.attribute("model") == Some("virtio-scsi"))
}

/// The first controller for SCSI.
pub(super) fn scsi_controller(domain: &Element) -> Option<&Element> {
    let mut all = domain.child("devices")?.all("controller");
    all.find(|controller| {
        controller.attribute("type") == Some("scsi") && controller.attribute("index").unwrap_or("0") == "0"
    })
}
