//! Hardware and IP addresses as property strings spell them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::hypervisor::proxmox::property::{Reason, Text, Value};

/// The hardware address of a card, spelt in upper case. Proxmox VE takes none with the multicast bit
/// (pve-common, `JSONSchema.pm`, `mac-addr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    const WANTED: &'static str = "a hardware address (AA:BB:CC:DD:EE:FF, not multicast)";

    /// Its six bytes.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl TryFrom<[u8; 6]> for MacAddress {
    type Error = Reason;

    fn try_from(octets: [u8; 6]) -> Result<Self, Reason> {
        let address = Self(octets);
        if octets[0] & 1 == 1 {
            return Err(Reason::not(&address.to_string(), Self::WANTED));
        }
        Ok(address)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.0.map(|octet| format!("{octet:02X}"));
        f.write_str(&octets.join(":"))
    }
}

impl Value for MacAddress {
    fn read(text: &str) -> Result<Self, Reason> {
        let octet = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
        };
        let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
        let octets = octets.and_then(|octets| <[u8; 6]>::try_from(octets).ok());
        octets
            .and_then(|octets| Self::try_from(octets).ok())
            .ok_or_else(|| Reason::not(text, Self::WANTED))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

/// An address with the length of its network's prefix: `192.0.2.7/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefixed<A> {
    address: A,
    prefix: u8,
}

impl<A: Copy + Into<IpAddr>> Prefixed<A> {
    /// Refuses a prefix that is longer than the address, or none.
    pub fn new(address: A, prefix: u8) -> Result<Self, Reason> {
        let longest = if address.into().is_ipv4() { 32 } else { 128 };
        if (1..=longest).contains(&prefix) {
            return Ok(Self { address, prefix });
        }
        Err(Reason::Outside {
            text: prefix.to_string(),
            least: 1,
            most: longest.into(),
        })
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> A {
        self.address
    }

    /// How many bits name the network.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }
}

impl<A: fmt::Display> fmt::Display for Prefixed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn prefixed<A: Copy + Into<IpAddr> + std::str::FromStr>(text: &str) -> Option<Prefixed<A>> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|_| !prefix.starts_with('+'))?;
    Prefixed::new(address.parse().ok()?, prefix).ok()
}

/// How a card comes to its IPv4 address (pve-common, `JSONSchema.pm`, `pve-ipv4-config`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ipv4Setting {
    /// From a DHCP server.
    Dhcp,
    /// It is left to the guest. Containers alone.
    Manual,
    /// This one.
    Address(Prefixed<Ipv4Addr>),
}

impl Value for Ipv4Setting {
    fn read(text: &str) -> Result<Self, Reason> {
        match text {
            "dhcp" => Ok(Self::Dhcp),
            "manual" => Ok(Self::Manual),
            _ => prefixed(text)
                .map(Self::Address)
                .ok_or_else(|| Reason::not(text, "an IPv4 address with its prefix, dhcp or manual")),
        }
    }

    fn write(&self) -> Text {
        match self {
            Self::Dhcp => Text::of("dhcp"),
            Self::Manual => Text::of("manual"),
            Self::Address(address) => Text::of(address),
        }
    }
}

/// How a card comes to its IPv6 address (pve-common, `JSONSchema.pm`, `pve-ipv6-config`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ipv6Setting {
    /// By router advertisements.
    Auto,
    /// From a DHCP server.
    Dhcp,
    /// It is left to the guest. Containers alone.
    Manual,
    /// This one.
    Address(Prefixed<Ipv6Addr>),
}

impl Value for Ipv6Setting {
    fn read(text: &str) -> Result<Self, Reason> {
        match text {
            "auto" => Ok(Self::Auto),
            "dhcp" => Ok(Self::Dhcp),
            "manual" => Ok(Self::Manual),
            _ => prefixed(text)
                .map(Self::Address)
                .ok_or_else(|| Reason::not(text, "an IPv6 address with its prefix, auto, dhcp or manual")),
        }
    }

    fn write(&self) -> Text {
        match self {
            Self::Auto => Text::of("auto"),
            Self::Dhcp => Text::of("dhcp"),
            Self::Manual => Text::of("manual"),
            Self::Address(address) => Text::of(address),
        }
    }
}

impl Value for Ipv4Addr {
    fn read(text: &str) -> Result<Self, Reason> {
        text.parse().map_err(|_| Reason::not(text, "an IPv4 address"))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

impl Value for Ipv6Addr {
    fn read(text: &str) -> Result<Self, Reason> {
        text.parse().map_err(|_| Reason::not(text, "an IPv6 address"))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

#[cfg(test)]
mod samples {
    use proptest::prelude::*;

    use super::*;
    use crate::hypervisor::proxmox::property::sample::Sample;

    impl Sample for MacAddress {
        fn sample() -> BoxedStrategy<Self> {
            any::<[u8; 6]>()
                .prop_filter_map("multicast", |octets| Self::try_from(octets).ok())
                .boxed()
        }
    }

    impl Sample for Ipv4Addr {
        fn sample() -> BoxedStrategy<Self> {
            any::<Self>().boxed()
        }
    }

    impl Sample for Ipv6Addr {
        fn sample() -> BoxedStrategy<Self> {
            any::<Self>().boxed()
        }
    }

    impl Sample for Ipv4Setting {
        fn sample() -> BoxedStrategy<Self> {
            let address = (any::<Ipv4Addr>(), 1..=32_u8)
                .prop_map(|(address, prefix)| Self::Address(Prefixed::new(address, prefix).unwrap()));
            prop_oneof![Just(Self::Dhcp), Just(Self::Manual), address].boxed()
        }
    }

    impl Sample for Ipv6Setting {
        fn sample() -> BoxedStrategy<Self> {
            let address = (any::<Ipv6Addr>(), 1..=128_u8)
                .prop_map(|(address, prefix)| Self::Address(Prefixed::new(address, prefix).unwrap()));
            prop_oneof![Just(Self::Auto), Just(Self::Dhcp), Just(Self::Manual), address].boxed()
        }
    }
}
