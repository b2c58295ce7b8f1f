//! Percent-encoding, one spelling for paths, queries and forms.

use std::fmt::Write as _;

/// Encodes everything but RFC 3986's unreserved characters. That is more than forms demand, and it has to
/// be: Proxmox VE splits forms at a raw `;` as it does at `&` (pve-http-server, `AnyEvent.pm`, `decode_urlencoded`).
pub(super) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Writes parameters as a form or a query.
pub(super) fn form(parameters: &[(String, String)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name), percent(value)))
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_of_forms_are_encoded() {
        assert_eq!(
            form(&[("tags".into(), "a;b&c".into()), ("d".into(), "x y+ü\n".into())]),
            "tags=a%3Bb%26c&d=x%20y%2B%C3%BC%0A"
        );
    }

    #[test]
    fn slashes_and_colons_do_not_leave_their_segment() {
        assert_eq!(
            percent("UPID:pve:root@pam!x/.."),
            "UPID%3Apve%3Aroot%40pam%21x%2F.."
        );
    }
}
