//! Network cards of a container: `net[n]`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::addresses::{Ipv4Setting, Ipv6Setting, MacAddress};
use crate::hypervisor::proxmox::property::{InterfaceName, Number, Whole, choices, property_string, words};

choices! {
    /// The type of a card.
    ContainerNicType {
        /// A pair of virtual Ethernet devices, the only one.
        Veth = "veth",
    }
}

words! {
    /// Numbers of VLANs, separated by `;`.
    Vlans: "numbers of VLANs, separated by ';'",
        |text| text.split(';').all(|vlan| !vlan.is_empty() && vlan.bytes().all(|b| b.is_ascii_digit())),
        "[0-9]{1,4}(;[0-9]{1,4}){0,3}";
}

property_string! {
    /// A network card.
    ContainerNic, "" {
        /// Its name in the container.
        name: InterfaceName = "name", required;
        /// The bridge.
        bridge: InterfaceName = "bridge";
        /// Its hardware address; Proxmox VE makes one where there is none.
        hwaddr: MacAddress = "hwaddr";
        /// Its IPv4 address.
        ip: Ipv4Setting = "ip";
        /// The IPv4 gateway.
        gw: Ipv4Addr = "gw";
        /// Its IPv6 address.
        ip6: Ipv6Setting = "ip6";
        /// The IPv6 gateway.
        gw6: Ipv6Addr = "gw6";
        /// Whether the firewall's rules are applied to it.
        firewall: bool = "firewall";
        /// Whether its link is down, from 8.0.
        link_down: bool = "link_down";
        /// The greatest packet.
        mtu: Whole<64, 65535> = "mtu";
        /// Megabytes a second.
        rate: Number = "rate";
        /// Its VLAN.
        tag: Whole<1, 4094> = "tag";
        /// VLANs that are passed with their tags.
        trunks: Vlans = "trunks";
        /// Its type.
        kind: ContainerNicType = "type";
        /// Whether the host sets its addresses, from 9.1.
        host_managed: bool = "host-managed";
    }
}
