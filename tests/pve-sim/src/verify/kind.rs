//! What a value has to be: type, bounds, pattern, format.

use super::properties::Properties;
use super::{format, pattern};
use crate::release::Release;

/// What a parameter's value has to be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// 0 or 1.
    Boolean,
    /// With a minimum and a maximum.
    Integer(i64, i64),
    /// With a minimum and a maximum.
    Number(f64, f64),
    /// With a greatest length.
    Text(usize),
    /// With a least and a greatest length.
    Length(usize, usize),
    /// One of these.
    Enum(&'static [&'static str]),
    /// One of the places where disks go: names, each alone (0) or with the numbers below that.
    Slots(&'static [(&'static str, u16)]),
    /// One of these numbers.
    Numbers(&'static [&'static str]),
    /// A regular expression, as Proxmox has it.
    Pattern(&'static str),
    /// A regular expression with a greatest length.
    LongPattern(&'static str, usize),
    /// A format; the error is the sentence after `invalid format - `. Gets the parameter's name too.
    Format(fn(&str, &str) -> Result<(), String>),
    /// A format with a greatest length.
    LongFormat(fn(&str, &str) -> Result<(), String>, usize),
    /// Another kind, with a least and a greatest length.
    Within(&'static Kind, usize, usize),
    /// A list in a format: a JSON array is joined.
    List(fn(&str, &str) -> Result<(), String>),
    /// A list in a format with a greatest length.
    LongList(fn(&str, &str) -> Result<(), String>, usize),
    /// A property string: `virtio=…,bridge=vmbr0`.
    Properties(&'static Properties),
    /// An array of text (`type => 'array'`): a repeated key or a JSON array; its items come joined by NULs.
    Array,
    /// The number of a guest.
    Vmid,
}

/// Any text.
pub(crate) const TEXT: Kind = Kind::Text(usize::MAX);
/// The name of a node.
pub(crate) const NODE: Kind = Kind::Format(format::node);
/// The name of a storage.
pub(crate) const STORAGE: Kind = Kind::Format(format::storage);
/// The name of a guest.
pub(crate) const DNS_NAME: Kind = Kind::Format(format::dns_name);
/// The name of a snapshot, pool and the like.
pub(crate) const CONFIG_ID: Kind = Kind::LongFormat(format::config_id, 40);
/// A network address or a name.
pub(crate) const ADDRESS: Kind = Kind::Format(format::address);
/// A list whose items come with NULs between them.
pub(crate) const ALIST: Kind = Kind::List(|_, _| Ok(()));
/// A list of kinds of storage content.
pub(crate) const CONTENT_LIST: Kind = Kind::List(format::content_list);
/// One kind of storage content.
pub(crate) const CONTENT: Kind = Kind::Format(format::content);
/// A pool.
pub(crate) const POOL: Kind = Kind::Format(format::pool);
/// Which storages stand for which on another node.
pub(crate) const STORAGE_PAIRS: Kind = Kind::List(format::storage_pairs);
/// A size, absolute or with a `+`.
pub(crate) const SIZE: Kind = Kind::Pattern(r"\+?\d+(\.\d+)?[KMGT]?");

/// An integer from a minimum on.
pub(crate) const fn at_least(minimum: i64) -> Kind {
    Kind::Integer(minimum, i64::MAX)
}

/// An integer from 0 up to a maximum.
pub(crate) const fn up_to(maximum: i64) -> Kind {
    Kind::Integer(0, maximum)
}

/// What the simulator says of a parameter: what a test compares with the schema of the release.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// With `[n]` where a number goes.
    pub name: String,
    /// Whether it may be left out.
    pub optional: bool,
    /// `boolean`, `integer`, `number`, `string` or `array`.
    pub kind: &'static str,
    /// The least number.
    pub minimum: Option<f64>,
    /// The greatest number.
    pub maximum: Option<f64>,
    /// The greatest length.
    pub max_length: Option<usize>,
    /// The least length.
    pub min_length: Option<usize>,
    /// The values, if they are enumerated.
    pub values: Option<Vec<String>>,
    /// The regular expression.
    pub pattern: Option<String>,
    /// The keys of a property string.
    pub properties: Option<Vec<Stated>>,
    /// Whether it is checked beyond type, bounds and pattern.
    pub format: bool,
}

impl Kind {
    pub(super) const fn is_list(&self) -> bool {
        matches!(self, Self::List(_) | Self::LongList(..) | Self::Array)
    }

    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer(..) | Self::Numbers(_) | Self::Vmid => "integer",
            Self::Number(..) => "number",
            Self::Array => "array",
            _ => "string",
        }
    }

    /// Whether configurations show it as a number.
    pub(super) const fn is_shown_as_number(&self) -> bool {
        matches!(self, Self::Boolean | Self::Integer(..) | Self::Numbers(_))
    }

    /// The sentence for what is wrong with the text.
    pub(super) fn check(&self, release: Release, name: &str, text: &str) -> Result<(), String> {
        let wrong_type = || format!("type check ('{}') failed - got '{text}'", self.type_name());
        let malformed = |error: String| format!("invalid format - {error}");
        match self {
            Self::Boolean => ["0", "1"].contains(&text).then_some(()).ok_or_else(wrong_type),
            Self::Integer(minimum, maximum) => {
                let number = format::integer(text).ok_or_else(wrong_type)?;
                bounds(number < *minimum, minimum, number > *maximum, maximum)
            }
            Self::Number(minimum, maximum) => {
                let parsed = text.parse::<f64>().ok().filter(|n| n.is_finite());
                let number = parsed.ok_or_else(wrong_type)?;
                bounds(number < *minimum, minimum, number > *maximum, maximum)
            }
            Self::Text(longest) => length(text, 0, *longest),
            Self::Length(shortest, longest) => length(text, *shortest, *longest),
            Self::Enum(values) | Self::Numbers(values) => {
                values.contains(&text).then_some(()).ok_or_else(|| {
                    let values = values.join(", ");
                    format!("value '{text}' does not have a value in the enumeration '{values}'")
                })
            }
            Self::Slots(slots) => {
                let names = || slot_names(slots);
                names().any(|name| name == text).then_some(()).ok_or_else(|| {
                    let names = names().collect::<Vec<_>>().join(", ");
                    format!("value '{text}' does not have a value in the enumeration '{names}'")
                })
            }
            Self::Pattern(expression) => pattern::matches(expression, text)
                .then_some(())
                .ok_or_else(|| "value does not match the regex pattern".to_owned()),
            Self::LongPattern(expression, longest) => {
                length(text, 0, *longest)?;
                Self::Pattern(expression).check(release, name, text)
            }
            Self::Format(check) | Self::List(check) => check(name, text).map_err(malformed),
            Self::LongFormat(check, longest) | Self::LongList(check, longest) => check(name, text)
                .map_err(malformed)
                .and_then(|()| length(text, 0, *longest)),
            Self::Within(kind, shortest, longest) => kind
                .check(release, name, text)
                .and_then(|()| length(text, *shortest, *longest)),
            Self::Properties(properties) => properties.check(release, name, text).map_err(malformed),
            Self::Array => Ok(()),
            Self::Vmid => {
                let number = format::integer(text).ok_or_else(wrong_type)?;
                let valid = (100..=999_999_999).contains(&number);
                valid
                    .then_some(())
                    .ok_or_else(|| "invalid format - value does not look like a valid VM ID\n".to_owned())
            }
        }
    }

    pub(super) fn stated(&self, release: Release, name: &str, optional: bool) -> Stated {
        if let Self::Within(kind, shortest, longest) = self {
            return Stated {
                min_length: Some(*shortest),
                max_length: Some(*longest),
                ..kind.stated(release, name, optional)
            };
        }
        let mut stated = Stated {
            name: name.to_owned(),
            optional,
            kind: self.type_name(),
            minimum: None,
            maximum: None,
            max_length: None,
            min_length: None,
            values: None,
            pattern: None,
            properties: None,
            format: matches!(
                self,
                Self::Format(_)
                    | Self::LongFormat(..)
                    | Self::List(_)
                    | Self::LongList(..)
                    | Self::Properties(_)
                    | Self::Vmid
            ),
        };
        let bounded = |length: usize| (length != usize::MAX).then_some(length);
        #[allow(clippy::cast_precision_loss, reason = "bounds of parameters are small")]
        let whole = |bound: i64, none: i64| (bound != none).then_some(bound as f64);
        match self {
            Self::Integer(minimum, maximum) => {
                stated.minimum = whole(*minimum, i64::MIN);
                stated.maximum = whole(*maximum, i64::MAX);
            }
            Self::Number(minimum, maximum) => {
                stated.minimum = (*minimum > f64::MIN).then_some(*minimum);
                stated.maximum = (*maximum < f64::MAX).then_some(*maximum);
            }
            // The bounds have always been checked by the format; 8 states them.
            Self::Vmid if release < Release::V8_4 => stated.minimum = Some(1.0),
            Self::Vmid => (stated.minimum, stated.maximum) = (Some(100.0), Some(999_999_999.0)),
            Self::Text(longest) | Self::LongFormat(_, longest) | Self::LongList(_, longest) => {
                stated.max_length = bounded(*longest);
            }
            Self::Length(shortest, longest) => {
                stated.min_length = (*shortest > 0).then_some(*shortest);
                stated.max_length = bounded(*longest);
            }
            Self::Enum(values) | Self::Numbers(values) => {
                stated.values = Some(values.iter().map(|&v| v.to_owned()).collect());
            }
            Self::LongPattern(expression, longest) => {
                stated.pattern = Some((*expression).to_owned());
                stated.max_length = bounded(*longest);
            }
            Self::Slots(slots) => stated.values = Some(slot_names(slots).collect()),
            Self::Pattern(expression) => stated.pattern = Some((*expression).to_owned()),
            Self::Properties(properties) => stated.properties = Some(properties.stated(release)),
            Self::Boolean | Self::Format(_) | Self::List(_) | Self::Array | Self::Within(..) => {}
        }
        stated
    }
}

/// The names that [`Kind::Slots`] stands for.
fn slot_names(slots: &'static [(&'static str, u16)]) -> impl Iterator<Item = String> {
    slots.iter().flat_map(|&(name, count)| {
        let numbered = (0..count).map(move |n| format!("{name}{n}"));
        let alone = (count == 0).then(|| name.to_owned());
        alone.into_iter().chain(numbered)
    })
}

fn length(text: &str, shortest: usize, longest: usize) -> Result<(), String> {
    let count = text.chars().count();
    if count > longest {
        Err(format!("value may only be {longest} characters long"))
    } else if count < shortest {
        Err(format!("value must be at least {shortest} characters long"))
    } else {
        Ok(())
    }
}

fn bounds<T: std::fmt::Display>(below: bool, minimum: &T, above: bool, maximum: &T) -> Result<(), String> {
    if below {
        Err(format!("value must have a minimum value of {minimum}"))
    } else if above {
        Err(format!("value must have a maximum value of {maximum}"))
    } else {
        Ok(())
    }
}
