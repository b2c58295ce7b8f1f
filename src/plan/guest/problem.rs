//! What keeps a guest from becoming as declared until a person does something.

use crate::api::conditions::reason;

/// What only a person can mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The guest lacks the disk that the spec names; these are there.
    DiskMissing {
        /// The slot in the spec.
        slot: String,
        /// The slots of the guest.
        present: Vec<String>,
        /// What the spec would have to say for it to be added.
        lacks: &'static str,
    },
    /// A disk that the machine had is there no longer.
    DiskGone {
        /// The slot in the spec.
        slot: String,
        /// The volume that it had.
        volume: String,
        /// Where that lies unused.
        unused: Option<String>,
    },
    /// Another volume is in the place of the disk that the spec names.
    DiskReplaced {
        /// The slot in the spec.
        slot: String,
        /// The volume that it had.
        volume: String,
        /// The volume that is there.
        now: String,
    },
    /// The spec names another value of what is settled when a machine is made.
    Fixed {
        /// The field.
        field: &'static str,
        /// What the spec says.
        want: String,
        /// What the machine has.
        have: String,
    },
    /// Nobody names a storage for what a field demands.
    NoStorage {
        /// The field.
        field: &'static str,
    },
    /// No slot is free for a device of the host.
    NoSlotForDevice {
        /// Its mapping.
        mapping: String,
    },
    /// The interface can't be added because nobody names a bridge for it.
    BridgeMissing {
        /// The slot in the spec.
        slot: String,
    },
    /// No slot is free for the medium of cloud-init, or nobody names a storage for it.
    NoPlaceForCloudInit,
    /// The host names no storage for a medium that Drover makes.
    NoStorageForSeed {
        /// The field that demands one.
        field: &'static str,
    },
    /// It can't be moved to the node where it is to be.
    CantMove {
        /// What stands in the way.
        why: String,
    },
    /// A Secret that the spec names can't be used.
    NoSecret {
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl Problem {
    /// The reason for the condition, and what is wrong and would be right.
    #[must_use]
    pub fn told(&self) -> (&'static str, String) {
        match self {
            Self::DiskMissing { slot, present, lacks } => {
                let present = if present.is_empty() {
                    "none".to_owned()
                } else {
                    present.join(", ")
                };
                let message = format!(
                    "the machine has no disk {slot} (spec.disks); it has: {present}. To have it added, {lacks}"
                );
                (reason::DISK_MISSING, message)
            }
            Self::DiskGone { slot, volume, unused } => {
                let place = unused.as_ref().map_or_else(
                    || "and the machine does not own it any more".to_owned(),
                    |unused| format!("which lies there as {unused}: attach it again on the host"),
                );
                let message = format!(
                    "disk {slot} was taken out of the machine on the host; it was {volume}, {place}. An empty one in its \
                     place would look like lost data, so none is made: to have one all the same, take {slot} out of \
                     spec.disks, and put it back once that is Ready"
                );
                (reason::DISK_GONE, message)
            }
            Self::DiskReplaced { slot, volume, now } => (
                reason::DISK_REPLACED,
                format!(
                    "disk {slot} was {volume}, and somebody put {now} in its place: it may be anybody's, so nothing is done to it. \
                     Put {volume} back on the host, or, to have {now} kept as {slot}, take {slot} out of spec.disks, and put it \
                     back once that is Ready"
                ),
            ),
            Self::Fixed { field, want, have } => (
                reason::FIXED_AT_CREATION,
                format!(
                    "spec.{field} says {want}, and the machine has {have}: that is settled when a machine is made. Set it to \
                     {have}, or make another machine"
                ),
            ),
            Self::NoStorage { field } => (
                reason::INVALID_SPEC,
                format!("spec.{field} needs a disk, and neither the spec nor the machine names a storage for it"),
            ),
            Self::NoSlotForDevice { mapping } => (
                reason::INVALID_SPEC,
                format!("device '{mapping}' (spec.hostDevices) can't be added: the machine has 16 devices of the host already"),
            ),
            Self::BridgeMissing { slot } => (
                reason::INVALID_SPEC,
                format!(
                    "interface {slot} can't be added: neither the spec nor the class nor the host names a bridge or a network"
                ),
            ),
            Self::NoPlaceForCloudInit => (
                reason::INVALID_SPEC,
                "the drive of cloud-init can't be added: no slot is free for it, or neither a disk of the spec nor one of \
                 the machine names a storage"
                    .to_owned(),
            ),
            Self::NoStorageForSeed { field } => (
                reason::STORAGE_NOT_FOUND,
                format!(
                    "spec.{field} is told on a medium that Drover brings to the host, and its ProxmoxNode names no storage for \
                     that: set spec.defaults.isoStorage there"
                ),
            ),
            Self::CantMove { why } => (
                reason::MIGRATION_IMPOSSIBLE,
                format!("the machine can't be moved to where it is to be (spec.hostRef): {why}"),
            ),
            Self::NoSecret { what } => (reason::SECRET_NOT_USABLE, what.clone()),
        }
    }
}
