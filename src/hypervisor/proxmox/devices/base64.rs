//! Base64 with the usual alphabet (RFC 4648), as `smbios1` uses it. Padding may be missing, and left-over bits are not
//! looked at, as with Perl's `decode_base64`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Encodes bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// Decodes a text; none if it is no Base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_may_be_missing() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("f", "Zg"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(decode(text), Some(plain.as_bytes().to_vec()), "{text}");
        }
        assert_eq!(encode(b"f"), "Zg==");
        for text in ["A", "A===", "Zg=x", "Z g=", "ü"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
