//! Sizes as Kubernetes quantities (`4Gi`), in bytes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Bytes in a MiB.
pub const MIB: u64 = 1 << 20;

/// A size in bytes, written as a Kubernetes quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(pub String);

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a size in whole bytes (write it like 512Mi or 32Gi)")]
pub struct ParseSize(pub String);

const UNITS: [(&str, u64); 10] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
];

impl Size {
    /// The size in bytes.
    pub fn bytes(&self) -> Result<u64, ParseSize> {
        let error = || ParseSize(self.0.clone());
        let text = self.0.as_str();
        let (number, unit) = UNITS
            .iter()
            .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|n| (n, *factor)))
            .unwrap_or((text, 1));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
            return Err(error());
        }
        let whole: u128 = whole.parse().map_err(|_| error())?;
        let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| error())?);
        let part: u128 = if fraction.is_empty() {
            0
        } else {
            fraction.parse().map_err(|_| error())?
        };
        let scaled = whole
            .checked_mul(scale)
            .and_then(|w| w.checked_add(part))
            .and_then(|w| w.checked_mul(u128::from(unit)))
            .ok_or_else(error)?;
        if !scaled.is_multiple_of(scale) {
            return Err(error());
        }
        u64::try_from(scaled / scale).map_err(|_| error())
    }

    /// The shortest way to write a number of bytes: `4Gi`, `1536Mi`, `1000`.
    #[must_use]
    pub fn of_bytes(bytes: u64) -> Self {
        let binary = UNITS[..5].iter().rev();
        for (suffix, factor) in binary {
            if bytes > 0 && bytes.is_multiple_of(*factor) {
                return Self(format!("{}{suffix}", bytes / factor));
            }
        }
        Self(bytes.to_string())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 24,
            "pattern": r"^[0-9]{1,15}(\.[0-9]{1,9})?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_reads_them() {
        for (text, bytes) in [
            ("4Gi", 4 << 30),
            ("1.5Gi", 3 << 29),
            ("512Mi", 512 << 20),
            ("1G", 1_000_000_000),
            ("42", 42),
        ] {
            assert_eq!(Size(text.into()).bytes(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_whole_number_of_bytes_is_refused() {
        for text in [
            "",
            "Gi",
            "-1Gi",
            "1.5",
            "4 Gi",
            "4GiB",
            "0x10",
            "99999999999999Pi",
            "1e3",
        ] {
            assert!(Size(text.into()).bytes().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_written_short() {
        for (bytes, text) in [(4 << 30, "4Gi"), (3 << 29, "1536Mi"), (1000, "1000"), (0, "0")] {
            assert_eq!(Size::of_bytes(bytes).0, text);
        }
    }
}
