//! Removing volumes. A file of a storage belongs to nobody; a volume of a guest is a part of it, and is removed
//! only with the proof that the guest may be changed.

use std::fmt;

use super::super::call::{Call, Method};
use super::parameter::Parameter as _;
use super::request::{Guard, GuestChange, KnownCall, reads, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid, VolumeId};
use crate::plan::identity::Ownership;

const TEMPLATE: &str = "/nodes/{node}/storage/{storage}/content/{volume}";

/// The folders of what is no part of a guest (pve-storage, `Plugin.pm`, `parse_volname`).
const FOLDERS: &[&str] = &["backup", "import", "iso", "snippets", "vztmpl"];

/// A volume that is an image, a template, an archive or a snippet, and so no part of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile(VolumeId);

/// A volume that is, or may be, a part of a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' may be a volume of a guest")]
pub struct MaybeOfGuest(VolumeId);

impl TryFrom<VolumeId> for StoredFile {
    type Error = MaybeOfGuest;

    fn try_from(volume: VolumeId) -> Result<Self, MaybeOfGuest> {
        let mut segments = volume.volume().split('/');
        let known = segments.next().is_some_and(|folder| FOLDERS.contains(&folder));
        let mut names = segments.peekable();
        if known && names.peek().is_some() && names.all(|name| !matches!(name, "" | "." | "..")) {
            Ok(Self(volume))
        } else {
            Err(MaybeOfGuest(volume))
        }
    }
}

impl fmt::Display for StoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

requests! {
    /// Removes a file from a storage.
    Delete "/nodes/{node}/storage/{storage}/content/{volume}" DeleteVolume
        (node: NodeName, storage: String, volume: StoredFile) {
        /// How long to wait for the end, in seconds.
        delay: Option<u32>,
    } -> Option<Upid>;
}

/// Removes a volume of a guest. Proxmox VE does not ask whether the guest uses it.
#[derive(Clone, Debug)]
pub struct DeleteGuestVolume {
    /// The volume, whose name tells the guest.
    pub volume: VolumeId,
    /// How long to wait for the end, in seconds.
    pub delay: Option<u32>,
}

impl GuestChange for DeleteGuestVolume {
    type Answer = Option<Upid>;
    const GUARD: Guard = Guard::Freshness;

    fn call(&self, own: &Ownership) -> Call {
        let (at, volume) = (own.address(), &self.volume);
        let mut parameters = Vec::new();
        self.delay.add("delay", &mut parameters);
        let values: [&dyn fmt::Display; 3] = [&at.node, &volume.storage(), volume];
        let call = Call::new(Method::Delete, TEMPLATE, &values).with_all(parameters);
        if owner(volume).is_some_and(|vmid| at.id == vmid.into()) {
            call
        } else {
            call.refused(format!("'{volume}' is no volume of guest {}", at.id))
        }
    }
}

/// The row of what is no part of a table.
pub(super) const CHANGES: &[KnownCall] = &[KnownCall {
    name: "DeleteGuestVolume",
    method: Method::Delete,
    template: TEMPLATE,
    parameters: || {
        let mut known = Vec::new();
        Option::<u32>::known("delay", &mut known);
        known
    },
    reads: reads::<Option<Upid>>,
}];

/// The guest of a volume, by its name: `vm-100-disk-0`, `100/vm-100-disk-0.qcow2`, and of a linked clone
/// `base-9000-disk-0/vm-100-disk-0` (pve-storage, `parse_volname`). None if folder and name tell different ones.
fn owner(volume: &VolumeId) -> Option<Vmid> {
    let mut segments = volume.volume().rsplit('/');
    let mut words = segments.next()?.split('-');
    let by_name = match words.next() {
        Some("vm" | "base" | "subvol" | "basevol") => words.next().and_then(|number| number.parse().ok()),
        _ => None,
    };
    let by_folder = segments.next().and_then(|folder| folder.parse().ok());
    match (by_folder, by_name) {
        (Some(folder), Some(name)) if folder != name => None,
        (folder, name) => folder.or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GuestAddress;

    fn volume(text: &str) -> VolumeId {
        text.parse().unwrap()
    }

    #[test]
    fn what_may_be_of_a_guest_is_no_file() {
        for name in [
            "local-lvm:vm-100-disk-0",
            "local:100/vm-100-disk-0.qcow2",
            "local:iso/../100/vm-100-disk-0.qcow2",
            "local:iso/",
            "local:iso",
            "zfs:base-9000-disk-0/vm-100-disk-0",
        ] {
            assert!(StoredFile::try_from(volume(name)).is_err(), "{name}");
        }
        for name in [
            "local:iso/debian-12.iso",
            "pbs:backup/vm/150/2026-01-01T00:00:00Z",
            "local:vztmpl/x.tar.zst",
        ] {
            assert!(StoredFile::try_from(volume(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_guest_s_volume_is_removed_with_the_proof_for_that_guest_alone() {
        let at = GuestAddress {
            node: "pve1".parse().unwrap(),
            id: 100.try_into().unwrap(),
        };
        let own = Ownership::for_tests(at, "d1");
        let call = |name| {
            let volume = volume(name);
            DeleteGuestVolume { volume, delay: None }.call(&own)
        };
        for name in [
            "local-lvm:vm-100-disk-0",
            "local:100/vm-100-disk-0.qcow2",
            "local:100/any.raw",
            "zfs:base-9000-disk-0/vm-100-disk-0",
            "zfs:subvol-100-disk-1",
        ] {
            assert!(call(name).checked().is_ok(), "{name}");
        }
        for name in [
            "local-lvm:vm-101-disk-0",
            "local:101/vm-100-disk-0.qcow2",
            "local:9000/base-9000-disk-0.qcow2",
            "local-lvm:data",
            "local:iso/debian-12.iso",
        ] {
            assert!(call(name).checked().is_err(), "{name}");
        }
        assert_eq!(
            call("local-lvm:vm-100-disk-0").path(),
            "/nodes/pve1/storage/local-lvm/content/local-lvm%3Avm-100-disk-0"
        );
    }
}
