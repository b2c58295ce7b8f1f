//! A text that can stand as a value in a property string: neither blank nor able to end its part and begin
//! another one. Everything that is written passes through it.

use std::fmt;
use std::str::FromStr;

use super::bad_property::Reason;
use super::field::Value;

/// A value that would end its part and begin another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' can't stand in a property string")]
pub struct BadValue(pub String);

/// A value as it is spelt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    /// Spells a value whose type has no spelling with a comma or a control character, and none that is blank.
    pub(in crate::hypervisor::proxmox) fn of(value: impl fmt::Display) -> Self {
        Self(value.to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for Text {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if text.trim().is_empty() || text.contains(|c: char| c == ',' || c.is_control()) {
            return Err(BadValue(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Text {
    fn read(text: &str) -> Result<Self, Reason> {
        text.parse()
            .map_err(|BadValue(text)| Reason::not(&text, "a text without commas and control characters"))
    }

    fn write(&self) -> Text {
        self.clone()
    }
}
