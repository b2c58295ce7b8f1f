//! What a rule has to be as a whole (`PVE::Firewall::verify_rule`).

use std::collections::BTreeMap;

use super::formats::has_ports;
use crate::state::{FirewallFile, Rule, World};
use crate::wire::ApiError;

/// What is wrong with a rule, by property.
pub(super) fn verify_rule(
    world: &World,
    file: &FirewallFile,
    in_group: bool,
    rule: &Rule,
) -> Result<(), ApiError> {
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = |name: &str, error: String| {
        errors.entry(name.to_owned()).or_insert(error);
    };
    let get = |name: &str| rule.get(name).map(String::as_str);
    let action = get("action").unwrap_or("");
    let known = world.firewall(&FirewallFile::Cluster).groups;
    match get("type") {
        Some("group") if in_group => wrong("type", "security groups not allowed".to_owned()),
        Some("group") if known.contains_key(action) => {}
        Some("group") => wrong("action", format!("no such security group '{action}'")),
        Some("forward") if matches!(file, FirewallFile::Guest(_)) => {
            wrong(
                "type",
                "direction 'forward' not allowed for rule of type 'vm'".to_owned(),
            );
        }
        _ if get("macro").is_none() && !["ACCEPT", "DROP", "REJECT"].contains(&action) => {
            wrong("action", format!("unknown action '{action}'"));
        }
        _ => {}
    }
    for ports in ["dport", "sport"] {
        if get(ports).is_none() {
            continue;
        }
        match get("proto") {
            None if get("macro").is_none() => {
                wrong(
                    "proto",
                    format!("missing property - '{ports}' requires this property"),
                );
            }
            Some(protocol) if !has_ports(protocol) => {
                wrong(ports, format!("protocol '{protocol}' does not support ports"));
            }
            _ => {}
        }
    }
    if get("icmp-type").is_some() && !get("proto").is_some_and(|p| p.contains("icmp")) {
        wrong(
            "icmp-type",
            "icmp-type requires 'icmp' or 'icmpv6' or 'ipv6-icmp' as protocol".to_owned(),
        );
    }
    let (source, dest) = (get("source"), get("dest"));
    let version = |text: Option<&str>| text.and_then(super::formats::ip_version);
    if let (Some(source), Some(dest)) = (version(source), version(dest))
        && source != dest
    {
        wrong("source", "detected mixed IPv4/IPv6 addresses in rule".to_owned());
        wrong("dest", "detected mixed IPv4/IPv6 addresses in rule".to_owned());
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::parameters(errors))
    }
}
