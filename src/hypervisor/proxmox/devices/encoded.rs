//! Texts that stand percent-encoded in a property string: serial numbers and models of drives.

use std::str::FromStr;

use crate::hypervisor::proxmox::encode::{percent, unpercent};
use crate::hypervisor::proxmox::property::{Reason, Text, Value};

/// A text whose encoded form is at most `MOST` bytes long (pve-common, `JSONSchema.pm`, `urlencoded`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encoded<const MOST: usize>(String);

impl<const MOST: usize> Encoded<MOST> {
    const WANTED: &'static str = "a percent-encoded text of the allowed length";

    /// The text itself, decoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes the text itself, not encoded.
impl<const MOST: usize> FromStr for Encoded<MOST> {
    type Err = Reason;

    fn from_str(text: &str) -> Result<Self, Reason> {
        if text.is_empty() || percent(text).len() > MOST {
            return Err(Reason::not(text, Self::WANTED));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<const MOST: usize> Value for Encoded<MOST> {
    fn read(text: &str) -> Result<Self, Reason> {
        // The characters that `verify_urlencoded` lets pass.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-%_.!~*'()".contains(c);
        let decoded = text.chars().all(allowed).then(|| unpercent(text)).flatten();
        // `!*'()` are longer in our spelling: a text that thereby gets too long is left as it stands.
        decoded
            .and_then(|decoded| decoded.parse().ok())
            .ok_or_else(|| Reason::not(text, Self::WANTED))
    }

    fn write(&self) -> Text {
        Text::of(percent(&self.0))
    }
}

#[cfg(test)]
impl<const MOST: usize> crate::hypervisor::proxmox::property::sample::Sample for Encoded<MOST> {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        let text = prop_oneof!["[a-zA-Z0-9 ,;=_-]{1,20}", "\\PC{1,6}"];
        text.prop_filter_map("too long", |text| text.parse().ok()).boxed()
    }
}
