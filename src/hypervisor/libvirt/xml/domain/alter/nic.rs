//! Network interfaces: plugged in, changed, plugged over.

use sha2::{Digest as _, Sha256};

use super::Act;
use crate::hypervisor::libvirt::xml::domain::slots::{self, Bus, Slot};
use crate::hypervisor::libvirt::xml::domain::unfit::Unfit;
use crate::hypervisor::libvirt::xml::domain::{bandwidth, devices};
use crate::hypervisor::libvirt::xml::tree::Element;
use crate::model::NicSettings;

/// Plugs an interface in.
pub(super) fn add(domain: &mut Element, slot: &str, settings: &NicSettings) -> Result<Act, Unfit> {
    let place: Option<Slot> = slot.parse().ok();
    if place.is_none_or(|place| place.bus != Bus::Net) {
        return Err(Unfit::NoSlot(slot.to_owned()));
    }
    if devices::at(domain, slot).is_some() {
        return Err(Unfit::Exists(slot.to_owned()));
    }
    if settings.bridge.is_none() && settings.network.is_none() {
        return Err(Unfit::unsupported(format!(
            "interface without a bridge or network ('{slot}')"
        )));
    }
    let uuid = domain.text_of("uuid").unwrap_or_default();
    let mut interface = Element::new("interface").with("type", "bridge");
    interface.push(Element::new("mac").with("address", address(&uuid, slot)));
    interface.push(Element::new("model").with("type", "virtio"));
    interface.push(slots::alias(slot));
    set(&mut interface, slot, settings)?;
    domain.edit("devices", |devices| devices.push(interface.clone()));
    Ok(Act::Attach(vec![interface]))
}

/// A hardware address that the definition and the running domain agree on, and that a second try gives again:
/// of those that are nobody's, with the beginning that QEMU's have.
fn address(uuid: &str, slot: &str) -> String {
    let hash = Sha256::digest(format!("{uuid} {slot}"));
    let own: Vec<String> = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("52:54:{}", own.join(":"))
}

/// Changes an interface that there is.
pub(super) fn change(domain: &mut Element, slot: &str, settings: &NicSettings) -> Result<Act, Unfit> {
    let interface = devices::at_mut(domain, slot).filter(|device| device.is("interface"));
    let interface = interface.ok_or_else(|| Unfit::NoDevice(slot.to_owned()))?;
    set(interface, slot, settings)?;
    // What the guest's driver asked the card for once is not changed beneath it.
    let waits = settings.model.is_some() || settings.mac.is_some() || settings.mtu.is_some();
    Ok(if waits {
        Act::Nothing
    } else {
        Act::Update(interface.clone())
    })
}

fn set(interface: &mut Element, slot: &str, settings: &NicSettings) -> Result<(), Unfit> {
    let NicSettings {
        model,
        bridge,
        network,
        mac,
        vlan,
        mtu,
        firewall,
        rate_mbps,
    } = settings;
    if *firewall == Some(true) {
        return Err(Unfit::unsupported(format!(
            "firewall of its own (networks[{slot}].firewall)"
        )));
    }
    if *mtu == Some(1) {
        return Err(Unfit::unsupported(format!(
            "greatest packet that follows the bridge's (networks[{slot}].mtu)"
        )));
    }
    match (network, bridge) {
        (Some(network), _) => plug(interface, "network", network),
        (None, Some(bridge)) => plug(interface, "bridge", bridge),
        (None, None) => {}
    }
    if let Some(model) = model {
        interface.edit("model", |element| element.set("type", model));
    }
    if let Some(mac) = mac {
        interface.edit("mac", |element| element.set("address", mac.to_lowercase()));
    }
    if let Some(vlan) = vlan {
        interface.remove("vlan");
        if *vlan > 0 {
            let tag = Element::new("tag").with("id", vlan.to_string());
            interface.push(Element::new("vlan").holding(tag));
        }
    }
    if let Some(mtu) = mtu {
        interface.edit("mtu", |element| element.set("size", mtu.to_string()));
    }
    if let Some(megabits) = rate_mbps {
        bandwidth::set(interface, *megabits);
    }
    Ok(())
}

/// Plugs an interface into a bridge or network, out of what it is in. What a bridge of the same kind needs to know of
/// its ports stays.
fn plug(interface: &mut Element, kind: &str, name: &str) {
    interface.remove("source");
    if interface.attribute("type") != Some(kind) {
        interface.remove("virtualport");
        interface.set("type", kind);
    }
    interface.push(Element::new("source").with(kind, name));
}
