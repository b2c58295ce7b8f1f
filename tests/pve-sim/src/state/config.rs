//! A guest's configuration: text by option, as in its file.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::release::Release;
use crate::verify::option_is_number;

/// Options and their values, without digest.
pub(crate) type Config = BTreeMap<String, String>;

/// The models of network cards, which are the first key of a `net[n]`.
pub(crate) const NETWORK_MODELS: &[&str] = &[
    "virtio",
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "vmxnet3",
];

/// The digest of a configuration with what is pending and its snapshots: 40 hexadecimal digits. (Proxmox takes SHA-1 of the file; which
/// hash it is can't be seen from outside.)
pub(crate) fn digest(
    config: &Config,
    pending: &BTreeMap<String, Option<String>>,
    snapshots: &BTreeMap<String, Config>,
) -> String {
    let mut hash = Sha256::new();
    for (key, value) in config {
        hash.update(format!("{key}: {value}\n"));
    }
    for (key, value) in pending {
        hash.update(format!("[PENDING] {key}: {value:?}\n"));
    }
    for (name, section) in snapshots {
        hash.update(format!("[{name}]\n"));
        for (key, value) in section {
            hash.update(format!("{key}: {value}\n"));
        }
    }
    let mut hex = String::with_capacity(40);
    for byte in &hash.finalize()[..20] {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The digest of a file that isn't a guest's, as long.
pub(crate) fn text_digest(text: &str) -> String {
    let file = BTreeMap::from([(String::new(), text.to_owned())]);
    digest(&file, &BTreeMap::new(), &BTreeMap::new())
}

/// A value as it goes out: options declared integer or boolean are numbers, everything else is a string; the password
/// is never shown.
pub(crate) fn typed(release: Release, key: &str, value: &str) -> Value {
    if key == "cipassword" {
        return Value::from("**********");
    }
    match value.parse::<i64>() {
        Ok(number) if key == "snaptime" || option_is_number(release, key) => Value::from(number),
        _ => Value::from(value),
    }
}

/// Whether an option is a drive (`scsi0`, `virtio1`, `ide2`, `sata0`, `efidisk0`, `tpmstate0`).
pub(crate) fn is_disk(key: &str) -> bool {
    let bus = key.trim_end_matches(|c: char| c.is_ascii_digit());
    bus.len() < key.len() && matches!(bus, "scsi" | "virtio" | "ide" | "sata" | "efidisk" | "tpmstate")
}

/// Whether an option is a network card.
pub(crate) fn is_net(key: &str) -> bool {
    key.strip_prefix("net")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
