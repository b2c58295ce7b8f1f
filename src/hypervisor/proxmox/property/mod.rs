//! Property strings (`virtio=AA:…,bridge=vmbr0,tag=5`), the small language in which Proxmox VE spells devices,
//! retention, limits: one parser and one writer for all of them.
//!
//! `properties` is the language itself, without knowing a single key; `typed` lays a Rust type over a text,
//! `field` and `text` are what its fields are made of, `numbers` and `words` the types of single values. What
//! the devices are is told in `devices`, what the rest is in `options`.

mod bad_property;
mod field;
mod numbers;
mod properties;
#[cfg(test)]
pub(super) mod sample;
mod text;
mod typed;
mod words;

pub use bad_property::{BadProperty, Reason};
pub use field::{Field, Key, Value};
pub use numbers::{Number, Whole};
pub use properties::Properties;
pub use text::{BadValue, Text};
pub use typed::Format;
pub use words::{ConfigId, InterfaceName, Ranges, StorageId};

pub(super) use typed::{find, property_string, required, store};
pub(super) use words::{choices, words};
