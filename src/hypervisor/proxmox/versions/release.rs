//! A version of Proxmox VE, and the span of versions in which something is known.

use std::fmt;
use std::str::FromStr;

use crate::model::{HostVersion, ParseId};

/// A version, without the corrections in it: `9.2` of `9.2.11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Release {
    /// The oldest one that Drover speaks to.
    pub const OLDEST: Self = Self::new(7, 4);

    /// Puts it together.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// That of a host; [`Release::OLDEST`] if its text can't be read, so that nothing is asked of it that it may
    /// not know.
    #[must_use]
    pub fn of(version: &HostVersion) -> Self {
        version.text.parse().unwrap_or(Self::OLDEST)
    }
}

/// Reads `9.2.11`, and up to 7.4 `7.4-17`.
impl FromStr for Release {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        let mut numbers = text.split(['.', '-', '~']).map(|part| part.parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(ParseId {
                text: text.to_owned(),
                wanted: "a version of Proxmox VE (9.2.11)",
            }),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The releases in which something is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    first: Release,
    /// The first one that does not know it any more.
    end: Option<Release>,
}

impl Span {
    pub(super) const fn from(major: u32, minor: u32) -> Self {
        Self {
            first: Release::new(major, minor),
            end: None,
        }
    }

    pub(super) const fn before(major: u32, minor: u32) -> Self {
        Self::OLD.and_before(major, minor)
    }

    pub(super) const fn and_before(self, major: u32, minor: u32) -> Self {
        Self {
            first: self.first,
            end: Some(Release::new(major, minor)),
        }
    }

    const OLD: Self = Self::from(0, 0);

    pub(super) fn contains(self, release: Release) -> bool {
        release >= self.first && self.end.is_none_or(|end| release < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_both_spellings() {
        for (text, release) in [
            ("9.2.11", Release::new(9, 2)),
            ("8.4", Release::new(8, 4)),
            ("7.4-17", Release::new(7, 4)),
            ("10.0~rc1", Release::new(10, 0)),
        ] {
            assert_eq!(text.parse(), Ok(release));
        }
        for text in ["", "9", "nine.two", "-1.2"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_that_tells_no_version_is_taken_for_the_oldest() {
        let host = HostVersion {
            text: "unknown".into(),
            major: 9,
        };
        assert_eq!(Release::of(&host), Release::OLDEST);
    }

    #[test]
    fn a_span_ends_before_its_end() {
        let span = Span::from(8, 1).and_before(9, 0);
        assert!(!span.contains(Release::new(8, 0)) && span.contains(Release::new(8, 4)));
        assert!(!span.contains(Release::new(9, 0)));
        assert!(Span::before(9, 0).contains(Release::OLDEST));
    }
}
