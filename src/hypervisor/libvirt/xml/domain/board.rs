//! The board of a domain: `q35`, `pc`, `virt`, or one of these in a version.

use super::metadata;
use super::unfit::Unfit;
use crate::hypervisor::libvirt::xml::tree::Element;

/// The sort of a board, of which libvirt writes a version (`pc-q35-7.2`).
#[must_use]
pub(super) fn family(machine: &str) -> &str {
    let versioned = |name: &str| {
        let rest = machine.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if machine == "q35" || versioned("pc-q35") {
        "q35"
    } else if machine == "pc" || versioned("pc-i440fx") {
        "pc"
    } else if versioned("virt") {
        "virt"
    } else {
        machine
    }
}

/// The board as libvirt has it.
fn whole(domain: &Element) -> Option<&str> {
    domain.at(&["os", "type"])?.attribute("machine")
}

/// The board of a domain: with its version if that was asked for.
pub(super) fn read(domain: &Element) -> Option<String> {
    let machine = whole(domain)?;
    let asked = metadata::machine(domain).filter(|asked| asked == machine);
    Some(asked.unwrap_or_else(|| family(machine).to_owned()))
}

/// Whether it has a bus for IDE drives.
pub(super) fn has_ide(domain: &Element) -> bool {
    whole(domain).is_some_and(|machine| family(machine) == "pc" || family(machine) == "isapc")
}

/// Whether its devices are plugged into ports of PCI Express.
pub(super) fn has_ports(domain: &Element) -> bool {
    whole(domain).is_some_and(|machine| matches!(family(machine), "q35" | "virt"))
}

/// Exchanges the board for another version of its sort. Another sort has other buses: what is plugged in would not fit.
pub(super) fn set(domain: &mut Element, machine: &str) -> Result<(), Unfit> {
    let have = whole(domain).unwrap_or_default();
    if !have.is_empty() && family(have) != family(machine) {
        return Err(Unfit::Board {
            have: family(have).to_owned(),
            want: machine.to_owned(),
        });
    }
    let asks_version = family(machine) != machine;
    // A board without a version is the host's newest when the domain is made, and stays that version.
    if asks_version || have.is_empty() {
        domain.edit("os", |os| os.edit("type", |kind| kind.set("machine", machine)));
    }
    metadata::set_machine(domain, asks_version.then_some(machine));
    Ok(())
}
