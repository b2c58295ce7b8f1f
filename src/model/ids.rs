//! Names and numbers of things on a hypervisor, parsed once at the edge, so that the rest of the program
//! can't hold a malformed one.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not what its type demands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {wanted}")]
pub struct ParseId {
    /// What was given.
    pub text: String,
    /// What would have been right.
    pub wanted: &'static str,
}

impl ParseId {
    fn new(text: impl Into<String>, wanted: &'static str) -> Self {
        Self {
            text: text.into(),
            wanted,
        }
    }
}

/// The number of a guest on Proxmox VE, unique in a cluster over virtual machines and containers:
/// 100 to 999999999 (pve-common, `JSONSchema`, standard option `pve-vmid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Vmid(NonZeroU32);

impl Vmid {
    /// The lowest number that Proxmox VE gives.
    pub const MIN: u32 = 100;
    /// The highest number that Proxmox VE accepts.
    pub const MAX: u32 = 999_999_999;

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u32> for Vmid {
    type Error = ParseId;

    fn try_from(number: u32) -> Result<Self, ParseId> {
        const WANTED: &str = "a VMID (100 to 999999999)";
        match NonZeroU32::new(number) {
            Some(n) if (Self::MIN..=Self::MAX).contains(&number) => Ok(Self(n)),
            _ => Err(ParseId::new(number.to_string(), WANTED)),
        }
    }
}

impl From<Vmid> for u32 {
    fn from(vmid: Vmid) -> Self {
        vmid.get()
    }
}

impl FromStr for Vmid {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        text.parse::<u32>()
            .ok()
            .and_then(|n| Self::try_from(n).ok())
            .ok_or_else(|| ParseId::new(text, "a VMID (100 to 999999999)"))
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a guest is addressed by on its host: its number on Proxmox VE, its domain's UUID on libvirt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuestId {
    /// A number, which another guest may get after it.
    Number(Vmid),
    /// A UUID, which is the guest's identity too.
    Domain(Uuid),
}

impl GuestId {
    /// The number, where guests have numbers.
    #[must_use]
    pub const fn number(self) -> Option<Vmid> {
        match self {
            Self::Number(vmid) => Some(vmid),
            Self::Domain(_) => None,
        }
    }

    /// The domain's UUID, where guests are domains.
    #[must_use]
    pub const fn domain(self) -> Option<Uuid> {
        match self {
            Self::Number(_) => None,
            Self::Domain(uuid) => Some(uuid),
        }
    }
}

impl From<Vmid> for GuestId {
    fn from(vmid: Vmid) -> Self {
        Self::Number(vmid)
    }
}

impl TryFrom<u32> for GuestId {
    type Error = ParseId;

    fn try_from(number: u32) -> Result<Self, ParseId> {
        Vmid::try_from(number).map(Self::Number)
    }
}

impl From<Uuid> for GuestId {
    fn from(uuid: Uuid) -> Self {
        Self::Domain(uuid)
    }
}

impl FromStr for GuestId {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        if let Ok(vmid) = text.parse() {
            return Ok(Self::Number(vmid));
        }
        // One spelling only: what is compared as text elsewhere is the same there.
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.to_string() == text => Ok(Self::Domain(uuid)),
            _ => Err(ParseId::new(
                text,
                "a VMID (100 to 999999999) or the UUID of a domain",
            )),
        }
    }
}

impl fmt::Display for GuestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(vmid) => vmid.fmt(f),
            Self::Domain(uuid) => uuid.fmt(f),
        }
    }
}

/// The name of a node of a Proxmox VE cluster: a host name without a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

impl NodeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let fits = !text.is_empty()
            && text.len() <= 63
            && text.chars().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseId::new(
                text,
                "a node name (letters, digits and '-', 63 at most)",
            ))
        }
    }
}

impl TryFrom<String> for NodeName {
    type Error = ParseId;

    fn try_from(text: String) -> Result<Self, ParseId> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What tells a cluster from another one at the same address: of Proxmox VE the SHA-256 fingerprint of its root CA, in
/// lower-case hexadecimal without colons; of libvirt, where each host is one by itself, the host's UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(String);

impl ClusterId {
    /// Takes a fingerprint in any usual spelling (`AA:BB:…` or `aabb…`).
    pub fn from_fingerprint(fingerprint: &str) -> Result<Self, ParseId> {
        let hex: String = fingerprint
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()) {
            Ok(Self(hex))
        } else {
            Err(ParseId::new(
                fingerprint,
                "a SHA-256 fingerprint (64 hexadecimal digits)",
            ))
        }
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for ClusterId {
    fn from(host: Uuid) -> Self {
        Self(host.to_string())
    }
}

impl FromStr for ClusterId {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        match Uuid::try_parse(text) {
            Ok(host) => Ok(host.into()),
            Err(_) => Self::from_fingerprint(text),
        }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A volume on a storage, as Proxmox VE spells it: `local:iso/debian-12.iso`, `local-lvm:vm-100-disk-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VolumeId {
    storage: String,
    volume: String,
}

impl VolumeId {
    /// The storage that holds it.
    #[must_use]
    pub fn storage(&self) -> &str {
        &self.storage
    }

    /// The name within the storage.
    #[must_use]
    pub fn volume(&self) -> &str {
        &self.volume
    }

    /// What would end the name where it stands in a configuration.
    fn is_misplaced(c: char) -> bool {
        c == ',' || c.is_control()
    }
}

impl FromStr for VolumeId {
    type Err = ParseId;

    fn from_str(text: &str) -> Result<Self, ParseId> {
        match text.split_once(':') {
            Some((storage, volume))
                if !storage.is_empty() && !volume.is_empty() && !text.contains(Self::is_misplaced) =>
            {
                Ok(Self {
                    storage: storage.to_owned(),
                    volume: volume.to_owned(),
                })
            }
            _ => Err(ParseId::new(text, "a volume id (storage:volume)")),
        }
    }
}

impl TryFrom<String> for VolumeId {
    type Error = ParseId;

    fn try_from(text: String) -> Result<Self, ParseId> {
        text.parse()
    }
}

impl From<VolumeId> for String {
    fn from(volume: VolumeId) -> Self {
        volume.to_string()
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.storage, self.volume)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vmid_outside_the_bounds_is_refused() {
        for text in ["0", "99", "1000000000", "-1", "1e3", "", "abc"] {
            assert!(text.parse::<Vmid>().is_err(), "{text}");
        }
        assert_eq!("100".parse::<Vmid>().unwrap().get(), 100);
    }

    #[test]
    fn fingerprints_in_both_spellings_name_one_cluster() {
        let colons = ["AB"; 32].join(":");
        let plain = "ab".repeat(32);
        assert_eq!(
            ClusterId::from_fingerprint(&colons),
            ClusterId::from_fingerprint(&plain)
        );
        assert!(ClusterId::from_fingerprint("abcd").is_err());
    }

    #[test]
    fn the_uuid_of_a_host_is_no_fingerprint() {
        let host = Uuid::from_u128(7);
        assert_eq!(host.to_string().parse::<ClusterId>(), Ok(host.into()));
        let plain = "ab".repeat(32);
        assert_eq!(plain.parse::<ClusterId>(), ClusterId::from_fingerprint(&plain));
        assert!("pve".parse::<ClusterId>().is_err());
    }

    #[test]
    fn guest_is_addressed_by_number_or_uuid() {
        let uuid = Uuid::from_u128(7);
        assert_eq!("105".parse(), Ok(GuestId::try_from(105).unwrap()));
        assert_eq!(uuid.to_string().parse(), Ok(GuestId::Domain(uuid)));
        for text in [
            "",
            "99",
            "web",
            &uuid.simple().to_string(),
            &uuid.to_string().to_uppercase(),
        ] {
            let read = text.parse::<GuestId>();
            assert!(read.is_err() || *text == uuid.to_string(), "{text}");
        }
    }

    #[test]
    fn volume_id_needs_a_storage_and_a_volume() {
        assert_eq!("local:iso/a.iso".parse::<VolumeId>().unwrap().storage(), "local");
        for text in ["local", ":x", "local:", "a:b,c=d", "a:b\nc: d"] {
            assert!(text.parse::<VolumeId>().is_err(), "{text}");
        }
    }
}
