//! The files on a cloud-init drive, rendered from the configuration (`PVE::QemuServer::Cloudinit`).

use std::fmt::Write;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::values::decode;
use crate::state::{Guest, World, drive_property, is_net};
use crate::verify::NET;

/// What guests without names of their own are told: the node's.
pub(super) struct Host {
    search: Option<String>,
    servers: Vec<String>,
}

impl Host {
    pub(super) fn of(world: &World, node: &str) -> Self {
        let settings = world.node(node).map(|node| &node.settings);
        Self {
            search: settings.and_then(|s| s.search.clone()),
            servers: settings.map(|s| s.dns.clone()).unwrap_or_default(),
        }
    }
}

/// The domain and the servers that a guest is told: all its own, or all the node's.
fn names<'a>(guest: &'a Guest, host: &'a Host) -> (Option<&'a str>, Vec<&'a str>) {
    let (domain, servers) = (guest.option("searchdomain"), guest.option("nameserver"));
    if domain.is_none() && servers.is_none() {
        return (
            host.search.as_deref(),
            host.servers.iter().map(String::as_str).collect(),
        );
    }
    let servers = servers.unwrap_or("").split([',', ';', ' ']);
    (domain, servers.filter(|s| !s.is_empty()).collect())
}

/// Name and full name.
fn hostname(guest: &Guest, host: &Host) -> (String, String) {
    let name = guest
        .option("name")
        .map_or_else(|| format!("VM{}", guest.vmid), str::to_owned);
    if let Some((short, _)) = name.split_once('.') {
        return (short.to_owned(), name);
    }
    let full = match names(guest, host).0 {
        Some(domain) => format!("{name}.{domain}"),
        None => name.clone(),
    };
    (name, full)
}

/// Writing to a string can't fail.
macro_rules! line {
    ($text:ident, $($format:tt)*) => {
        let _ = writeln!($text, $($format)*);
    };
}

/// The user and how to get in.
pub(super) fn user_data(guest: &Guest, host: &Host) -> String {
    let (name, full) = hostname(guest, host);
    let mut text = String::new();
    line!(text, "#cloud-config");
    line!(text, "hostname: {name}");
    line!(text, "manage_etc_hosts: true");
    line!(text, "fqdn: {full}");
    let user = guest.option("ciuser");
    if let Some(user) = user {
        line!(text, "user: {user}");
    }
    if user == Some("root") {
        line!(text, "disable_root: False");
    }
    if let Some(password) = guest.option("cipassword") {
        line!(text, "password: {password}");
    }
    if let Some(keys) = guest.option("sshkeys").map(decode) {
        line!(text, "ssh_authorized_keys:");
        for key in keys.lines().filter(|key| !key.trim().is_empty()) {
            line!(text, "  - {key}");
        }
    }
    line!(text, "chpasswd:");
    line!(text, "  expire: False");
    if user != Some("root") {
        line!(text, "users:");
        line!(text, "  - default");
    }
    if guest.option("ciupgrade") != Some("0") {
        line!(text, "package_upgrade: true");
    }
    text
}

/// A card with its addresses.
struct Card {
    number: String,
    mac: String,
    addresses: String,
}

impl Card {
    fn get(&self, key: &str) -> Option<&str> {
        drive_property(&self.addresses, key)
    }
}

/// Those that have an `ipconfig[n]`.
fn cards(guest: &Guest) -> Vec<Card> {
    let cards = guest.config.iter().filter(|(key, _)| is_net(key));
    cards
        .filter_map(|(key, value)| {
            let number = key.trim_start_matches("net").to_owned();
            let mac = NET.parse(value).ok()?.remove("macaddr")?.to_lowercase();
            let addresses = guest.option(&format!("ipconfig{number}"))?.to_owned();
            Some(Card {
                number,
                mac,
                addresses,
            })
        })
        .collect()
}

/// An IPv4 address with its network mask.
fn with_mask(text: &str) -> Option<(&str, std::net::Ipv4Addr)> {
    let (address, bits) = text.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((address, std::net::Ipv4Addr::from_bits(mask)))
}

/// Windows is given the format of `OpenStack`, all others that without a cloud.
fn is_config_drive(guest: &Guest) -> bool {
    match guest.option("citype") {
        Some(kind) => kind == "configdrive2",
        None => guest.option("ostype").is_some_and(|os| os.starts_with('w')),
    }
}

/// The addresses of the cards.
pub(super) fn network(guest: &Guest, host: &Host) -> String {
    if is_config_drive(guest) {
        interfaces(guest, host)
    } else {
        network_config(guest, host)
    }
}

/// Version 1 of cloud-init's own format.
fn network_config(guest: &Guest, host: &Host) -> String {
    let mut text = "version: 1\nconfig:\n".to_owned();
    for card in cards(guest) {
        line!(text, "    - type: physical");
        line!(text, "      name: eth{}", card.number);
        line!(text, "      mac_address: '{}'", card.mac);
        line!(text, "      subnets:");
        if card.get("ip") == Some("dhcp") {
            line!(text, "      - type: dhcp4");
        } else if let Some((address, mask)) = card.get("ip").and_then(with_mask) {
            line!(text, "      - type: static");
            line!(text, "        address: '{address}'");
            line!(text, "        netmask: '{mask}'");
            if let Some(gateway) = card.get("gw") {
                line!(text, "        gateway: '{gateway}'");
            }
        }
        match card.get("ip6") {
            None => {}
            Some("dhcp") => {
                line!(text, "      - type: dhcp6");
            }
            Some("auto") => {
                line!(text, "      - type: ipv6_slaac");
            }
            Some(address) => {
                line!(text, "      - type: static6");
                line!(text, "        address: '{address}'");
                if let Some(gateway) = card.get("gw6") {
                    line!(text, "        gateway: '{gateway}'");
                }
            }
        }
    }
    let (domain, servers) = names(guest, host);
    if domain.is_some() || !servers.is_empty() {
        line!(text, "    - type: nameserver");
        if !servers.is_empty() {
            line!(text, "      address:");
            for server in servers {
                line!(text, "      - '{server}'");
            }
        }
        if let Some(domain) = domain {
            line!(text, "      search:");
            line!(text, "      - '{domain}'");
        }
    }
    text
}

/// Debian's `/etc/network/interfaces`.
fn interfaces(guest: &Guest, host: &Host) -> String {
    let mut text = "auto lo\niface lo inet loopback\n\n".to_owned();
    for card in cards(guest) {
        let number = &card.number;
        line!(text, "auto eth{number}");
        if card.get("ip") == Some("dhcp") {
            line!(text, "iface eth{number} inet dhcp");
        } else if let Some((address, mask)) = card.get("ip").and_then(with_mask) {
            line!(text, "iface eth{number} inet static");
            line!(text, "        address {address}");
            line!(text, "        netmask {mask}");
            if let Some(gateway) = card.get("gw") {
                line!(text, "        gateway {gateway}");
            }
        }
        match card.get("ip6").map(|ip| (ip, ip.split_once('/'))) {
            None => {}
            Some((_, Some((address, prefix)))) => {
                line!(text, "iface eth{number} inet6 static");
                line!(text, "        address {address}");
                line!(text, "        netmask {prefix}");
                if let Some(gateway) = card.get("gw6") {
                    line!(text, "        gateway {gateway}");
                }
            }
            Some((how, None)) => {
                line!(text, "iface eth{number} inet6 {how}");
            }
        }
    }
    let (domain, servers) = names(guest, host);
    if !servers.is_empty() {
        line!(text, "        dns_nameservers {}", servers.join(" "));
    }
    if let Some(domain) = domain {
        line!(text, "        dns_search {domain}");
    }
    text
}

/// An id that changes with what the guest is told, so that cloud-init runs again.
pub(super) fn meta_data(guest: &Guest, host: &Host) -> String {
    let hash = Sha256::new_with_prefix(user_data(guest, host)).chain_update(network(guest, host));
    let mut id = String::with_capacity(40);
    for byte in &hash.finalize()[..20] {
        let _ = write!(id, "{byte:02x}");
    }
    if is_config_drive(guest) {
        let content = json!({"uuid": id, "network_config": {"content_path": "/content/0000"}});
        content.to_string()
    } else {
        format!("instance-id: {id}\n")
    }
}
