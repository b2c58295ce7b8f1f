//! Checks parameters against tables written by hand, with Proxmox's own sentences.

mod format;
mod qemu;

use std::collections::BTreeMap;

pub(crate) use qemu::{CONFIG, DELETE_AND_REVERT, option_is_known, option_is_number, option_privileges};

use crate::wire::{ApiError, Given};

/// One parameter of a call. A name that ends in `[n]` stands for all with a number in that place.
pub(crate) struct Param {
    name: &'static str,
    kind: Kind,
    optional: bool,
}

/// What a parameter's value has to be.
pub(crate) enum Kind {
    /// 0 or 1.
    Boolean,
    /// With a minimum and a maximum.
    Integer(i64, i64),
    /// With a minimum and a maximum.
    Number(f64, f64),
    /// With a greatest length.
    Text(usize),
    /// One of these.
    Enum(&'static [&'static str]),
    /// A pattern.
    Pattern(fn(&str) -> bool),
    /// A format; the error is the sentence after `invalid format - `. Gets the parameter's name too.
    Format(fn(&str, &str) -> Result<(), String>),
    /// A list in a format: a JSON array is joined.
    List(fn(&str, &str) -> Result<(), String>),
    /// The number of a guest.
    Vmid,
}

/// A parameter that has to be there.
pub(crate) const fn need(name: &'static str, kind: Kind) -> Param {
    Param {
        name,
        kind,
        optional: false,
    }
}

/// A parameter that may be there.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Param {
    Param {
        name,
        kind,
        optional: true,
    }
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
pub(crate) const CONFIG_ID: Kind = Kind::Format(format::config_id);
/// A list of kinds of storage content.
pub(crate) const CONTENT_LIST: Kind = Kind::List(format::content_list);
/// One kind of storage content.
pub(crate) const CONTENT: Kind = Kind::Format(format::content);
/// A size, absolute or with a `+`.
pub(crate) const SIZE: Kind = Kind::Pattern(format::size);
/// An integer from a minimum on.
pub(crate) const fn at_least(minimum: i64) -> Kind {
    Kind::Integer(minimum, i64::MAX)
}

/// The parameters of a call after the check: text by name.
pub(crate) type Params = BTreeMap<String, String>;

/// Checks what was given against the tables, which together hold every parameter that the call knows.
pub(crate) fn verify(tables: &[&[Param]], given: &BTreeMap<String, Given>) -> Result<Params, ApiError> {
    let mut params = Params::new();
    let mut errors = BTreeMap::new();
    for (name, value) in given {
        let known = tables.iter().flat_map(|t| t.iter()).find(|p| p.is_named(name));
        let checked = match known {
            Some(param) => param.check(name, value)?,
            None => Err(
                "property is not defined in schema and the schema does not allow additional properties"
                    .to_owned(),
            ),
        };
        match checked {
            Ok(text) => params.insert(name.clone(), text),
            Err(error) => errors.insert(name.clone(), error),
        };
    }
    for param in tables.iter().flat_map(|t| t.iter()) {
        if !param.optional && !given.contains_key(param.name) {
            let error = "property is missing and it is not optional";
            errors.insert(param.name.to_owned(), error.to_owned());
        }
    }
    if errors.is_empty() {
        Ok(params)
    } else {
        Err(ApiError::parameters(errors))
    }
}

impl Param {
    /// Whether it has exactly this name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name
    }

    fn is_named(&self, name: &str) -> bool {
        match self.name.strip_suffix("[n]") {
            None => self.name == name,
            Some(stem) => name
                .strip_prefix(stem)
                .is_some_and(|n| !n.is_empty() && n.len() <= 3 && n.bytes().all(|b| b.is_ascii_digit())),
        }
    }

    /// The value's text or what is wrong with it; an error when the whole call dies of it.
    fn check(&self, name: &str, value: &Given) -> Result<Result<String, String>, ApiError> {
        Ok(match (value, &self.kind) {
            (Given::Null, _) => {
                let text = format!("unable to parse value of '{name}' - got undefined value");
                return Err(ApiError::internal(text));
            }
            (Given::Array(items), Kind::List(check)) => {
                let text = items.join(";");
                check(name, &text)
                    .map(|()| text)
                    .map_err(|e| format!("invalid format - {e}"))
            }
            (Given::Array(_), kind) => Err(format!("type check ('{}') failed - got ARRAY", kind.type_name())),
            (Given::Text(text), kind) => kind.check(name, text).map(|()| text.clone()),
        })
    }
}

impl Kind {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer(..) | Self::Vmid => "integer",
            Self::Number(..) => "number",
            _ => "string",
        }
    }

    fn check(&self, name: &str, text: &str) -> Result<(), String> {
        let wrong_type = || format!("type check ('{}') failed - got '{text}'", self.type_name());
        match self {
            Self::Boolean => ["0", "1"].contains(&text).then_some(()).ok_or_else(wrong_type),
            Self::Integer(minimum, maximum) => {
                let number = format::integer(text).ok_or_else(wrong_type)?;
                bounds(number < *minimum, minimum, number > *maximum, maximum)
            }
            Self::Number(minimum, maximum) => {
                let number = text
                    .parse::<f64>()
                    .ok()
                    .filter(|n| n.is_finite())
                    .ok_or_else(wrong_type)?;
                bounds(number < *minimum, minimum, number > *maximum, maximum)
            }
            Self::Text(longest) => {
                let fits = text.chars().count() <= *longest;
                fits.then_some(())
                    .ok_or_else(|| format!("value may only be {longest} characters long"))
            }
            Self::Enum(values) => values.contains(&text).then_some(()).ok_or_else(|| {
                let values = values.join(", ");
                format!("value '{text}' does not have a value in the enumeration '{values}'")
            }),
            Self::Pattern(matches) => matches(text)
                .then_some(())
                .ok_or_else(|| "value does not match the regex pattern".to_owned()),
            Self::Format(check) | Self::List(check) => {
                check(name, text).map_err(|error| format!("invalid format - {error}"))
            }
            Self::Vmid => {
                let number = format::integer(text).ok_or_else(wrong_type)?;
                let valid = (100..=999_999_999).contains(&number);
                valid
                    .then_some(())
                    .ok_or_else(|| "invalid format - value does not look like a valid VM ID\n".to_owned())
            }
        }
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
