//! Users and groups of a mount point, shifted: `idmap`, from 9.1.

use std::fmt;

use crate::hypervisor::proxmox::property::{Reason, Text, Value};

/// A range of users or groups: `u:0:100000:65536`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// Whether it is about groups.
    pub groups: bool,
    /// The first one in the container.
    pub first: u32,
    /// The first one on the host.
    pub host: u32,
    /// How many.
    pub count: u32,
}

/// How users and groups of a mount point are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdMap {
    /// Not at all.
    Passthrough,
    /// By these ranges.
    Ranges(Vec<IdRange>),
}

impl IdMap {
    fn range(text: &str) -> Option<IdRange> {
        let parts: Vec<&str> = text.split(':').collect();
        let [kind @ ("u" | "g"), numbers @ ..] = parts.as_slice() else {
            return None;
        };
        let number = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u32>().ok()).flatten()
        };
        let [first, host, count] = numbers else {
            return None;
        };
        Some(IdRange {
            groups: *kind == "g",
            first: number(first)?,
            host: number(host)?,
            count: number(count).filter(|count| *count > 0)?,
        })
    }
}

impl fmt::Display for IdMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Ranges(ranges) = self else {
            return f.write_str("passthrough");
        };
        for (at, range) in ranges.iter().enumerate() {
            let separator = if at == 0 { "" } else { ";" };
            let kind = if range.groups { 'g' } else { 'u' };
            write!(
                f,
                "{separator}{kind}:{}:{}:{}",
                range.first, range.host, range.count
            )?;
        }
        Ok(())
    }
}

impl Value for IdMap {
    fn read(text: &str) -> Result<Self, Reason> {
        if text == "passthrough" {
            return Ok(Self::Passthrough);
        }
        let ranges: Option<Vec<_>> = text.split(';').map(Self::range).collect();
        ranges.map(Self::Ranges).ok_or_else(|| {
            Reason::not(
                text,
                "'passthrough' or ranges (u:0:100000:65536, separated by ';')",
            )
        })
    }

    fn write(&self) -> Text {
        match self {
            // No range at all is how the kernel spells no mapping.
            Self::Ranges(ranges) if ranges.is_empty() => Text::of(Self::Passthrough),
            _ => Text::of(self),
        }
    }
}

#[cfg(test)]
impl crate::hypervisor::proxmox::property::sample::Sample for IdMap {
    fn sample() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::prelude::*;
        let range = (any::<bool>(), any::<u32>(), any::<u32>(), 1..=u32::MAX).prop_map(
            |(groups, first, host, count)| IdRange {
                groups,
                first,
                host,
                count,
            },
        );
        let ranges = proptest::collection::vec(range, 1..3).prop_map(Self::Ranges);
        prop_oneof![Just(Self::Passthrough), ranges].boxed()
    }
}
