//! What a request is, and the tables in which each family of calls writes down its own: method, path, parameters,
//! and the type of the answer. Everything else about a call follows from its row.

use serde::de::DeserializeOwned;

use super::super::call::{Call, Method};
use super::parameter::KnownParameter;
use crate::plan::identity::Ownership;

/// A call that needs no proof of ownership: a read, or a change of something that is not an existing guest.
pub trait Request: Send + Sync {
    /// What the host answers.
    type Answer: DeserializeOwned + Send;

    /// The call as it is sent.
    fn call(&self) -> Call;
}

/// A change of an existing guest. Which guest that is, says the proof that it may be changed.
pub trait GuestChange: Send + Sync {
    /// What the host answers; an UPID where it goes on as a task, which may be absent.
    type Answer: DeserializeOwned + Send;
    /// What keeps the change from a guest that is no longer what it was judged to be.
    const GUARD: Guard;

    /// The call as it is sent, but for the digest.
    fn call(&self, own: &Ownership) -> Call;
}

/// What keeps a change from the wrong guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The call carries the digest of the configuration that was judged.
    Digest,
    /// The call knows no digest: it is sent only while the proof is fresh.
    Freshness,
}

/// A row of the tables: a call that Drover knows how to make.
#[derive(Clone, Copy)]
pub struct KnownCall {
    /// The name of its type.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path, with `{kind}` where it is the same for virtual machines and containers.
    pub template: &'static str,
    /// Its parameters, as far as their names are fixed.
    pub parameters: fn() -> Vec<KnownParameter>,
    /// Tries to read a body as its answer. The error is a sentence.
    pub reads: fn(&[u8]) -> Result<(), String>,
}

/// The name of a parameter: that of the field with hyphens, unless another one is given.
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field).replace('_', "-")
    };
    ($field:ident $wire:literal) => {
        $wire.to_owned()
    };
}

/// Declares calls that need no proof. A row is `Method "path" Name (in the path; required) { optional } -> Answer`.
macro_rules! requests {
    ($(
        $(#[$meta:meta])*
        $method:ident $template:literal $name:ident
        ($($path:ident : $path_type:ty),* $(; $($(#[$needed_meta:meta])* $needed:ident $(as $needed_wire:literal)? : $needed_type:ty),*)?)
        { $($(#[$meta_of:meta])* $field:ident $(as $wire:literal)? : $type:ty),* $(,)? }
        -> $answer:ty;
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug)]
            pub struct $name {
                $(#[doc = concat!("`", stringify!($path), "` in the path.")] pub $path: $path_type,)*
                $($($(#[$needed_meta])* pub $needed: $needed_type,)*)?
                $($(#[$meta_of])* pub $field: $type,)*
            }

            impl $name {
                /// With what is required, and nothing else.
                #[must_use]
                #[allow(clippy::new_without_default, reason = "what is to be sent is said, not assumed")]
                pub fn new($($path: $path_type,)* $($($needed: $needed_type,)*)?) -> Self {
                    Self {
                        $($path,)*
                        $($($needed,)*)?
                        $($field: Default::default(),)*
                    }
                }
            }

            impl $crate::hypervisor::proxmox::api::Request for $name {
                type Answer = $answer;

                fn call(&self) -> $crate::hypervisor::proxmox::Call {
                    #[allow(unused_mut, reason = "not every call has parameters")]
                    let mut parameters = Vec::new();
                    $($($crate::hypervisor::proxmox::api::Parameter::add(
                        &self.$needed, &wire_name!($needed $($needed_wire)?), &mut parameters);)*)?
                    $($crate::hypervisor::proxmox::api::Parameter::add(
                        &self.$field, &wire_name!($field $($wire)?), &mut parameters);)*
                    $crate::hypervisor::proxmox::Call::filled(
                        $crate::hypervisor::proxmox::Method::$method,
                        $template,
                        |name| match name {
                            $(stringify!($path) => Some(self.$path.to_string()),)*
                            _ => None,
                        },
                    )
                    .with_all(parameters)
                }
            }
        )*

        /// The rows of this table.
        pub(super) const CALLS: &[$crate::hypervisor::proxmox::api::KnownCall] = &[$(
            $crate::hypervisor::proxmox::api::KnownCall {
                name: stringify!($name),
                method: $crate::hypervisor::proxmox::Method::$method,
                template: $template,
                parameters: || {
                    #[allow(unused_mut, reason = "not every call has parameters")]
                    let mut known = Vec::new();
                    $($(<$needed_type as $crate::hypervisor::proxmox::api::Parameter>::known(
                        &wire_name!($needed $($needed_wire)?), &mut known);)*)?
                    $(<$type as $crate::hypervisor::proxmox::api::Parameter>::known(
                        &wire_name!($field $($wire)?), &mut known);)*
                    known
                },
                reads: $crate::hypervisor::proxmox::api::reads::<$answer>,
            },
        )*];
    };
}

/// Declares changes of existing guests. A row is as one of `requests!`, with `by digest` or `while fresh` before
/// the answer; node and number come from the proof. After the name, `of "vmid"` tells the parameter that is the number,
/// where it is no part of the path.
macro_rules! guest_changes {
    (@guard by digest) => { $crate::hypervisor::proxmox::api::Guard::Digest };
    (@guard while fresh) => { $crate::hypervisor::proxmox::api::Guard::Freshness };
    ($(
        $(#[$meta:meta])*
        $method:ident $template:literal $name:ident $(of $guest:literal)?
        ($($path:ident : $path_type:ty),* $(; $($(#[$needed_meta:meta])* $needed:ident $(as $needed_wire:literal)? : $needed_type:ty),*)?)
        { $($(#[$meta_of:meta])* $field:ident $(as $wire:literal)? : $type:ty),* $(,)? }
        $guard:tt $guard_word:tt -> $answer:ty;
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug)]
            pub struct $name {
                $(#[doc = concat!("`", stringify!($path), "` in the path.")] pub $path: $path_type,)*
                $($($(#[$needed_meta])* pub $needed: $needed_type,)*)?
                $($(#[$meta_of])* pub $field: $type,)*
            }

            impl $name {
                /// With what is required, and nothing else.
                #[must_use]
                #[allow(clippy::new_without_default, reason = "what is to be sent is said, not assumed")]
                pub fn new($($path: $path_type,)* $($($needed: $needed_type,)*)?) -> Self {
                    Self {
                        $($path,)*
                        $($($needed,)*)?
                        $($field: Default::default(),)*
                    }
                }
            }

            impl $crate::hypervisor::proxmox::api::GuestChange for $name {
                type Answer = $answer;
                const GUARD: $crate::hypervisor::proxmox::api::Guard = guest_changes!(@guard $guard $guard_word);

                fn call(
                    &self,
                    own: &$crate::plan::identity::Ownership,
                ) -> $crate::hypervisor::proxmox::Call {
                    #[allow(unused_mut, reason = "not every call has parameters")]
                    let mut parameters = Vec::new();
                    $(parameters.push(($guest.to_owned(), own.address().id.to_string()));)?
                    $($($crate::hypervisor::proxmox::api::Parameter::add(
                        &self.$needed, &wire_name!($needed $($needed_wire)?), &mut parameters);)*)?
                    $($crate::hypervisor::proxmox::api::Parameter::add(
                        &self.$field, &wire_name!($field $($wire)?), &mut parameters);)*
                    let at = own.address();
                    $crate::hypervisor::proxmox::Call::filled(
                        $crate::hypervisor::proxmox::Method::$method,
                        $template,
                        |name| match name {
                            "node" => Some(at.node.to_string()),
                            // HA takes the number alone for `vm:100` or `ct:100`, whichever it is.
                            "vmid" | "sid" => at.id.number().map(|vmid| vmid.to_string()),
                            $(stringify!($path) => Some(self.$path.to_string()),)*
                            _ => None,
                        },
                    )
                    .with_all(parameters)
                }
            }
        )*

        /// The rows of this table.
        pub(super) const CHANGES: &[$crate::hypervisor::proxmox::api::KnownCall] = &[$(
            $crate::hypervisor::proxmox::api::KnownCall {
                name: stringify!($name),
                method: $crate::hypervisor::proxmox::Method::$method,
                template: $template,
                parameters: || {
                    #[allow(unused_mut, reason = "not every call has parameters")]
                    let mut known = Vec::new();
                    $(<String as $crate::hypervisor::proxmox::api::Parameter>::known($guest, &mut known);)?
                    $($(<$needed_type as $crate::hypervisor::proxmox::api::Parameter>::known(
                        &wire_name!($needed $($needed_wire)?), &mut known);)*)?
                    $(<$type as $crate::hypervisor::proxmox::api::Parameter>::known(
                        &wire_name!($field $($wire)?), &mut known);)*
                    if guest_changes!(@guard $guard $guard_word) == $crate::hypervisor::proxmox::api::Guard::Digest {
                        <Option<String> as $crate::hypervisor::proxmox::api::Parameter>::known("digest", &mut known);
                    }
                    known
                },
                reads: $crate::hypervisor::proxmox::api::reads::<$answer>,
            },
        )*];
    };
}

/// Declares the types of answers. Names are those of the fields with hyphens, unless others are given; what is no
/// `Option` must be there, and what is not named is passed over.
macro_rules! answers {
    ($(
        $(#[$meta:meta])*
        $name:ident { $($(#[$meta_of:meta])* $field:ident $(as $wire:literal)? : $type:ty),* $(,)? }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub struct $name {
            $($(#[$meta_of])* $(#[serde(rename = $wire)])? pub $field: $type,)*
        }
    )*};
}

pub(super) use {answers, guest_changes, requests, wire_name};

/// Tries to read a body as the data of a type.
pub(super) fn reads<T: DeserializeOwned>(body: &[u8]) -> Result<(), String> {
    super::super::answers::lenient::<T>(body).map(drop)
}
