//! A Rust type laid over a property string: fields for the keys that Drover knows, and the text that it was
//! read from, so that order, spellings, and whatever a newer Proxmox VE put there are kept.

use super::bad_property::{BadProperty, Reason};
use super::field::{Field, Key};
use super::properties::Properties;

/// A typed property string. Reading never fails as a whole: a value that does not fit leaves its field empty,
/// is told, and stays in the text until the field is set. [`std::str::FromStr`] is the strict way.
pub trait Format: Default {
    /// The key whose value may stand bare; an empty text if there is none.
    const DEFAULT_KEY: &'static str;
    /// The keys that Drover knows.
    const KEYS: &'static [Key];

    /// Reads all that fits, and tells what does not.
    fn of(properties: Properties) -> (Self, Vec<BadProperty>);

    /// The property string, with the fields as they are now.
    fn properties(&self) -> Properties;

    /// Reads all that fits.
    #[must_use]
    fn lenient(text: &str) -> Self {
        Self::of(Properties::parse(text, Self::DEFAULT_KEY)).0
    }

    /// Reads a text in which all known keys fit, and no required one is missing.
    fn strict(text: &str) -> Result<Self, BadProperty> {
        let (read, complaints) = Self::of(Properties::parse(text, Self::DEFAULT_KEY));
        complaints.into_iter().next().map_or(Ok(read), Err)
    }
}

/// Reads a field, and adds to the complaints.
pub(in crate::hypervisor::proxmox) fn find<T: Field>(
    properties: &Properties,
    key: &Key,
    complaints: &mut Vec<BadProperty>,
) -> Option<T> {
    match T::find(properties, key) {
        Some(Ok(value)) => return Some(value),
        Some(Err(reason)) => complaints.push(BadProperty::new(key.name(), reason)),
        None if key.required => complaints.push(BadProperty::new(key.name(), Reason::Missing)),
        None => {}
    }
    None
}

/// Writes a field. A text that says the same already is left alone, and so is one that could not be read.
pub(in crate::hypervisor::proxmox) fn store<T: Field>(
    properties: &mut Properties,
    key: &Key,
    value: Option<&T>,
) {
    match (value, T::find(properties, key)) {
        (Some(value), Some(Ok(there))) if *value == there => {}
        (Some(value), _) => value.put(properties, key),
        (None, Some(Ok(_))) => properties.remove_all(key.names),
        (None, _) => {}
    }
}

/// Declares a property string: `Name, "default key" { field: Type = "key" or "alias", required; … }`.
macro_rules! property_string {
    (
        $(#[$meta:meta])*
        $name:ident, $default:literal {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal $(or $alias:literal)* $(, $required:ident)?; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: Option<$type>, )*
            /// The text that it was read from: its order and spellings, and what Drover does not know.
            pub origin: $crate::hypervisor::proxmox::property::Properties,
        }

        const _: () = {
            use $crate::hypervisor::proxmox::property::{
                self, BadProperty, Format, Key, Properties, find, store,
            };

            impl Default for $name {
                fn default() -> Self {
                    Self {
                        $( $field: None, )*
                        origin: Properties::new($default),
                    }
                }
            }

            impl $name {
                /// What the text says beyond the fields.
                fn rest(&self) -> Properties {
                    let mut rest = self.origin.clone();
                    let mut keys = Self::KEYS.iter();
                    $(
                        if let Some(key) = keys.next()
                            && (self.$field.is_some() || !matches!(
                                <$type as property::Field>::find(&rest, key),
                                Some(Err(_))
                            ))
                        {
                            rest.remove_all(key.names);
                        }
                    )*
                    rest
                }
            }

            impl Format for $name {
                const DEFAULT_KEY: &'static str = $default;
                const KEYS: &'static [Key] = &[
                    $( Key {
                        names: &[$key $(, $alias)*],
                        required: property::required!($($required)?),
                    }, )*
                ];

                fn of(properties: Properties) -> (Self, Vec<BadProperty>) {
                    let mut complaints = properties.complaints();
                    let mut read = Self::default();
                    let mut keys = Self::KEYS.iter();
                    $( read.$field = keys.next().and_then(|key| find(&properties, key, &mut complaints)); )*
                    read.origin = properties;
                    (read, complaints)
                }

                fn properties(&self) -> Properties {
                    let mut properties = self.origin.clone();
                    let mut keys = Self::KEYS.iter();
                    $( if let Some(key) = keys.next() {
                        store(&mut properties, key, self.$field.as_ref());
                    } )*
                    properties
                }
            }

            /// Two are equal that say the same, however they spell it.
            impl PartialEq for $name {
                fn eq(&self, other: &Self) -> bool {
                    $( self.$field == other.$field && )* self.rest().says_as_much_as(&other.rest())
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    self.properties().fmt(f)
                }
            }

            impl std::str::FromStr for $name {
                type Err = BadProperty;

                fn from_str(text: &str) -> Result<Self, BadProperty> {
                    Self::strict(text)
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let json = serde_json::Value::deserialize(deserializer)?;
                    let properties = Properties::of_json(&json, $default);
                    Ok(Self::of(properties.map_err(serde::de::Error::custom)?).0)
                }
            }

            #[cfg(test)]
            impl property::sample::Sample for $name {
                fn sample() -> proptest::strategy::BoxedStrategy<Self> {
                    use proptest::strategy::{Just, Strategy};
                    let sample = Just(Self::default()).boxed();
                    $(
                        let field = property::sample::field::<$type>(property::required!($($required)?));
                        let sample = (sample, field)
                            .prop_map(|(mut sample, field)| {
                                sample.$field = field;
                                sample
                            })
                            .boxed();
                    )*
                    sample
                }
            }
        };
    };
}

/// `required!(required)` is true, `required!()` false.
macro_rules! required {
    (required) => {
        true
    };
    () => {
        false
    };
}

pub(in crate::hypervisor::proxmox) use {property_string, required};
