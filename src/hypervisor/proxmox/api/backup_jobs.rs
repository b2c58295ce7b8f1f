//! Backup jobs of the cluster, and what they leave out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::backup::BackupOptions;
use super::parameter::{List, groups};
use super::request::{answers, requests, wire_name};
use crate::model::{NodeName, Vmid};

groups! {
    /// What can be set of a backup job. Which guests it is for, `vmid`, `all` or `pool` say.
    BackupJobSettings {
        /// When, as a calendar event: `mon..fri 02:00`.
        schedule: Option<String>,
        /// Whether it is in force.
        enabled: Option<bool>,
        /// Whether a run that was missed is made up for.
        repeat_missed: Option<bool>,
        /// These guests, with commas.
        vmid: Option<String>,
        /// All guests but those in `exclude`.
        all: Option<bool>,
        /// Left out of all, with commas.
        exclude: Option<String>,
        /// The guests of a pool.
        pool: Option<String>,
        /// Only those that are on this node then.
        node: Option<NodeName>,
        /// For people.
        comment: Option<String>,
        /// How.
        options: BackupOptions,
    }
}

requests! {
    /// The backup jobs.
    Get "/cluster/backup" BackupJobs () {} -> Vec<BackupJob>;

    /// One backup job.
    Get "/cluster/backup/{id}" BackupJobInfo (id: String) {} -> BackupJob;

    /// Makes a backup job. Its name is to be given: the answer does not tell it.
    Post "/cluster/backup" CreateBackupJob (;
        /// Its name.
        id: String
    ) {
        /// When, what and how.
        settings: BackupJobSettings,
    } -> ();

    /// Changes a backup job.
    Put "/cluster/backup/{id}" UpdateBackupJob (id: String) {
        /// What is to be.
        settings: BackupJobSettings,
        /// What is set no longer.
        delete: List,
    } -> ();

    /// Removes a backup job; archives stay.
    Delete "/cluster/backup/{id}" DeleteBackupJob (id: String) {} -> ();

    /// Which volumes of which guests a job saves.
    Get "/cluster/backup/{id}/included_volumes" BackupJobVolumes (id: String) {} -> IncludedVolumes;

    /// The guests that no job saves.
    Get "/cluster/backup-info/not-backed-up" NotBackedUp () {} -> Vec<UnsavedGuest>;
}

answers! {
    /// A backup job.
    BackupJob {
        /// Its name.
        id: String,
        /// When, as a calendar event.
        schedule: Option<String>,
        /// When next, in seconds since 1970.
        next_run: Option<i64>,
        /// Whether it is in force; absent means so.
        enabled: Option<bool>,
        /// Where to.
        storage: Option<String>,
        /// Which guests, with commas.
        vmid: Option<String>,
        /// Whether all.
        all: Option<bool>,
        /// Which not, with commas.
        exclude: Option<String>,
        /// Those of a pool.
        pool: Option<String>,
        /// Those of a node.
        node: Option<NodeName>,
        /// How guests are saved.
        mode: Option<String>,
        /// How archives are compressed.
        compress: Option<String>,
        /// What is kept: numbers by `keep-last` and its like, as texts; up to 7.x a property string.
        prune_backups: Option<Value>,
        /// The template of archives' notes.
        notes_template: Option<String>,
        /// Whether a run that was missed is made up for.
        repeat_missed: Option<bool>,
        /// For people.
        comment: Option<String>,
        /// The rest of what is set.
        #[serde(flatten)] rest: BTreeMap<String, Value>,
    }

    /// What a job saves.
    IncludedVolumes {
        /// The guests.
        children: Option<Vec<IncludedGuest>>,
    }

    /// A guest of a job.
    IncludedGuest {
        /// Its number.
        id: Vmid,
        /// Its name.
        name: Option<String>,
        /// `qemu`, `lxc` or `unknown`.
        kind as "type": Option<String>,
        /// Its volumes.
        children: Option<Vec<IncludedVolume>>,
    }

    /// A volume of a guest.
    IncludedVolume {
        /// The slot: `scsi0`, `rootfs`.
        id: String,
        /// The volume.
        name: Option<String>,
        /// Whether it is saved.
        included: Option<bool>,
        /// Why, or why not.
        reason: Option<String>,
    }

    /// A guest without a backup.
    UnsavedGuest {
        /// Its number.
        vmid: Vmid,
        /// Its name.
        name: Option<String>,
        /// `qemu` or `lxc`.
        kind as "type": Option<String>,
    }
}
