//! The releases of Proxmox VE that can be simulated, and what differs by nothing but the release.

use serde::{Deserialize, Serialize};

/// A release of Proxmox VE. Later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Release {
    /// 7.4: no sentence in the body of an error.
    #[serde(rename = "7.4")]
    V7_4,
    /// 8.4.
    #[serde(rename = "8.4")]
    V8_4,
    /// 9.2.
    #[default]
    #[serde(rename = "9.2")]
    V9_2,
}

impl Release {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V7_4, Self::V8_4, Self::V9_2];

    /// As `GET /version` names it: `9.2.11`.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::V7_4 => "7.4-20",
            Self::V8_4 => "8.4.1",
            Self::V9_2 => "9.2.11",
        }
    }

    /// Major and minor: `9.2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V7_4 => "7.4",
            Self::V8_4 => "8.4",
            Self::V9_2 => "9.2",
        }
    }

    /// Of the package's source, as `GET /version` shows it.
    pub(crate) const fn repoid(self) -> &'static str {
        match self {
            Self::V7_4 => "c4d1b0f96ae5",
            Self::V8_4 => "3e8f6a2d9b7c1045",
            Self::V9_2 => "5a1cd9f07b3e2c44",
        }
    }

    /// Whether the body of an error repeats the sentence of the reason phrase (libpve-http-server-perl 5.2.0).
    pub(crate) fn tells_in_body(self) -> bool {
        self >= Self::V8_4
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|r| r.name() == text);
        found.ok_or_else(|| format!("release '{text}' is not simulated; 7.4, 8.4 and 9.2 are"))
    }
}
