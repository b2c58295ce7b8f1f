//! Tags of a guest: `tags` (pve-common, `JSONSchema.pm`, `pve-tag-list`). No property string: a list.
//!
//! Proxmox VE takes commas, semicolons and blanks between them, and stores them in lower case, sorted, each
//! once, joined by `;`, unless the cluster's `tag-style` says otherwise; 8.4 stores what it was given at
//! creation as it stands. An empty parameter is stored as a blank.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::hypervisor::proxmox::property::{Reason, words};

words! {
    /// One tag.
    Tag: "a tag (letters, digits, '-', '_', '+', '.', not '-', '+' or '.' first)",
        |text| {
            let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
            text.starts_with(first) && text.chars().all(|c| first(c) || matches!(c, '-' | '+' | '.'))
        },
        "[a-z0-9_][a-z0-9_+.-]{0,10}";
}

/// The tags of a guest: a set, whatever their order in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeSet<Tag>);

impl Tags {
    /// Whether there is this one, in whatever case.
    #[must_use]
    pub fn contains(&self, tag: &str) -> bool {
        self.0
            .iter()
            .any(|there| there.as_str().eq_ignore_ascii_case(tag))
    }

    /// The tags, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }
}

impl FromIterator<Tag> for Tags {
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        Self(tags.into_iter().collect())
    }
}

impl FromStr for Tags {
    type Err = Reason;

    fn from_str(text: &str) -> Result<Self, Reason> {
        let tags = text.split([',', ';', ' ']).filter(|tag| !tag.is_empty());
        tags.map(str::parse).collect()
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags: Vec<&str> = self.0.iter().map(Tag::as_str).collect();
        f.write_str(&tags.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hypervisor::proxmox::property::sample::Sample;

    proptest! {
        #[test]
        fn tags_are_read_as_they_were_spelt(tags in prop::collection::vec(Tag::sample(), 0..6)) {
            let tags: Tags = tags.into_iter().collect();
            prop_assert_eq!(tags.to_string().parse(), Ok(tags));
        }
    }

    #[test]
    fn all_separators_are_understood() {
        let tags: Tags = "B;a,c d".parse().unwrap();
        assert_eq!(
            tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
            ["B", "a", "c", "d"]
        );
        assert!(tags.contains("b") && !tags.contains("e"));
        assert_eq!(" ".parse(), Ok(Tags::default()));
        assert!("-x".parse::<Tags>().is_err());
    }
}
