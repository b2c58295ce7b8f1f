//! A domain as the model shows a guest.
//!
//! What can't be understood is left out or taken for its default, never an error: a person may have written it, or a
//! newer libvirt.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::pools::Pools;
use super::{hardware, metadata, parse, pending};
use crate::hypervisor::libvirt::xml::tree::ReadXml;
use crate::model::{GuestConfig, Hardware};

/// What of a domain does not stand in its XML.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The storage pools of its host.
    pub pools: &'a Pools,
    /// The sizes of volumes in bytes, by their paths.
    pub sizes: &'a BTreeMap<String, u64>,
    /// Whether it is started with its host.
    pub on_boot: bool,
}

/// Reads a domain: the XML by which it is started next (with what is secret in it), and that of the running one.
pub fn read(inactive: &str, live: Option<&str>, around: &Around<'_>) -> Result<GuestConfig, ReadXml> {
    let domain = parse(inactive)?;
    let next = hardware::read(&domain, None, around);
    let current: Hardware = match live {
        Some(live) => hardware::read(&parse(live)?, Some(&domain), around),
        None => next.clone(),
    };
    Ok(GuestConfig {
        digest: digest(inactive, live),
        lock: None,
        template: metadata::is_template(&domain),
        protection: false,
        name: domain.text_of("name").filter(|name| !name.is_empty()),
        description: metadata::description(&domain),
        uuid: domain.text_of("uuid").and_then(|uuid| uuid.parse().ok()),
        pending: pending::names(&current, &next),
        current,
        next,
        raw: BTreeMap::new(),
    })
}

/// SHA-256 over both texts, in hexadecimal.
#[must_use]
pub fn digest(inactive: &str, live: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(inactive);
    // No XML holds this byte, so that no two pairs make one text.
    hash.update([0]);
    hash.update(live.unwrap_or_default());
    format!("{:x}", hash.finalize())
}
