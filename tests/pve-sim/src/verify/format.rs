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

pub(super) fn address(name: &str, text: &str) -> Result<(), String> {
    let valid = text.parse::<std::net::IpAddr>().is_ok() || dns_name(name, text).is_ok();
    check(
        valid,
        &format!("value does not look like a valid address: {text}\n"),
    )
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

/// `local:iso/x.iso`: a storage, a colon, a name.
pub(super) fn volume_id(_: &str, text: &str) -> Result<(), String> {
    let valid = text
        .split_once(':')
        .is_some_and(|(name, volume)| storage("", name).is_ok() && !volume.is_empty());
    if valid {
        Ok(())
    } else {
        Err(format!("unable to parse volume ID '{text}'\n"))
    }
}

/// The path of a mount point or what is mounted there, without steps upwards (pve-container,
/// `verify_lxc_mp_string`).
pub(super) fn mount_path(_: &str, text: &str) -> Result<(), String> {
    let steps = |at: &str| text.contains(&format!("/{at}/")) || text.ends_with(&format!("/{at}"));
    let upwards = steps(".") || steps("..") || text.starts_with("./") || text.starts_with("../");
    if upwards {
        Err(format!("{text} contains illegal character sequences\n"))
    } else {
        Ok(())
    }
}

/// A device of the host below `/dev`.
pub(super) fn device_path(name: &str, text: &str) -> Result<(), String> {
    if text.starts_with("/dev/") && mount_path(name, text).is_ok() {
        Ok(())
    } else {
        Err(format!("{text} is not a valid device path\n"))
    }
}

/// `8G`, `512M`, bytes.
pub(super) fn disk_size(_: &str, text: &str) -> Result<(), String> {
    let number = text.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let valid = match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(number),
    };
    check(valid, "value does not look like a valid disk size\n")
}

pub(super) fn dns_name_list(name: &str, text: &str) -> Result<(), String> {
    let mut names = text.split([',', ';', ' ']).filter(|n| !n.is_empty());
    names.try_for_each(|n| dns_name(name, n))
}

/// `order=1,up=30,down=60`, or the order alone.
pub(super) fn startup_order(_: &str, text: &str) -> Result<(), String> {
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    let valid = text.split(',').all(|part| match part.split_once('=') {
        Some((key, value)) => ["order", "up", "down"].contains(&key) && number(value),
        None => number(part),
    });
    check(valid, "unable to parse startup options\n")
}

/// `host`, `UTC` or `Europe/Vienna`. Whether there is such a zone is the host's to know; that it looks like one is
/// checked here.
pub(super) fn time_zone(_: &str, text: &str) -> Result<(), String> {
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-+".contains(&b))
    };
    if text.split('/').all(part) {
        Ok(())
    } else {
        Err(format!("invalid time zone '{text}'\n"))
    }
}

/// A pool, or one within others: `a/b/c` (`PVE::AccessControl::verify_poolname`).
pub(super) fn pool(_: &str, text: &str) -> Result<(), String> {
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if text.split('/').count() <= 3 && text.split('/').all(part) {
        Ok(())
    } else {
        Err(format!("pool name '{text}' contains invalid characters\n"))
    }
}

/// `1` for the same storages, one storage for all, or `from:to` pairs (`storage-pair-list`).
pub(super) fn storage_pairs(name: &str, text: &str) -> Result<(), String> {
    let mut pairs = text.split([',', ';', ' ']).filter(|p| !p.is_empty());
    pairs.try_for_each(|pair| match pair.split_once(':') {
        Some((from, to)) => storage(name, from).and_then(|()| storage(name, to)),
        None if pair == "1" => Ok(()),
        None => storage(name, pair),
    })
}
