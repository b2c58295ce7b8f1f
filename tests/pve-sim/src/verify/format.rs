//! The formats that parameters can have. An error is the sentence that follows `invalid format - `.

use crate::state::{NETWORK_MODELS, parse_size};

/// A whole number as `PVE::JSONSchema` takes it: digits, perhaps with a minus.
pub(super) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn label(text: &str) -> bool {
    let edge = |b: u8| b.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(&a), Some(&z)) if edge(a) && edge(z))
        && bytes.len() <= 63
        && bytes.iter().all(|&b| edge(b) || b == b'-')
}

fn check(valid: bool, sentence: &str) -> Result<(), String> {
    if valid { Ok(()) } else { Err(sentence.to_owned()) }
}

pub(super) fn dns_name(_: &str, text: &str) -> Result<(), String> {
    check(
        text.split('.').all(label),
        "value does not look like a valid DNS name\n",
    )
}

/// Proxmox accepts more in the path (it looks the host up); this is for parameters.
pub(super) fn node(_: &str, text: &str) -> Result<(), String> {
    let valid = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    check(valid, "value does not look like a valid node name\n")
}

pub(super) fn storage(_: &str, text: &str) -> Result<(), String> {
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let valid = starts
        && text.len() > 1
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if valid {
        Ok(())
    } else {
        Err(format!("storage ID '{text}' contains illegal characters\n"))
    }
}

pub(super) fn config_id(_: &str, text: &str) -> Result<(), String> {
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let valid = starts
        && text.len() > 1
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if valid {
        Ok(())
    } else {
        Err(format!("invalid configuration ID '{text}'\n"))
    }
}

/// A list of options; whether they exist is checked by the call.
pub(super) fn config_id_list(name: &str, text: &str) -> Result<(), String> {
    let mut ids = text.split([',', ';', ' ']).filter(|id| !id.is_empty());
    ids.try_for_each(|id| config_id(name, id))
}

pub(super) fn tags(_: &str, text: &str) -> Result<(), String> {
    let valid = |tag: &str| {
        let first = tag.bytes().next();
        first.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
            && tag
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-+.".contains(&b))
    };
    let mut given = text.split([',', ';', ' ']).filter(|t| !t.is_empty());
    check(given.all(valid), "invalid characters in tag\n")
}

pub(super) fn url_encoded(_: &str, text: &str) -> Result<(), String> {
    let valid = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-%_.!~*'()".contains(&b));
    if valid {
        Ok(())
    } else {
        Err(format!("invalid urlencoded string: {text}\n"))
    }
}

const CONTENTS: &[&str] = &[
    "images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none",
];

pub(super) fn content(_: &str, text: &str) -> Result<(), String> {
    if CONTENTS.contains(&text) {
        Ok(())
    } else {
        Err(format!("invalid content type '{text}'\n"))
    }
}

pub(super) fn content_list(name: &str, text: &str) -> Result<(), String> {
    text.split([',', ';', ' '])
        .filter(|t| !t.is_empty())
        .try_for_each(|t| content(name, t))
}

pub(super) fn size(text: &str) -> bool {
    let number = text.strip_prefix('+').unwrap_or(text);
    number.bytes().next().is_some_and(|b| b.is_ascii_digit()) && parse_size(number).is_some()
}

pub(super) fn memory(name: &str, text: &str) -> Result<(), String> {
    let number = text.strip_prefix("current=").unwrap_or(text);
    match integer(number) {
        None => Err(format!(
            "format error\n{name}.current: type check ('integer') failed - got '{number}'\n"
        )),
        Some(n) if n < 16 => Err(format!(
            "format error\n{name}.current: value must have a minimum value of 16\n"
        )),
        Some(_) => Ok(()),
    }
}

pub(super) fn agent(name: &str, text: &str) -> Result<(), String> {
    const BOOLEANS: &[&str] = &[
        "enabled",
        "fstrim_cloned_disks",
        "freeze-fs",
        "freeze-fs-on-backup",
        "guest-fsfreeze",
    ];
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or(("enabled", part));
        if BOOLEANS.contains(&key) {
            if !["0", "1"].contains(&value) {
                return Err(format!(
                    "format error\n{name}.{key}: type check ('boolean') failed - got '{value}'\n"
                ));
            }
        } else if key != "type" {
            return Err(undefined(name, key));
        }
    }
    Ok(())
}

pub(super) fn net(name: &str, text: &str) -> Result<(), String> {
    const OTHERS: &[&str] = &[
        "bridge",
        "firewall",
        "host-tunnel",
        "link_down",
        "macaddr",
        "model",
        "mtu",
        "queues",
        "rate",
        "tag",
        "trunks",
    ];
    let mut model = false;
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or(("model", part));
        if NETWORK_MODELS.contains(&key) || key == "model" && NETWORK_MODELS.contains(&value) {
            model = true;
        } else if key == "tag" && integer(value).is_none() {
            return Err(format!(
                "format error\n{name}.tag: type check ('integer') failed - got '{value}'\n"
            ));
        } else if key == "tag" && integer(value).is_some_and(|t| t < 1) {
            return Err(format!(
                "format error\n{name}.tag: value must have a minimum value of 1\n"
            ));
        } else if key == "tag" && integer(value).is_some_and(|t| t > 4094) {
            return Err(format!(
                "format error\n{name}.tag: value must have a maximum value of 4094\n"
            ));
        } else if !OTHERS.contains(&key) {
            return Err(undefined(name, key));
        }
    }
    if model {
        Ok(())
    } else {
        Err(format!(
            "format error\n{name}.model: property is missing and it is not optional\n"
        ))
    }
}

fn undefined(name: &str, key: &str) -> String {
    format!(
        "format error\n{name}.{key}: property is not defined in schema and the schema does not allow additional properties\n"
    )
}
