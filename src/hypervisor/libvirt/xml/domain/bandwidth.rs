//! The most that an interface may send and receive.
//!
//! libvirt counts in kilobytes a second, and hands the number to `tc`, whose kilobytes are of 1000 bytes
//! (libvirt, `virnetdevbandwidth.c`).

use crate::hypervisor::libvirt::xml::tree::Element;

/// In kilobits a second; 0 for no limit.
pub(super) fn read(interface: &Element) -> u64 {
    let direction = |name: &str| {
        let average = interface.child("bandwidth")?.attribute_of(name, "average")?;
        average.parse::<u64>().ok()
    };
    let kilobytes = direction("outbound").or_else(|| direction("inbound"));
    kilobytes.unwrap_or_default().saturating_mul(8)
}

/// Sets it for both directions, in megabits a second; 0 takes it off.
pub(super) fn set(interface: &mut Element, megabits: u32) {
    interface.remove("bandwidth");
    if megabits > 0 {
        let average = (u64::from(megabits) * 125).to_string();
        let direction = |name: &str| Element::new(name).with("average", &average);
        let bandwidth = Element::new("bandwidth").holding(direction("inbound"));
        interface.push(bandwidth.holding(direction("outbound")));
    }
}
