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

/// Decodes what [`percent`] or Perl's `uri_escape` encoded; none if it is no such text, or no UTF-8.
pub(super) fn unpercent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                high << 4 | low
            }
            other => other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in any::<String>()) {
            prop_assert_eq!(unpercent(&percent(&text)), Some(text));
        }

        #[test]
        fn decoding_never_panics(text in "[%0-9A-Fg\\PC]{0,20}") {
            let _ = unpercent(&text);
        }
    }

    #[test]
    fn half_a_code_is_no_code() {
        for text in ["%", "%4", "%4g", "%ff"] {
            assert_eq!(unpercent(text), None, "{text}");
        }
        assert_eq!(unpercent("a+b%20c").as_deref(), Some("a+b c"));
    }

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
