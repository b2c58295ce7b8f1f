//! What can be done with a volume, by the kind of its storage and its format (`volume_has_feature` of `PVE::Storage`'s
//! plugins).

use super::storage::Storage;
use super::volume_name::VolumeName;
use super::world::World;

/// What `volume_has_feature` is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// A linked clone.
    Clone,
    /// A full clone.
    Copy,
    /// To be handed to another guest.
    Rename,
    Snapshot,
    /// To be made a base.
    Template,
}

impl World {
    /// Whether the volume, or its state in a snapshot, can do that.
    pub(crate) fn has_feature(&self, feature: Feature, volid: &str, in_snapshot: bool) -> bool {
        let Some(name) = VolumeName::parse(volid) else {
            return false;
        };
        let Some(storage) = self.storage(name.storage) else {
            return false;
        };
        let qcow2 = name.extension() == Some("qcow2");
        let snapshots = can_snapshot(storage, qcow2);
        match (feature, in_snapshot) {
            (Feature::Snapshot, _) => snapshots && !name.is_base(),
            (Feature::Copy, true) => snapshots && storage.kind != "zfspool",
            (Feature::Copy, false) => true,
            (Feature::Clone, true) => storage.kind == "lvmthin" || storage.kind == "rbd",
            (Feature::Clone, false) => name.is_base(),
            (Feature::Rename, _) => !in_snapshot && !name.is_base(),
            (Feature::Template, _) => storage.kind != "lvm" && !name.is_base() && !in_snapshot,
        }
    }
}

fn can_snapshot(storage: &Storage, qcow2: bool) -> bool {
    match storage.kind.as_str() {
        "lvmthin" | "zfspool" | "rbd" => true,
        _ if storage.has_files() => qcow2,
        _ => false,
    }
}
