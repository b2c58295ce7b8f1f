//! Guests and marks for the tests of this floor.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a fixture says by a panic what is wrong"
)]

use std::collections::BTreeMap;

use uuid::Uuid;

use super::mark::Mark;
use crate::model::{GuestConfig, GuestId, Hardware};

/// The UID of the resource under test.
pub const UID: &str = "6f1c2a6e-0000-4000-8000-000000000001";

/// A number.
pub fn number(n: u32) -> GuestId {
    n.try_into().unwrap()
}

/// The mark of the resource under test, not sealed.
pub fn mark(id: u32) -> Mark {
    Mark {
        cluster: "c0ffee".into(),
        kind: "VirtualMachine".into(),
        namespace: "default".into(),
        name: "web-1".into(),
        uid: UID.into(),
        id: number(id),
        uuid: None,
        released: false,
        adopted: false,
    }
}

/// A guest with a UUID and a description.
pub fn config(uuid: Option<Uuid>, description: &str) -> GuestConfig {
    GuestConfig {
        digest: "0".repeat(40),
        lock: None,
        template: false,
        protection: false,
        name: Some("web-1".into()),
        description: description.into(),
        uuid,
        current: Hardware::default(),
        next: Hardware::default(),
        pending: Vec::new(),
        raw: BTreeMap::new(),
    }
}
