//! Formats of parameters of the cluster's calls (`PVE::JSONSchema`, `PVE::CalendarEvent`).

use std::net::IpAddr;

use super::Kind;
use crate::state::CalendarEvent;

/// An address.
pub(crate) const IP: Kind = Kind::Format(ip);
/// When something is to be done.
pub(crate) const SCHEDULE: Kind = Kind::LongFormat(calendar_event, 128);
/// A list of guests' numbers.
pub(crate) const VMIDS: Kind = Kind::List(vmids);
/// A list of days of the week.
pub(crate) const DAYS_OF_WEEK: Kind = Kind::List(days_of_week);
/// A list of addresses to send mails to, or users who have one.
pub(crate) const MAIL_TO: Kind = Kind::List(mail_to);
/// The first three bytes of a hardware address.
pub(crate) const MAC_PREFIX: Kind = Kind::Format(mac_prefix);
/// A network.
pub(crate) const CIDR: Kind = Kind::Format(cidr);
/// An address of mail.
pub(crate) const EMAIL: Kind = Kind::Format(email);
/// A guest that the HA stack cares for: `vm:100`, or its number alone.
pub(crate) const HA_SERVICE: Kind = Kind::Format(ha_service);
/// A list of nodes with priorities.
pub(crate) const HA_NODES: Kind = Kind::Format(ha_nodes);
/// A list of options, no longer than 4096 characters.
pub(crate) const OPTION_LIST: Kind = Kind::LongList(super::format::config_id_list, 4096);
/// A list of options.
pub(crate) const OPTIONS: Kind = Kind::List(super::format::config_id_list);
/// One option, or another name of that form.
pub(crate) const OPTION: Kind = Kind::Format(super::format::config_id);
/// A host's name, an interface's and the like.
pub(crate) const NAME: Kind = Kind::Format(name);
/// A list of anything.
pub(crate) const WORDS: Kind = Kind::List(|_, _| Ok(()));
/// A name without more rules than that.
pub(crate) const NODE_LOCATION: Kind = Kind::Format(location);
/// A list of the ways in which tasks end.
pub(crate) const TASK_STATES: Kind = Kind::List(task_states);
/// A hardware address of a card.
pub(crate) const MAC: Kind = Kind::Format(mac);

fn check(valid: bool, sentence: &str) -> Result<(), String> {
    if valid { Ok(()) } else { Err(sentence.to_owned()) }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\0']).filter(|item| !item.is_empty())
}

fn ip(_: &str, text: &str) -> Result<(), String> {
    check(
        text.parse::<IpAddr>().is_ok(),
        "value does not look like a valid IP address\n",
    )
}

fn cidr(_: &str, text: &str) -> Result<(), String> {
    let network = text.split_once('/').and_then(|(address, prefix)| {
        let most = if address.parse::<IpAddr>().ok()?.is_ipv4() {
            32
        } else {
            128
        };
        prefix.parse::<u8>().ok().filter(|prefix| *prefix <= most)
    });
    check(
        network.is_some(),
        "value does not look like a valid CIDR network\n",
    )
}

fn calendar_event(_: &str, text: &str) -> Result<(), String> {
    let sentence = format!("invalid calendar event '{text}' - unable to parse calendar event\n\n");
    check(CalendarEvent::parse(text).is_some(), &sentence)
}

fn vmids(_: &str, text: &str) -> Result<(), String> {
    let valid = |item: &str| {
        item.parse::<u32>()
            .is_ok_and(|id| (100..=999_999_999).contains(&id))
    };
    check(items(text).all(valid), "value does not look like a valid VM ID\n")
}

fn days_of_week(_: &str, text: &str) -> Result<(), String> {
    let known = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    match items(text).find(|item| !known.contains(item)) {
        Some(item) => Err(format!("invalid day '{item}'\n")),
        None => Ok(()),
    }
}

fn is_email(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b'@');
    text.split_once('@')
        .is_some_and(|(user, host)| part(user) && part(host))
}

fn email(_: &str, text: &str) -> Result<(), String> {
    let sentence = "value does not look like a valid email address\n";
    check(text.is_empty() || is_email(text), sentence)
}

fn mail_to(_: &str, text: &str) -> Result<(), String> {
    match items(text).find(|item| !is_email(item) && item.contains(['\'', '"', '<', '>'])) {
        Some(_) => Err("value does not look like a valid email address or user name\n".to_owned()),
        None => Ok(()),
    }
}

fn hex_pairs(text: &str, least: usize, most: usize) -> bool {
    let pairs: Vec<&str> = text.split(':').filter(|pair| !pair.is_empty()).collect();
    let hex = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    (least..=most).contains(&pairs.len()) && pairs.iter().all(hex)
}

fn is_unicast(text: &str) -> bool {
    let second = text.chars().nth(1).and_then(|c| c.to_digit(16));
    second.is_some_and(|digit| digit % 2 == 0)
}

fn mac(_: &str, text: &str) -> Result<(), String> {
    let valid = hex_pairs(text, 6, 6) && is_unicast(text);
    check(valid, "value does not look like a valid unicast MAC address\n")
}

fn mac_prefix(_: &str, text: &str) -> Result<(), String> {
    let valid = hex_pairs(text, 1, 5) && is_unicast(text);
    check(valid, "value is not a valid unicast MAC address prefix\n")
}

fn ha_service(_: &str, text: &str) -> Result<(), String> {
    let id = text
        .strip_prefix("vm:")
        .or(text.strip_prefix("ct:"))
        .unwrap_or(text);
    let valid = id
        .parse::<u32>()
        .is_ok_and(|id| (100..=999_999_999).contains(&id));
    check(
        valid,
        &format!("value does not look like a valid ha resource or VM ID '{text}'\n"),
    )
}

fn ha_nodes(_: &str, text: &str) -> Result<(), String> {
    let valid = |item: &str| {
        let (node, priority) = item.split_once(':').unwrap_or((item, "0"));
        super::format::node("", node).is_ok() && priority.parse::<u32>().is_ok()
    };
    match items(text).find(|item| !valid(item)) {
        Some(item) => Err(format!(
            "value '{item}' does not look like a valid node group member\n"
        )),
        None => Ok(()),
    }
}

fn task_states(_: &str, text: &str) -> Result<(), String> {
    let known = ["ok", "error", "warning", "unknown"];
    match items(text).find(|item| !known.contains(&item.to_ascii_lowercase().as_str())) {
        Some(item) => Err(format!("invalid status '{item}'\n")),
        None => Ok(()),
    }
}

fn name(_: &str, text: &str) -> Result<(), String> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"-_.*".contains(&b);
    check(text.bytes().all(valid), "value does not look like a valid name\n")
}

fn location(_: &str, text: &str) -> Result<(), String> {
    let valid = !text.is_empty() && !text.chars().any(char::is_control);
    check(valid, "value does not look like a valid location\n")
}
