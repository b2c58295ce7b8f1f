//! Proxmox's property strings and sizes, as far as the simulator has to look into them.

use uuid::Uuid;

use super::config::NETWORK_MODELS;
use crate::release::Release;

/// Splits `a,b=c` into pairs; a part without `=` has an empty key, as the volume of a drive.
fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value
        .split(',')
        .map(|part| part.split_once('=').unwrap_or(("", part)))
}

/// The volume of a drive: its first part without a key, or `file=` or `volume=`.
pub(crate) fn drive_volume(value: &str) -> &str {
    parts(value)
        .find(|(key, _)| matches!(*key, "" | "file" | "volume"))
        .map_or("", |(_, v)| v)
}

/// A named property, as `size` of a drive or `uuid` of `smbios1`.
pub(crate) fn drive_property<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    parts(value).find(|(key, _)| *key == name).map(|(_, v)| v)
}

/// The value with a property set, or removed with `None`. A new one is put at the end.
pub(crate) fn set_property(value: &str, name: &str, to: Option<&str>) -> String {
    let mut found = false;
    let mut out: Vec<String> = Vec::new();
    for part in value.split(',') {
        if part.split_once('=').is_some_and(|(key, _)| key == name) {
            found = true;
            out.extend(to.map(|v| format!("{name}={v}")));
        } else {
            out.push(part.to_owned());
        }
    }
    if let (false, Some(v)) = (found, to) {
        out.push(format!("{name}={v}"));
    }
    out.join(",")
}

/// A size as `32G`, `1.5T` or bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, factor) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1u64 << 10),
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'G' => (&text[..text.len() - 1], 1 << 30),
        b'T' => (&text[..text.len() - 1], 1 << 40),
        _ => (text, 1),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let fraction = number
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite() && *n >= 0.0)?;
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a unit, never negative"
    )]
    let bytes = (fraction * factor as f64) as u64;
    Some(bytes)
}

/// A size as Proxmox writes it: in the largest unit that divides it, so that nothing is `0T`.
pub(crate) fn format_size(bytes: u64) -> String {
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] {
        if bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// A number of bytes for people: `3.0 GiB` (`PVE::CLIFormatter::render_bytes`).
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn render_bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// `1` and `enabled=1` alike (the agent's and other options' leading boolean).
pub(crate) fn bool_of(value: &str, name: &str) -> bool {
    parts(value).any(|(key, v)| (key.is_empty() || key == name) && v == "1")
}

/// Tags as Proxmox stores them: lower case, sorted, each once, joined by `;`. No tag at all is stored as a blank.
pub(crate) fn normalize_tags(value: &str) -> String {
    let mut tags: Vec<String> = value
        .split([',', ';', ' ', '\0'])
        .filter(|t| !t.is_empty())
        .map(str::to_lowercase)
        .collect();
    tags.sort_unstable();
    tags.dedup();
    if tags.is_empty() {
        " ".to_owned()
    } else {
        tags.join(";")
    }
}

/// A network card with a MAC address: its own, or a new one of Proxmox's range when it has none or `fresh` is asked.
pub(crate) fn with_mac(release: Release, value: &str, fresh: bool) -> String {
    let mut model = "virtio";
    let mut mac = None;
    let mut rest = String::new();
    for (key, text) in parts(value) {
        match key {
            "" | "model" => model = text,
            "macaddr" => mac = Some(text),
            card if NETWORK_MODELS.contains(&card) => (model, mac) = (card, Some(text)),
            other => rest.extend([",", other, "=", text]),
        }
    }
    let mac = mac
        .filter(|_| !fresh)
        .map_or_else(|| new_mac(release), str::to_uppercase);
    format!("{model}={mac}{rest}")
}

/// Proxmox has a range of its own since 8.1; before, an address was any that is unicast and administered locally.
fn new_mac(release: Release) -> String {
    let mut bytes: Vec<u8> = Uuid::new_v4().as_bytes()[..6].to_vec();
    if release >= Release::V8_4 {
        bytes[..3].copy_from_slice(&[0xBC, 0x24, 0x11]);
    } else {
        bytes[0] = bytes[0] & 0xFE | 2;
    }
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_the_largest_unit() {
        assert_eq!(format_size(32 << 30), "32G");
        assert_eq!(format_size(1536), "1536");
        assert_eq!(format_size(0), "0T");
        assert_eq!(parse_size("1.5G"), Some(3 << 29));
        assert_eq!(parse_size("x"), None);
    }

    #[test]
    fn tags_are_lower_case_sorted_and_unique() {
        assert_eq!(normalize_tags("B;a,c d a"), "a;b;c;d");
        assert_eq!(normalize_tags(""), " ");
    }

    #[test]
    fn a_card_gets_a_mac_of_its_own() {
        let card = with_mac(Release::V9_2, "virtio,bridge=vmbr0", false);
        assert!(card.starts_with("virtio=BC:24:11:") && card.ends_with(",bridge=vmbr0"));
        assert_eq!(with_mac(Release::V9_2, &card, false), card);
        assert_ne!(with_mac(Release::V9_2, &card, true), card);
    }
}
