//! The formats of options and of their keys; an error is the sentence that follows `invalid format - `.
//!
//! The sentences are those of `PVE::JSONSchema` and of qemu-server.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::{Kind, Properties, format, may, pattern};

/// Whether an option is a drive that can be on a bus.
fn is_device(text: &str) -> bool {
    pattern::matches(
        r"(ide|sata|scsi|virtio|net|usb|hostpci)\d+|efidisk0|tpmstate0",
        text,
    )
}

/// `pve-qm-boot`.
pub(super) const BOOT: Properties = Properties::new(
    Some("legacy"),
    &[
        may("legacy", Kind::Pattern("[acdn]{1,4}")),
        may("order", Kind::List(boot_devices)),
    ],
);

fn boot_devices(_: &str, text: &str) -> Result<(), String> {
    let mut devices = text.split([';', ' ']).filter(|device| !device.is_empty());
    match devices.find(|device| !is_device(device)) {
        None => Ok(()),
        Some(device) => Err(format!("invalid boot device '{device}'\n")),
    }
}

pub(super) fn boot_disk(_: &str, text: &str) -> Result<(), String> {
    check(
        pattern::matches(r"(ide|sata|scsi|virtio)\d+", text),
        format!("invalid boot disk '{text}'\n"),
    )
}

pub(super) fn volume_id(_: &str, text: &str) -> Result<(), String> {
    let valid = text
        .split_once(':')
        .is_some_and(|(storage, name)| !name.is_empty() && format::storage("", storage).is_ok());
    if valid {
        Ok(())
    } else {
        Err(format!("unable to parse volume ID '{text}'\n"))
    }
}

pub(super) fn volume_id_or_absolute_path(name: &str, text: &str) -> Result<(), String> {
    if text.starts_with('/') {
        Ok(())
    } else {
        volume_id(name, text)
    }
}

pub(super) fn volume_id_or_path(name: &str, text: &str) -> Result<(), String> {
    if matches!(text, "none" | "cdrom") {
        Ok(())
    } else {
        volume_id_or_absolute_path(name, text)
    }
}

pub(super) fn disk_size(_: &str, text: &str) -> Result<(), String> {
    check(
        pattern::matches(r"\d+(\.\d+)?[KMGT]?", text),
        format!("value does not look like a valid size: {text}\n"),
    )
}

pub(super) fn hotplug(_: &str, text: &str) -> Result<(), String> {
    let known = ["network", "disk", "cpu", "memory", "usb", "cloudinit"];
    let mut features = text.split([',', ';', ' ']).filter(|f| !f.is_empty());
    match features.find(|f| !known.contains(f)) {
        Some(feature) if !matches!(text, "0" | "1") => Err(format!("invalid hotplug feature '{feature}'\n")),
        _ => Ok(()),
    }
}

pub(super) fn startup(_: &str, text: &str) -> Result<(), String> {
    let known = |part: &str| pattern::matches(r"(order=)?\d+|up=\d+|down=\d+", part);
    check(
        text.split([',', ';', ' ']).filter(|p| !p.is_empty()).all(known),
        "unable to parse startup options\n".to_owned(),
    )
}

pub(super) fn cpu_set(_: &str, text: &str) -> Result<(), String> {
    let ranges = pattern::matches(r"\d+(-\d+)?(,\d+(-\d+)?)*", text);
    let rising = |range: &str| match range.split_once('-') {
        None => true,
        Some((from, to)) => from.parse::<u32>().ok() <= to.parse::<u32>().ok(),
    };
    check(
        ranges && text.split(',').all(rising),
        "unable to parse cpuset option\n".to_owned(),
    )
}

/// `pve-qm-smbios1` is a property string with values that may be encoded.
pub(super) fn system_information(name: &str, text: &str) -> Result<(), String> {
    const TEXTS: Kind = Kind::Pattern(r"[A-Za-z0-9+\/]+={0,2}");
    const KEYS: Properties = Properties::new(
        None,
        &[
            may("base64", Kind::Boolean),
            may("family", TEXTS),
            may("manufacturer", TEXTS),
            may("product", TEXTS),
            may("serial", TEXTS),
            may("sku", TEXTS),
            may(
                "uuid",
                Kind::Pattern("[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"),
            ),
            may("version", TEXTS),
        ],
    );
    KEYS.check(crate::release::Release::default(), name, text)
}

pub(super) fn bridge(_: &str, text: &str) -> Result<(), String> {
    check(
        pattern::matches(r"[-_.\w\d]+", text),
        format!("invalid bridge ID '{text}'\n"),
    )
}

pub(super) fn mac(_: &str, text: &str) -> Result<(), String> {
    check(
        pattern::matches("(?i)[a-f0-9][02468ace](?::[a-f0-9]{2}){5}", text),
        "value does not look like a valid unicast MAC address\n".to_owned(),
    )
}

pub(super) fn usb_device(_: &str, text: &str) -> Result<(), String> {
    check(
        pattern::matches(
            r"(?i)(0x)?[0-9a-f]{4}:(0x)?[0-9a-f]{4}|\d+-\d+(\.\d+)*|spice",
            text,
        ),
        "unable to parse usb device\n".to_owned(),
    )
}

pub(super) fn ipv4(_: &str, text: &str) -> Result<(), String> {
    check(
        text.parse::<Ipv4Addr>().is_ok(),
        "value does not look like a valid ipv4 address\n".to_owned(),
    )
}

pub(super) fn ipv6(_: &str, text: &str) -> Result<(), String> {
    check(
        text.parse::<Ipv6Addr>().is_ok(),
        "value does not look like a valid ipv6 address\n".to_owned(),
    )
}

pub(super) fn ipv4_config(_: &str, text: &str) -> Result<(), String> {
    let network = network(text).is_some_and(|(ip, bits)| ip.parse::<Ipv4Addr>().is_ok() && bits <= 32);
    check(
        network || matches!(text, "dhcp" | "manual"),
        "value does not look like a valid ipv4 network configuration\n".to_owned(),
    )
}

pub(super) fn ipv6_config(_: &str, text: &str) -> Result<(), String> {
    let network = network(text).is_some_and(|(ip, bits)| ip.parse::<Ipv6Addr>().is_ok() && bits <= 128);
    check(
        network || matches!(text, "auto" | "dhcp" | "manual"),
        "value does not look like a valid ipv6 network configuration\n".to_owned(),
    )
}

fn network(text: &str) -> Option<(&str, u8)> {
    let (ip, bits) = text.split_once('/')?;
    Some((ip, bits.parse().ok()?))
}

pub(super) fn addresses(name: &str, text: &str) -> Result<(), String> {
    let valid = |item: &str| item.parse::<std::net::IpAddr>().is_ok() || format::dns_name(name, item).is_ok();
    let mut items = text.split([',', ';', ' ']).filter(|i| !i.is_empty());
    match items.find(|item| !valid(item)) {
        None => Ok(()),
        Some(item) => Err(format!("value does not look like a valid address: {item}\n")),
    }
}

fn check(valid: bool, sentence: String) -> Result<(), String> {
    if valid { Ok(()) } else { Err(sentence) }
}
