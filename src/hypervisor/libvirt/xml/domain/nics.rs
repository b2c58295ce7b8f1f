//! Network interfaces of a domain, into the model.

use super::bandwidth;
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::Nic;

/// The card where none is named, on boards of PCs (libvirt, `qemuDomainDefaultNetModel`).
const MODEL: &str = "rtl8139";

pub(super) fn nic(interface: &Element) -> Nic {
    let of = |child: &str, name: &str| interface.attribute_of(child, name);
    let named = |name: &str| of("source", name).filter(|value| !value.is_empty());
    let network = named("network");
    let vlan = || {
        let tag = interface.child("vlan")?.attribute_of("tag", "id")?;
        tag.parse().ok()
    };
    Nic {
        model: of("model", "type").unwrap_or(MODEL).to_owned(),
        mac: of("mac", "address").map(str::to_uppercase),
        // A running domain's XML also tells the bridge of its network.
        bridge: named("bridge").filter(|_| network.is_none()).map(str::to_owned),
        network: network.map(str::to_owned),
        vlan: vlan().unwrap_or_default(),
        mtu: of("mtu", "size").and_then(|mtu| mtu.parse().ok()),
        firewall: false,
        rate_kbps: bandwidth::read(interface),
    }
}
