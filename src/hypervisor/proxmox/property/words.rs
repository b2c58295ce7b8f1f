//! Values that are words: names by a rule, one of an enumeration, lists of numbers.

use std::fmt;

use super::bad_property::Reason;
use super::field::Value;
use super::text::Text;

/// Declares types for names that follow a rule: `Name: "what it is", rule, "a regular expression for samples"`.
macro_rules! words {
    ($( $(#[$meta:meta])* $name:ident: $wanted:literal, $fits:expr, $sample:literal; )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        const _: () = {
            use $crate::hypervisor::proxmox::property::{Reason, Text, Value};

            impl $name {
                /// The word itself.
                #[must_use]
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl std::str::FromStr for $name {
                type Err = Reason;

                fn from_str(text: &str) -> Result<Self, Reason> {
                    let fits: fn(&str) -> bool = $fits;
                    match text.parse::<Text>() {
                        Ok(_) if fits(text) => Ok(Self(text.to_owned())),
                        _ => Err(Reason::not(text, $wanted)),
                    }
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl Value for $name {
                fn read(text: &str) -> Result<Self, Reason> {
                    text.parse()
                }

                fn write(&self) -> Text {
                    Text::of(self)
                }
            }

            #[cfg(test)]
            impl $crate::hypervisor::proxmox::property::sample::Sample for $name {
                fn sample() -> proptest::strategy::BoxedStrategy<Self> {
                    use proptest::strategy::Strategy;
                    let word = |text: String| text.parse::<Self>().unwrap();
                    $sample.prop_map(word).boxed()
                }
            }
        };
    )* };
}

/// Declares an enumeration: `Name { Variant = "spelling", … }`.
macro_rules! choices {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )* } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
        }

        const _: () = {
            use $crate::hypervisor::proxmox::property::{Reason, Text, Value};

            impl $name {
                /// All of them.
                pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

                /// As Proxmox VE spells it.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self {
                        $( Self::$variant => $text, )*
                    }
                }
            }

            impl std::str::FromStr for $name {
                type Err = Reason;

                fn from_str(text: &str) -> Result<Self, Reason> {
                    let mut all = Self::ALL.iter().copied();
                    all.find(|choice| choice.as_str() == text)
                        .ok_or_else(|| Reason::NotOneOf {
                            text: text.to_owned(),
                            allowed: &[$( $text ),*],
                        })
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.as_str())
                }
            }

            impl Value for $name {
                fn read(text: &str) -> Result<Self, Reason> {
                    text.parse()
                }

                fn write(&self) -> Text {
                    Text::of(self.as_str())
                }
            }

            #[cfg(test)]
            impl $crate::hypervisor::proxmox::property::sample::Sample for $name {
                fn sample() -> proptest::strategy::BoxedStrategy<Self> {
                    use proptest::strategy::Strategy;
                    proptest::sample::select(Self::ALL).boxed()
                }
            }
        };
    )* };
}

pub(in crate::hypervisor::proxmox) use {choices, words};

fn starts_with_letter(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
}

words! {
    /// The name of a bridge or of an interface (pve-common, `JSONSchema.pm`, `pve-bridge-id`).
    InterfaceName: "the name of a bridge or an interface (letters, digits, '-', '_', '.')",
        |text| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')),
        "[a-z][a-z0-9._-]{0,12}";
    /// The name of a storage (pve-common, `JSONSchema.pm`, `parse_storage_id`).
    StorageId: "the name of a storage (two or more letters, digits, '-', '_', '.', with a letter first)",
        |text| text.len() >= 2
            && starts_with_letter(text)
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')),
        "[a-z][a-z0-9._-]{0,8}[a-z0-9]";
    /// The name of a part of a configuration (pve-common, `JSONSchema.pm`, `pve-configid`).
    ConfigId: "a name (two or more letters, digits, '-', '_', with a letter first)",
        |text| text.len() >= 2
            && starts_with_letter(text)
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
        "[a-z][a-z0-9_-]{1,10}";
}

/// Numbers and ranges of numbers: `0-3;8` (processors of a NUMA node, VLANs of a trunk).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// The ranges, first and last number.
    #[must_use]
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.0
    }
}

impl TryFrom<Vec<(u32, u32)>> for Ranges {
    type Error = Reason;

    fn try_from(ranges: Vec<(u32, u32)>) -> Result<Self, Reason> {
        let ranges = Self(ranges);
        if ranges.0.is_empty() || ranges.0.iter().any(|(first, last)| first > last) {
            return Err(Reason::not(&ranges.to_string(), Self::WANTED));
        }
        Ok(ranges)
    }
}

impl Ranges {
    const WANTED: &'static str = "a list of numbers and ranges (0-3;8)";

    fn parse(text: &str) -> Option<Vec<(u32, u32)>> {
        let number = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let range = |part: &str| match part.split_once('-') {
            Some((first, last)) => Some((number(first)?, number(last)?)),
            None => number(part).map(|n| (n, n)),
        };
        text.split(';').map(range).collect()
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ";" };
            write!(f, "{separator}{first}")?;
            if first != last {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

impl Value for Ranges {
    fn read(text: &str) -> Result<Self, Reason> {
        let ranges = Self::parse(text).and_then(|ranges| Self::try_from(ranges).ok());
        ranges.ok_or_else(|| Reason::not(text, Self::WANTED))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}
