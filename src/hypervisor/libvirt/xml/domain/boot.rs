//! What a domain boots from, in its order.

use super::devices;
use super::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::Element;

/// The slots of the devices, in this order: by what each says of itself, else by the sorts that the domain names.
pub(super) fn read(domain: &Element, interfaces: &[(String, &Element)]) -> Vec<String> {
    let drives = devices::drives(domain);
    let all = drives.iter().chain(interfaces);
    let place = |device: &Element| device.attribute_of("boot", "order")?.parse::<u32>().ok();
    let mut ordered: Vec<(u32, &String)> = all
        .filter_map(|(slot, device)| Some((place(device)?, slot)))
        .collect();
    if !ordered.is_empty() {
        ordered.sort();
        return ordered.into_iter().map(|(_, slot)| slot.clone()).collect();
    }
    let sorts = domain.child("os").into_iter().flat_map(|os| os.all("boot"));
    let of_sort = |sort: &str| -> Vec<String> {
        let drives = |cdrom: bool| {
            let drives = drives
                .iter()
                .filter(move |(_, drive)| devices::is_cdrom(drive) == cdrom);
            drives.map(|(slot, _)| slot.clone()).collect()
        };
        match sort {
            "hd" => drives(false),
            "cdrom" => drives(true),
            "network" => interfaces.iter().map(|(slot, _)| slot.clone()).collect(),
            _ => Vec::new(),
        }
    };
    sorts
        .filter_map(|boot| boot.attribute("dev"))
        .flat_map(of_sort)
        .collect()
}

/// Orders the devices. A slot of `later` need not be there yet.
pub(super) fn set(domain: &mut Element, slots: &[String], later: &[&str]) -> Result<(), Unfit> {
    if let Some(os) = domain.child_mut("os") {
        os.remove("boot");
    }
    if let Some(all) = domain.child_mut("devices") {
        for device in all.children_mut() {
            device.remove("boot");
        }
    }
    for (slot, place) in slots.iter().zip(1_u32..) {
        match devices::at_mut(domain, slot) {
            Some(device) => device.push(Element::new("boot").with("order", place.to_string())),
            None if later.contains(&slot.as_str()) => {}
            None => return Err(Unfit::NoDevice(slot.clone())),
        }
    }
    Ok(())
}

/// The order of a domain that names none: its disks, then what an installation starts from.
pub(super) fn by_sort(os: &mut Element) {
    for sort in ["hd", "cdrom", "network"] {
        os.push(Element::new("boot").with("dev", sort));
    }
}
