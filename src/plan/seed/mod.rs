//! The medium with which a machine sets itself up where the host's own can't say what is wanted: a seed of
//! cloud-init's `NoCloud`, an ISO image with the label `cidata` that holds `user-data`, `meta-data` and `network-config`
//! (cloud-init, `doc/rtd/reference/datasources/nocloud.rst`).
//!
//! Its name tells the machine and what is in it, so the same content never has two names and two contents never have
//! one. The machine is told by its identity, which outlives the resource: one that is bound anew after a disaster finds its
//! medium again, and does not take itself for another. Whether such a file was made by Drover, and may be removed, only the status tells ([`record`]).

mod documents;
pub mod record;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use documents::Documents;

use crate::model::{Hardware, SecretText, VolumeId};
use crate::plan::desired::{Datasource, Desired};

/// How much of a digest stands in a name.
const DIGITS: usize = 16;

/// A medium to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    volume: VolumeId,
    documents: Documents,
}

impl Seed {
    /// The volume that it is.
    #[must_use]
    pub const fn volume(&self) -> &VolumeId {
        &self.volume
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let name = self.volume.volume();
        name.strip_prefix(FOLDER).unwrap_or(name)
    }

    /// What it holds.
    #[must_use]
    pub const fn documents(&self) -> &Documents {
        &self.documents
    }
}

/// Where Proxmox VE keeps images of CDs.
const FOLDER: &str = "iso/";

/// Whether a volume has the name of such a medium, of whichever machine.
#[must_use]
pub fn is_seed(volume: &VolumeId) -> bool {
    let parts = || {
        let name = volume
            .volume()
            .strip_prefix("iso/drover-")?
            .strip_suffix(".iso")?;
        let (identity, digest) = name.rsplit_once('-')?;
        Some((identity, digest))
    };
    parts().is_some_and(|(identity, digest)| {
        Uuid::try_parse(identity).is_ok()
            && digest.len() == DIGITS
            && digest.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Says which medium the machine is to have, as soon as all that goes into it is known: what Secrets hold, and the
/// hardware addresses of the interfaces that it names.
pub fn settle(desired: &mut Desired, hardware: &Hardware, identity: Uuid) {
    let seed = prepare(desired, hardware, identity);
    if let Some(cloud_init) = &mut desired.cloud_init
        && let Datasource::Seed(wanted) = &mut cloud_init.source
    {
        *wanted = seed.map(Box::new);
    }
}

fn prepare(desired: &Desired, hardware: &Hardware, identity: Uuid) -> Option<Seed> {
    let cloud_init = desired.cloud_init.as_ref()?;
    let storage = cloud_init.iso_storage.as_ref()?;
    let waits_for_secret = (cloud_init.user_data_ref.is_some() && cloud_init.user_data.is_none())
        || (cloud_init.password_ref.is_some() && cloud_init.password.is_none());
    let to_come = |slot: &String| {
        let address = hardware.nics.get(slot).and_then(|nic| nic.mac.as_ref());
        address.is_none() && desired.nics.iter().any(|nic| nic.slot == *slot)
    };
    if waits_for_secret || cloud_init.addresses.iter().any(|(slot, _)| to_come(slot)) {
        return None;
    }
    let addresses: BTreeMap<&str, &str> = hardware
        .nics
        .iter()
        .filter_map(|(slot, nic)| Some((slot.as_str(), nic.mac.as_deref()?)))
        .collect();
    let documents = Documents::write(cloud_init, &desired.name, &addresses, identity)?;
    let name = format!("{storage}:{FOLDER}drover-{identity}-{}.iso", documents.digest());
    Some(Seed {
        volume: name.parse().ok()?,
        documents,
    })
}

/// The beginning of a digest of texts, so that no two lists of texts have the same.
fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    use std::fmt::Write as _;
    let mut all = Sha256::new();
    for text in texts {
        all.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.update(text);
    }
    let mut digits = String::new();
    for byte in all.finalize().iter().take(DIGITS / 2) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// A password as `/etc/shadow` holds it. The same one comes out the same, or each look would make another medium; another
/// machine's has another salt.
fn hashed(password: &SecretText, identity: Uuid) -> Option<String> {
    use sha_crypt::PasswordHasher as _;
    let salt = Sha256::digest(identity);
    let hash =
        sha_crypt::ShaCrypt::SHA512.hash_password_with_salt(password.expose().as_bytes(), salt.get(..12)?);
    hash.ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_is_known_by_its_whole_name() {
        let uid = "0b7e0a64-0f2c-4b1e-9d3f-1c2d3e4f5a6b";
        for (name, expected) in [
            (format!("local:iso/drover-{uid}-0123456789abcdef.iso"), true),
            (format!("local:iso/drover-{uid}-0123456789abcde.iso"), false),
            (format!("local:iso/drover-{uid}.iso"), false),
            (format!("local:iso/x-drover-{uid}-0123456789abcdef.iso"), false),
            (
                "local:iso/drover-installer-0123456789abcdef.iso".to_owned(),
                false,
            ),
            (format!("local:snippets/drover-{uid}-0123456789abcdef.iso"), false),
        ] {
            assert_eq!(is_seed(&name.parse().unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn texts_are_told_apart_by_where_they_end() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["ab", "c"]), digest(["ab", "c"]));
    }

    #[test]
    fn a_password_is_hashed_with_a_salt_of_its_own() {
        let words = SecretText::new("hunter2");
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let hash = hashed(&words, one).unwrap();
        assert!(hash.starts_with("$6$") && !hash.contains("hunter2"), "{hash}");
        assert_eq!(Some(&hash), hashed(&words, one).as_ref());
        assert_ne!(Some(&hash), hashed(&words, other).as_ref());
    }
}
