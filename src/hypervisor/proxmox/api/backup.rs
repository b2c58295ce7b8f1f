//! Backups at once, what an archive holds, and which archives would be pruned. A restore is a create.

use super::kinds::{BackupMode, Compression, Kind};
use super::parameter::groups;
use super::request::{answers, guest_changes, requests, wire_name};
use crate::model::{NodeName, Upid, Vmid, VolumeId};

groups! {
    /// How guests are backed up, by a job or at once.
    BackupOptions {
        /// Where to.
        storage: Option<String>,
        /// How the guest is treated meanwhile.
        mode: Option<BackupMode>,
        /// How the archive is compressed.
        compress: Option<Compression>,
        /// What is kept: `keep-last=3,keep-daily=7`.
        prune_backups: Option<String>,
        /// A template of the archive's notes: `{{guestname}}`.
        notes_template: Option<String>,
        /// Whether the archive is protected against removal.
        protected: Option<bool>,
        /// Whether older archives are pruned by what is kept.
        remove: Option<bool>,
        /// Limit in KiB/s.
        bwlimit: Option<u32>,
        /// How long to wait for the node's lock, in minutes.
        lockwait: Option<u32>,
        /// How long to wait for a guest to stop, in minutes.
        stopwait: Option<u32>,
        /// A storage for blocks that change meanwhile: `enabled=1,storage=local` (from 8.2).
        fleecing: Option<String>,
        /// Priority of I/O.
        ionice: Option<u32>,
    }
}

requests! {
    /// The configuration in an archive.
    Get "/nodes/{node}/vzdump/extractconfig" ExtractConfig (node: NodeName;
        /// The archive.
        volume: VolumeId
    ) {} -> String;

    /// What pruning would remove; nothing is removed.
    Get "/nodes/{node}/storage/{storage}/prunebackups" PrunePreview (node: NodeName, storage: String) {
        /// What is kept, if not as the storage says.
        prune_backups: Option<String>,
        /// Of guests of this kind.
        kind as "type": Option<Kind>,
        /// Of this guest.
        vmid: Option<Vmid>,
    } -> Vec<PruneRow>;

    /// Prunes.
    Delete "/nodes/{node}/storage/{storage}/prunebackups" Prune (node: NodeName, storage: String) {
        /// What is kept, if not as the storage says.
        prune_backups: Option<String>,
        /// Of guests of this kind.
        kind as "type": Option<Kind>,
        /// Of this guest.
        vmid: Option<Vmid>,
    } -> Upid;
}

guest_changes! {
    /// Backs up a guest, for which it may be stopped. The task's id is the guest's number.
    Post "/nodes/{node}/vzdump" StartBackup of "vmid" () {
        /// How.
        options: BackupOptions,
    } while fresh -> Upid;
}

answers! {
    /// An archive, and what pruning would do with it.
    PruneRow {
        /// The archive.
        volid: VolumeId,
        /// The guest that it is of; absent if its name does not say.
        vmid: Option<Vmid>,
        /// `qemu`, `lxc` or `unknown`.
        kind as "type": Option<String>,
        /// When it was made, in seconds since 1970.
        ctime: i64,
        /// `keep`, `remove`, `protected` or `renamed`.
        mark: String,
    }
}
