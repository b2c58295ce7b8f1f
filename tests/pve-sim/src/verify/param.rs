//! One parameter of a call, or one key of a property string: its name, what it has to be, since when it exists.

use super::kind::{Kind, Stated};
use crate::release::Release;
use crate::wire::{ApiError, Given};

/// One parameter. A name that ends in `[n]` stands for all with a number in that place.
#[derive(Clone, Copy)]
pub(crate) struct Param {
    name: &'static str,
    kind: Kind,
    optional: bool,
    requires: Option<&'static str>,
    /// How many there can be of a numbered one.
    times: u16,
    since: Release,
    until: Release,
}

/// A parameter that has to be there.
pub(crate) const fn need(name: &'static str, kind: Kind) -> Param {
    Param {
        name,
        kind,
        optional: false,
        requires: None,
        times: 1000,
        since: Release::V7_4,
        until: Release::V9_2,
    }
}

/// A parameter that may be there.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Param {
    let mut param = need(name, kind);
    param.optional = true;
    param
}

impl Param {
    /// Known from this release on.
    pub(crate) const fn from(mut self, release: Release) -> Self {
        self.since = release;
        self
    }

    /// Known up to this release.
    pub(crate) const fn until(mut self, release: Release) -> Self {
        self.until = release;
        self
    }

    /// Wants another one beside it.
    pub(crate) const fn requires(mut self, other: &'static str) -> Self {
        self.requires = Some(other);
        self
    }

    /// So many of it, numbered from 0 on.
    pub(crate) const fn times(mut self, count: u16) -> Self {
        self.times = count;
        self
    }

    pub(crate) fn is_in(&self, release: Release) -> bool {
        (self.since..=self.until).contains(&release)
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) const fn is_optional(&self) -> bool {
        self.optional
    }

    pub(super) const fn required(&self) -> Option<&'static str> {
        self.requires
    }

    /// Whether it has exactly this name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether it is meant by this name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        match self.name.strip_suffix("[n]") {
            None => self.name == name,
            Some(stem) => name.strip_prefix(stem).is_some_and(|n| {
                let digits = n.bytes().all(|b| b.is_ascii_digit());
                let plain = digits && (n == "0" || !n.starts_with('0'));
                plain && n.parse::<u16>().is_ok_and(|n| n < self.times)
            }),
        }
    }

    pub(crate) fn stated(&self, release: Release) -> Stated {
        self.kind.stated(release, self.name, self.optional)
    }

    /// The value's text or what is wrong with it; an error when the whole call dies of it.
    pub(super) fn check(
        &self,
        release: Release,
        name: &str,
        value: &Given,
    ) -> Result<Result<String, String>, ApiError> {
        Ok(match (value, &self.kind) {
            (Given::Null, _) => {
                let text = format!("unable to parse value of '{name}' - got undefined value");
                return Err(ApiError::internal(text));
            }
            (Given::Array(items), kind) if kind.is_list() => {
                let separator = if matches!(kind, Kind::Array) { "\0" } else { ";" };
                let text = items.join(separator);
                kind.check(release, name, &text).map(|()| text)
            }
            (Given::Array(_), kind) => Err(format!("type check ('{}') failed - got ARRAY", kind.type_name())),
            (Given::Text(text), kind) => kind.check(release, name, text).map(|()| text.clone()),
        })
    }
}
