//! How the values of parameters are written, and what is known of them beforehand.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::model::{NodeName, Upid, Vmid, VolumeId};

/// A value that can be a parameter, or several.
pub trait Parameter {
    /// Adds it under its name.
    fn add(&self, name: &str, to: &mut Vec<(String, String)>);

    /// Adds what is known of it to a list.
    fn known(name: &str, to: &mut Vec<KnownParameter>);
}

/// A parameter as the tables of calls have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownParameter {
    /// Its name.
    pub name: String,
    /// The word of the schemas for its type: `boolean`, `integer`, `number`, `string` or `array`.
    pub kind: &'static str,
    /// Whether it is always sent.
    pub required: bool,
    /// The words that it may be, if these are fixed.
    pub words: &'static [&'static str],
}

impl KnownParameter {
    pub(super) fn new(name: &str, kind: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            required: true,
            words: &[],
        }
    }
}

macro_rules! written_as_it_is {
    ($($type:ty => $kind:literal),* $(,)?) => {$(
        impl Parameter for $type {
            fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
                to.push((name.to_owned(), self.to_string()));
            }

            fn known(name: &str, to: &mut Vec<KnownParameter>) {
                to.push(KnownParameter::new(name, $kind));
            }
        }
    )*};
}

written_as_it_is! {
    u32 => "integer",
    u64 => "integer",
    i64 => "integer",
    f64 => "number",
    Vmid => "integer",
    String => "string",
    NodeName => "string",
    VolumeId => "string",
    Upid => "string",
}

/// Proxmox VE takes `0` and `1` alone (pve-common, `JSONSchema.pm`, `check_type`).
impl Parameter for bool {
    fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
        to.push((name.to_owned(), u8::from(*self).to_string()));
    }

    fn known(name: &str, to: &mut Vec<KnownParameter>) {
        to.push(KnownParameter::new(name, "boolean"));
    }
}

impl Parameter for SecretString {
    fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
        to.push((name.to_owned(), self.expose_secret().to_owned()));
    }

    fn known(name: &str, to: &mut Vec<KnownParameter>) {
        to.push(KnownParameter::new(name, "string"));
    }
}

impl<P: Parameter> Parameter for Option<P> {
    fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
        if let Some(value) = self {
            value.add(name, to);
        }
    }

    fn known(name: &str, to: &mut Vec<KnownParameter>) {
        let from = to.len();
        P::known(name, to);
        for known in &mut to[from..] {
            known.required = false;
        }
    }
}

/// A list whose rows are sent under one name, each by itself: Proxmox VE makes an array of them.
impl<P: Parameter> Parameter for Vec<P> {
    fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
        for value in self {
            value.add(name, to);
        }
    }

    fn known(name: &str, to: &mut Vec<KnownParameter>) {
        to.push(KnownParameter::new(name, "array"));
    }
}

/// Options whose names are not fixed here: `net0`, `scsi1`. Their values may be secret (`cipassword`), and are not
/// shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Options(pub BTreeMap<String, String>);

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameter for Options {
    fn add(&self, _: &str, to: &mut Vec<(String, String)>) {
        to.extend(self.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    fn known(_: &str, _: &mut Vec<KnownParameter>) {}
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Options {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(options: I) -> Self {
        let options = options.into_iter();
        Self(options.map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// A list in one value, with commas: `delete=net1,scsi2`. Absent when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

impl Parameter for List {
    fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
        if !self.0.is_empty() {
            to.push((name.to_owned(), self.0.join(",")));
        }
    }

    fn known(name: &str, to: &mut Vec<KnownParameter>) {
        let known = KnownParameter::new(name, "string");
        to.push(KnownParameter {
            required: false,
            ..known
        });
    }
}

impl<T: Into<String>> FromIterator<T> for List {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().map(Into::into).collect())
    }
}

/// Declares the words that a parameter may be.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$meta_of:meta])* $variant:ident = $word:literal),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$meta_of])* $variant,)*
        }

        impl $name {
            /// As Proxmox VE writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::hypervisor::proxmox::api::Parameter for $name {
            fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
                to.push((name.to_owned(), self.as_str().to_owned()));
            }

            fn known(name: &str, to: &mut Vec<$crate::hypervisor::proxmox::api::KnownParameter>) {
                to.push($crate::hypervisor::proxmox::api::KnownParameter {
                    name: name.to_owned(),
                    kind: "string",
                    required: true,
                    words: &[$($word),*],
                });
            }
        }
    )*};
}

/// Declares parameters that several calls have in common.
macro_rules! groups {
    ($(
        $(#[$meta:meta])*
        $name:ident { $($(#[$meta_of:meta])* $field:ident $(as $wire:literal)? : $type:ty),* $(,)? }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $($(#[$meta_of])* pub $field: $type,)*
        }

        impl $crate::hypervisor::proxmox::api::Parameter for $name {
            fn add(&self, _: &str, to: &mut Vec<(String, String)>) {
                $($crate::hypervisor::proxmox::api::Parameter::add(
                    &self.$field, &wire_name!($field $($wire)?), to);)*
            }

            fn known(_: &str, to: &mut Vec<$crate::hypervisor::proxmox::api::KnownParameter>) {
                $(<$type as $crate::hypervisor::proxmox::api::Parameter>::known(
                    &wire_name!($field $($wire)?), to);)*
            }
        }
    )*};
}

pub(super) use {groups, words};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parameter: &impl Parameter) -> Vec<(String, String)> {
        let mut written = Vec::new();
        parameter.add("x", &mut written);
        written
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn values_are_written_as_proxmox_reads_them() {
        assert_eq!(written(&true), pairs(&[("x", "1")]));
        assert_eq!(written(&false), pairs(&[("x", "0")]));
        assert_eq!(written(&None::<u32>), pairs(&[]));
        assert_eq!(written(&Some(7_u32)), pairs(&[("x", "7")]));
        let command = vec!["echo".to_owned(), "a b".to_owned()];
        assert_eq!(written(&command), pairs(&[("x", "echo"), ("x", "a b")]));
        assert_eq!(
            written(&List::from_iter(["net1", "scsi2"])),
            pairs(&[("x", "net1,scsi2")])
        );
        assert_eq!(written(&List::default()), pairs(&[]));
        let options = Options::from_iter([("net0", "virtio"), ("cores", "2")]);
        assert_eq!(written(&options), pairs(&[("cores", "2"), ("net0", "virtio")]));
    }

    #[test]
    fn values_of_options_are_not_shown() {
        let options = Options::from_iter([("cipassword", "s3cret"), ("cores", "2")]);
        assert_eq!(format!("{options:?}"), r#"{"cipassword", "cores"}"#);
    }

    #[test]
    fn what_may_be_absent_is_not_required() {
        let mut known = Vec::new();
        Option::<bool>::known("a", &mut known);
        u32::known("b", &mut known);
        let told: Vec<_> = known
            .iter()
            .map(|k| (k.name.as_str(), k.kind, k.required))
            .collect();
        assert_eq!(told, [("a", "boolean", false), ("b", "integer", true)]);
    }
}
