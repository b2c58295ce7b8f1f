//! What devices are called: `scsi0`, `ide2`, `net0`, whatever the hypervisor.
//!
//! A device that Drover made bears its slot in an alias of the user's kind (`ua-scsi0`), which libvirt keeps. One
//! that somebody else made is called by its bus and the place that its target names (`vda` on virtio: `virtio0`).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::hypervisor::libvirt::xml::tree::Element;

/// How the alias of a device begins that Drover made.
const ALIAS: &str = "ua-";

/// A bus, and a place on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) bus: Bus,
    pub(super) number: u32,
}

/// What a device is plugged into, as far as slots tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bus {
    Scsi,
    Virtio,
    Sata,
    Ide,
    Usb,
    Net,
}

impl Bus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scsi => "scsi",
            Self::Virtio => "virtio",
            Self::Sata => "sata",
            Self::Ide => "ide",
            Self::Usb => "usb",
            Self::Net => "net",
        }
    }

    /// The beginning of the names of targets on it.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Virtio => "vd",
            Self::Ide => "hd",
            Self::Scsi | Self::Sata | Self::Usb => "sd",
            Self::Net => "vnet",
        }
    }
}

impl FromStr for Slot {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &text[name.len()..];
        let all = [Bus::Scsi, Bus::Virtio, Bus::Sata, Bus::Ide, Bus::Usb, Bus::Net];
        let bus = all.into_iter().find(|bus| bus.as_str() == name).ok_or(())?;
        let number = digits
            .parse()
            .ok()
            .filter(|n: &u32| n.to_string() == digits && *n < 1000);
        Ok(Self {
            bus,
            number: number.ok_or(())?,
        })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.bus.as_str(), self.number)
    }
}

/// The alias of a device at a slot.
pub(super) fn alias(slot: &str) -> Element {
    Element::new("alias").with("name", format!("{ALIAS}{slot}"))
}

/// Whether libvirt keeps an alias: others are its own, and not the same in a domain's two forms.
pub(super) fn is_alias(name: &str) -> bool {
    name.starts_with(ALIAS)
}

/// The slot that a device bears in its alias.
pub(super) fn of_alias(device: &Element) -> Option<Slot> {
    let alias = device.attribute_of("alias", "name")?;
    alias.strip_prefix(ALIAS)?.parse().ok()
}

/// The bus of a drive, and its place by its target.
pub(super) fn of_target(drive: &Element) -> Option<Slot> {
    let target = drive.child("target")?;
    let dev = target.attribute("dev")?;
    let letters = dev.get(2..)?;
    let bus = match (target.attribute("bus"), &dev[..2]) {
        (Some("virtio"), _) | (None, "vd") => Bus::Virtio,
        (Some("ide"), _) | (None, "hd") => Bus::Ide,
        (Some("scsi"), _) | (None, "sd") => Bus::Scsi,
        (Some("sata"), _) => Bus::Sata,
        (Some("usb"), _) => Bus::Usb,
        _ => return None,
    };
    let number = index(letters)?;
    Some(Slot { bus, number })
}

/// `a` is 0, `z` 25, `aa` 26.
fn index(letters: &str) -> Option<u32> {
    let fits = (1..=2).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_lowercase());
    let digits = letters.bytes().map(|byte| u32::from(byte - b'a') + 1);
    fits.then(|| digits.fold(0, |sum, digit| sum * 26 + digit) - 1)
}

/// The letters of a number below 702.
pub(super) fn letters(index: u32) -> String {
    let letter = |n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap_or_default());
    match index / 26 {
        0 => letter(index).to_string(),
        high => format!("{}{}", letter(high - 1), letter(index)),
    }
}

/// Gives each of the devices a slot: the one that is its own, else the one that `wish` names, else the next on that
/// bus that is free.
pub(super) fn assign<'a>(
    devices: &[&'a Element],
    own: impl Fn(&Element) -> Option<Slot>,
    wish: impl Fn(&Element) -> Option<Slot>,
) -> Vec<(String, &'a Element)> {
    let mut taken = BTreeSet::new();
    let mut borne: Vec<Option<String>> = Vec::new();
    for device in devices {
        let own = own(device).map(|slot| slot.to_string());
        borne.push(own.filter(|slot| taken.insert(slot.clone())));
    }
    let mut assigned = Vec::new();
    for (device, own) in devices.iter().zip(borne) {
        let wished = || {
            let Slot { bus, number } = wish(device)?;
            let mut names = (number..).map(|number| Slot { bus, number }.to_string());
            names.find(|slot| taken.insert(slot.clone()))
        };
        if let Some(slot) = own.or_else(wished) {
            assigned.push((slot, *device));
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_name_places() {
        for (dev, bus, slot) in [
            ("vda", Some("virtio"), "virtio0"),
            ("vdz", None, "virtio25"),
            ("vdaa", Some("virtio"), "virtio26"),
            ("sdb", Some("sata"), "sata1"),
            ("sdb", Some("scsi"), "scsi1"),
            ("hda", Some("ide"), "ide0"),
            ("sda", Some("usb"), "usb0"),
        ] {
            let mut target = Element::new("target").with("dev", dev);
            if let Some(bus) = bus {
                target.set("bus", bus);
            }
            let slot_of = of_target(&Element::new("disk").holding(target)).unwrap();
            assert_eq!(slot_of.to_string(), slot);
            assert!(dev.ends_with(&letters(slot_of.number)));
        }
        for dev in ["", "v", "vd", "vdA", "vdaaa", "é1", "fda", "vd1"] {
            let target = Element::new("target").with("dev", dev);
            assert_eq!(of_target(&Element::new("disk").holding(target)), None, "{dev}");
        }
    }

    #[test]
    fn only_slots_are_slots() {
        for text in [
            "scsi",
            "scsi01",
            "scsi-1",
            "scsi1000",
            "scsi99999999999",
            "hostpci0",
            "0",
            "",
        ] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
        assert_eq!("net12".parse::<Slot>().unwrap().to_string(), "net12");
    }
}
