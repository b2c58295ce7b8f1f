//! The formats of rules (`PVE::Firewall`). An error is the sentence that follows `invalid format - `.

use std::net::IpAddr;

/// An address, a network, or a range of addresses; its version.
fn address(text: &str) -> Option<u8> {
    let version = |text: &str| match text.parse() {
        Ok(IpAddr::V4(_)) => Some(4),
        Ok(IpAddr::V6(_)) => Some(6),
        Err(_) => None,
    };
    if let Some((from, to)) = text.split_once('-') {
        return version(from).filter(|v| version(to) == Some(*v));
    }
    match text.split_once('/') {
        None => version(text),
        Some((network, prefix)) => {
            let version = version(network)?;
            let longest = if version == 4 { 32 } else { 128 };
            prefix
                .parse::<u8>()
                .ok()
                .filter(|p| *p <= longest)
                .map(|_| version)
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() > 1
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// An alias, perhaps with its scope: `dc/name`, `guest/name`.
fn is_alias(text: &str) -> bool {
    let name = text.strip_prefix("dc/").or_else(|| text.strip_prefix("guest/"));
    is_name(name.unwrap_or(text))
}

/// The version of the addresses of a source or destination, if they are addresses.
pub(super) fn ip_version(text: &str) -> Option<u8> {
    text.split(',').next().and_then(address)
}

/// A list of addresses, an alias, or `+set`.
pub(super) fn address_spec(_: &str, text: &str) -> Result<(), String> {
    if let Some(set) = text.strip_prefix('+') {
        return if set.len() > 64 {
            Err("ipset name too long\n".to_owned())
        } else {
            Ok(())
        };
    }
    if is_alias(text) {
        return Ok(());
    }
    let items: Vec<&str> = text.split(',').collect();
    if items.iter().any(|item| item.is_empty()) {
        return Err("extraneous commas in list\n".to_owned());
    }
    let versions: Option<Vec<u8>> = items.iter().map(|item| address(item)).collect();
    let Some(versions) = versions else {
        return Err("invalid IP address: Cannot determine IP version for the given address\n".to_owned());
    };
    if versions.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(format!(
            "detected mixed ipv4/ipv6 addresses in address list '{text}'\n"
        ));
    }
    if items.len() > 1 && text.contains('-') {
        return Err("you can't use a range in a list\n".to_owned());
    }
    Ok(())
}

/// An address or network; `IPorCIDR`.
pub(super) fn network(_: &str, text: &str) -> Result<(), String> {
    if address(text).is_some() && !text.contains('-') {
        Ok(())
    } else {
        Err("value does not look like a valid IP address or CIDR network\n".to_owned())
    }
}

/// An address, a network or an alias; `IPorCIDRorAlias`.
pub(super) fn network_or_alias(name: &str, text: &str) -> Result<(), String> {
    if is_alias(text) {
        Ok(())
    } else {
        network(name, text)
    }
}

/// Ports by number, name or range, up to fifteen.
pub(super) fn ports(_: &str, text: &str) -> Result<(), String> {
    let mut count = 0;
    for item in text.split(',') {
        count += 1;
        let bound = |text: &str| {
            text.parse::<u16>()
                .map_err(|_| format!("invalid port '{text}'\n"))
        };
        if let Some((from, to)) = item.split_once(':') {
            count += 1;
            let (from, to) = (bound(from)?, bound(to)?);
            if from > to {
                return Err(format!("backwards range '{item}' in port list\n"));
            }
        } else if item.starts_with(|c: char| c.is_ascii_digit()) {
            bound(item)?;
        } else if item.is_empty() || !item.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(format!("invalid port '{item}'\n"));
        }
    }
    if count > 15 {
        return Err("too many entries in port list (> 15 numbers)\n".to_owned());
    }
    Ok(())
}

/// Protocols of `/etc/protocols` that rules are written about, or a number.
const PROTOCOLS: &[&str] = &[
    "ah",
    "dccp",
    "egp",
    "esp",
    "gre",
    "icmp",
    "icmpv6",
    "igmp",
    "ip",
    "ipip",
    "ipv6",
    "ipv6-icmp",
    "ospf",
    "pim",
    "sctp",
    "tcp",
    "udp",
    "udplite",
    "vrrp",
];

pub(super) fn protocol(_: &str, text: &str) -> Result<(), String> {
    if PROTOCOLS.contains(&text) || text.parse::<u8>().is_ok() {
        Ok(())
    } else {
        Err(format!("unknown protocol '{text}'\n"))
    }
}

/// Whether packets of a protocol have ports.
pub(super) fn has_ports(protocol: &str) -> bool {
    let protocol = protocol.to_ascii_lowercase();
    [
        "tcp",
        "udp",
        "udplite",
        "sctp",
        "dccp",
        "icmp",
        "icmpv6",
        "ipv6-icmp",
    ]
    .contains(&protocol.as_str())
}

/// A name of an ICMP message, or its numbers.
pub(super) fn icmp_type(_: &str, text: &str) -> Result<(), String> {
    let valid = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-/".contains(&b));
    if valid {
        Ok(())
    } else {
        Err(format!("invalid icmp-type '{text}'\n"))
    }
}

/// Protocols whose connections the kernel follows with a helper.
pub(super) fn conntrack_helpers(_: &str, text: &str) -> Result<(), String> {
    let known = [
        "amanda",
        "ftp",
        "irc",
        "netbios-ns",
        "pptp",
        "sane",
        "sip",
        "snmp",
        "tftp",
    ];
    let mut given = text.split([',', ';', ' ']).filter(|name| !name.is_empty());
    match given.find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(format!("unknown conntrack helper '{unknown}'\n")),
    }
}

/// A network interface.
pub(super) fn interface(_: &str, text: &str) -> Result<(), String> {
    let valid = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && (2..=20).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.:".contains(&b));
    if valid {
        Ok(())
    } else {
        Err(format!("invalid network interface name '{text}'\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_one_version() {
        assert!(address_spec("source", "192.0.2.0/24,192.0.2.7").is_ok());
        assert!(address_spec("source", "192.0.2.1-192.0.2.9").is_ok());
        assert!(address_spec("source", "+trusted").is_ok());
        assert!(
            address_spec("source", "192.0.2.1,2001:db8::1")
                .unwrap_err()
                .starts_with("detected mixed")
        );
        assert!(address_spec("source", "192.0.2.1,,192.0.2.2").is_err());
    }

    #[test]
    fn ports_are_numbers_names_or_ranges() {
        assert!(ports("dport", "22,80:90,https").is_ok());
        assert_eq!(ports("dport", "70000").unwrap_err(), "invalid port '70000'\n");
        assert!(ports("dport", "90:80").is_err());
    }
}
