//! What the fields of a typed property string can do: a [`Value`] is a single value behind a key, a [`Field`]
//! is what stands in the string, mostly a value, seldom something that takes two keys.

use super::bad_property::Reason;
use super::properties::Properties;
use super::text::Text;

/// A value behind a key.
pub trait Value: Sized + PartialEq {
    /// Reads it.
    fn read(text: &str) -> Result<Self, Reason>;

    /// Spells it, so that [`Value::read`] gives it again.
    fn write(&self) -> Text;
}

/// A key of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name under which it is written first, and the other names that Proxmox VE reads as the same.
    pub names: &'static [&'static str],
    /// Whether the format demands it.
    pub required: bool,
}

impl Key {
    /// The name under which it is written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// Something that a property string says.
pub trait Field: Sized + PartialEq {
    /// Finds it; none if it is not said.
    fn find(properties: &Properties, key: &Key) -> Option<Result<Self, Reason>>;

    /// Says it, in the place where it was said before.
    fn put(&self, properties: &mut Properties, key: &Key);
}

impl<T: Value> Field for T {
    fn find(properties: &Properties, key: &Key) -> Option<Result<Self, Reason>> {
        let mut values = properties.values(key.names);
        let value = values.next()?;
        if values.next().is_some() {
            return Some(Err(Reason::Twice));
        }
        Some(T::read(value))
    }

    fn put(&self, properties: &mut Properties, key: &Key) {
        properties.put(key.names, self.write());
    }
}

/// The spellings of truth and of its opposite that Proxmox VE reads (pve-common, `JSONSchema.pm`,
/// `parse_boolean`). It writes 1 and 0.
impl Value for bool {
    fn read(text: &str) -> Result<Self, Reason> {
        match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "yes" | "true" => Ok(true),
            "0" | "off" | "no" | "false" => Ok(false),
            _ => Err(Reason::not(text, "a truth (0 or 1)")),
        }
    }

    fn write(&self) -> Text {
        Text::of(u8::from(*self))
    }
}
