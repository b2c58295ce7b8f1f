//! Network cards of a virtual machine: `net[n]` (qemu-server, `QemuServer.pm`).

use super::addresses::MacAddress;
use crate::hypervisor::proxmox::property::{
    Field, InterfaceName, Key, Number, Properties, Ranges, Reason, Text, Value, Whole, choices,
    property_string,
};

choices! {
    /// The model of a card.
    NicModel {
        /// Paravirtualised, the usual one.
        Virtio = "virtio",
        /// Intel 82540EM.
        E1000 = "e1000",
        /// Intel 82540EM.
        E1000Em82540 = "e1000-82540em",
        /// Intel 82544GC.
        E1000Gc82544 = "e1000-82544gc",
        /// Intel 82545EM.
        E1000Em82545 = "e1000-82545em",
        /// Intel 82574L.
        E1000e = "e1000e",
        /// Intel 82551.
        I82551 = "i82551",
        /// Intel 82557B.
        I82557b = "i82557b",
        /// Intel 82559ER.
        I82559er = "i82559er",
        /// NE2000 on ISA.
        Ne2kIsa = "ne2k_isa",
        /// NE2000 on PCI.
        Ne2kPci = "ne2k_pci",
        /// AMD 79C970.
        Pcnet = "pcnet",
        /// Realtek 8139.
        Rtl8139 = "rtl8139",
        /// VMware's.
        Vmxnet3 = "vmxnet3",
    }
}

/// The card itself: `virtio=BC:24:11:00:00:01`, `virtio` before it was given an address, or spelt out,
/// `model=virtio,macaddr=BC:24:11:00:00:01`. The short form is the one that Proxmox VE writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its model.
    pub model: NicModel,
    /// Its hardware address; Proxmox VE makes one where there is none.
    pub mac: Option<MacAddress>,
}

impl Field for Card {
    fn find(properties: &Properties, key: &Key) -> Option<Result<Self, Reason>> {
        let (mut model, mut mac) = (None, None);
        for (name, value) in properties.iter().filter(|(name, _)| key.names.contains(name)) {
            let place = match name {
                "model" => model.replace(value),
                "macaddr" => mac.replace(value),
                name => model.replace(name).or(mac.replace(value)),
            };
            if place.is_some() {
                return Some(Err(Reason::Twice));
            }
        }
        if model.is_none() && mac.is_none() {
            return None;
        }
        let card = || {
            Ok(Self {
                model: NicModel::read(model.ok_or(Reason::Missing)?)?,
                mac: mac.map(MacAddress::read).transpose()?,
            })
        };
        Some(card())
    }

    fn put(&self, properties: &mut Properties, key: &Key) {
        if let Some(mac) = self.mac {
            return properties.put_as(key.names, self.model.as_str(), mac.write());
        }
        let said_short = properties
            .iter()
            .any(|(name, _)| name.parse::<NicModel>().is_ok());
        if said_short {
            properties.remove_all(key.names);
        }
        properties.remove("macaddr");
        properties.put(&["model"], Text::of(self.model));
    }
}

property_string! {
    /// A network card.
    Nic, "model" {
        /// Model and hardware address.
        card: Card = "model" or "macaddr" or "virtio" or "e1000" or "e1000-82540em" or "e1000-82544gc"
            or "e1000-82545em" or "e1000e" or "i82551" or "i82557b" or "i82559er" or "ne2k_isa" or "ne2k_pci"
            or "pcnet" or "rtl8139" or "vmxnet3", required;
        /// The bridge; without one, QEMU's user network.
        bridge: InterfaceName = "bridge";
        /// Whether the firewall's rules are applied to it.
        firewall: bool = "firewall";
        /// Whether its link is down.
        link_down: bool = "link_down";
        /// The greatest packet; 1 takes the bridge's. Of virtio cards alone.
        mtu: Whole<1, 65520> = "mtu";
        /// How many queues there are.
        queues: Whole<0, 64> = "queues";
        /// Megabytes a second.
        rate: Number = "rate";
        /// Its VLAN.
        tag: Whole<1, 4094> = "tag";
        /// VLANs that are passed with their tags.
        trunks: Ranges = "trunks";
        /// Whether the host segments tunnelled packets, from 9.1.
        host_tunnel: bool = "host-tunnel";
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for Card {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        (NicModel::sample(), proptest::option::of(MacAddress::sample()))
            .prop_map(|(model, mac)| Self { model, mac })
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::proxmox::property::Format;

    const MAC: &str = "BC:24:11:00:00:01";

    fn card(mac: Option<&str>) -> Card {
        Card {
            model: NicModel::Virtio,
            mac: mac.map(|mac| MacAddress::read(mac).unwrap()),
        }
    }

    #[test]
    fn the_card_is_spelt_in_several_ways() {
        for text in [
            "virtio=bc:24:11:00:00:01,bridge=vmbr0",
            "model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0",
            "bridge=vmbr0,macaddr=BC:24:11:00:00:01,virtio",
        ] {
            let nic: Nic = text.parse().unwrap();
            assert_eq!(nic.card, Some(card(Some(MAC))), "{text}");
            assert_eq!(nic.to_string(), text);
        }
        assert_eq!(
            "virtio,bridge=vmbr0".parse::<Nic>().unwrap().card,
            Some(card(None))
        );
    }

    #[test]
    fn another_address_is_written_in_the_short_form() {
        for (text, expected) in [
            ("virtio,bridge=vmbr0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"),
            (
                "bridge=vmbr0,model=e1000,macaddr=00:00:00:00:00:00,tag=5",
                "bridge=vmbr0,virtio=BC:24:11:00:00:01,tag=5",
            ),
        ] {
            let mut nic: Nic = text.parse().unwrap();
            nic.card = Some(card(Some(MAC)));
            assert_eq!(nic.to_string(), expected);
        }
    }

    #[test]
    fn a_card_may_lose_its_address() {
        let mut nic: Nic = "virtio=BC:24:11:00:00:01,bridge=vmbr0".parse().unwrap();
        nic.card = Some(card(None));
        assert_eq!(nic.to_string().parse::<Nic>().unwrap().card, Some(card(None)));
    }

    #[test]
    fn two_models_are_one_too_many() {
        for text in [
            "virtio,e1000=BC:24:11:00:00:01",
            "virtio=BC:24:11:00:00:01,macaddr=BC:24:11:00:00:02",
        ] {
            assert_eq!(
                text.parse::<Nic>().unwrap_err().to_string(),
                "model: it is given twice"
            );
        }
        assert_eq!(Nic::lenient("bridge=vmbr0").card, None);
        assert_eq!(
            "bridge=vmbr0".parse::<Nic>().unwrap_err().to_string(),
            "model: it is missing"
        );
    }
}
