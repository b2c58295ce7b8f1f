//! What cloud-init tells a card about its addresses: `ipconfig[n]` (qemu-server, `QemuServer.pm`,
//! `pve-qm-ipconfig`).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::addresses::{Ipv4Setting, Ipv6Setting};
use crate::hypervisor::proxmox::property::property_string;

property_string! {
    /// The addresses of a card. Without any, cloud-init asks a DHCP server for an IPv4 address.
    IpConfig, "" {
        /// Its IPv4 address.
        ip: Ipv4Setting = "ip";
        /// The IPv4 gateway; only beside an address.
        gw: Ipv4Addr = "gw";
        /// Its IPv6 address.
        ip6: Ipv6Setting = "ip6";
        /// The IPv6 gateway; only beside an address.
        gw6: Ipv6Addr = "gw6";
    }
}
