//! The formats of addresses (`PVE::JSONSchema`). An error is the sentence that follows `invalid format - `.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn valid(is: bool, what: &str) -> Result<(), String> {
    is.then_some(())
        .ok_or_else(|| format!("value does not look like a valid {what}\n"))
}

fn with_prefix<T: std::str::FromStr>(text: &str, longest: u8) -> bool {
    text.split_once('/').is_some_and(|(address, prefix)| {
        address.parse::<T>().is_ok() && prefix.parse::<u8>().is_ok_and(|p| p <= longest)
    })
}

pub(super) fn ipv4(_: &str, text: &str) -> Result<(), String> {
    valid(text.parse::<Ipv4Addr>().is_ok(), "IPv4 address")
}

pub(super) fn ipv6(_: &str, text: &str) -> Result<(), String> {
    valid(text.parse::<Ipv6Addr>().is_ok(), "IPv6 address")
}

/// `192.0.2.0/24` or `2001:db8::/64`.
pub(super) fn cidr(_: &str, text: &str) -> Result<(), String> {
    let network = with_prefix::<Ipv4Addr>(text, 32) || with_prefix::<Ipv6Addr>(text, 128);
    valid(network, "CIDR network")
}

/// `192.0.2.50/24`, `dhcp` or `manual`.
pub(super) fn ipv4_config(_: &str, text: &str) -> Result<(), String> {
    let word = ["dhcp", "manual"].contains(&text);
    valid(
        word || with_prefix::<Ipv4Addr>(text, 32),
        "ipv4 network configuration",
    )
}

/// `2001:db8::1/64`, `auto`, `dhcp` or `manual`.
pub(super) fn ipv6_config(_: &str, text: &str) -> Result<(), String> {
    let word = ["auto", "dhcp", "manual"].contains(&text);
    valid(
        word || with_prefix::<Ipv6Addr>(text, 128),
        "ipv6 network configuration",
    )
}

/// A unicast MAC address.
pub(super) fn mac(_: &str, text: &str) -> Result<(), String> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|b| (b.len() == 2).then(|| u8::from_str_radix(b, 16).ok()).flatten())
        .collect();
    let unicast = bytes.is_some_and(|b| b.len() == 6 && b[0] & 1 == 0);
    valid(unicast, "unicast MAC address")
}

/// Addresses of name servers; a link-local one may name its interface.
pub(super) fn name_servers(_: &str, text: &str) -> Result<(), String> {
    let mut given = text.split([',', ';', ' ']).filter(|a| !a.is_empty());
    let server = |text: &str| match text.split_once('%') {
        Some((address, interface)) => address.starts_with("fe80:") && !interface.is_empty() && is_ip(address),
        None => is_ip(text),
    };
    valid(given.all(server), "IP address")
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_a_prefix_or_is_a_word() {
        assert!(ipv4_config("", "192.0.2.50/24").is_ok() && ipv4_config("", "dhcp").is_ok());
        assert!(ipv4_config("", "192.0.2.50").is_err() && ipv4_config("", "auto").is_err());
        assert!(ipv6_config("", "2001:db8::1/64").is_ok() && ipv6_config("", "auto").is_ok());
    }

    #[test]
    fn a_mac_address_is_of_one_card() {
        assert!(mac("", "BC:24:11:00:00:01").is_ok());
        assert!(mac("", "01:00:5E:00:00:01").is_err() && mac("", "BC:24:11").is_err());
    }
}
