//! The formats that parameters can have. An error is the sentence that follows `invalid format - `.

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
