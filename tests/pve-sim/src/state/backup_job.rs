//! Backup jobs (`jobs.cfg`): what is backed up when, and which guests that means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::guest::Guest;
use super::world::World;

/// A job's options by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct BackupJob {
    pub(crate) options: BTreeMap<String, String>,
}

impl BackupJob {
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.option(name) == Some("1")
    }

    fn numbers(&self, name: &str) -> Vec<u32> {
        let text = self.option(name).unwrap_or("");
        let items = text.split([',', ';', ' ', '\0']);
        items.filter_map(|item| item.parse().ok()).collect()
    }

    /// The numbers of the guests that it backs up, whether they exist or not (`PVE::VZDump::get_included_guests`).
    pub(crate) fn guests(&self, world: &World) -> Vec<u32> {
        let excluded = self.numbers("exclude");
        let stands = |guest: &Guest| self.option("node").is_none_or(|node| node == guest.node);
        let pool = self.option("pool");
        if pool.is_none() && !self.flag("all") {
            return self.numbers("vmid");
        }
        let members = pool.map(|pool| world.access.pools.get(pool));
        let wanted = |guest: &&Guest| {
            members.is_none_or(|pool| pool.is_some_and(|pool| pool.guests.contains(&guest.vmid)))
                && !excluded.contains(&guest.vmid)
                && stands(guest)
        };
        world
            .guests
            .values()
            .filter(wanted)
            .map(|guest| guest.vmid)
            .collect()
    }
}

/// A volume of a guest, as a backup sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackupVolume<'a> {
    /// As `scsi0` or `rootfs`.
    pub(crate) key: &'a str,
    pub(crate) volume: &'a str,
    pub(crate) included: bool,
    /// Why it is or isn't included.
    pub(crate) reason: &'static str,
}

impl World {
    /// Forgets a guest wherever others name it, as its removal with `purge` does.
    pub(crate) fn forget_references(&mut self, vmid: u32) {
        self.ha_forget(vmid);
        self.forget_in_jobs(vmid);
        self.replications.remove(&vmid);
    }

    /// Forgets a guest in the jobs that name it; a job that names nothing else goes.
    fn forget_in_jobs(&mut self, vmid: u32) {
        self.backup_jobs.retain(|_, job| {
            let Some(named) = job.option("vmid") else {
                return true;
            };
            let own = vmid.to_string();
            let left: Vec<&str> = named.split(',').filter(|id| *id != own).collect();
            let (left, empty) = (left.join(","), left.is_empty());
            job.options.insert("vmid".to_owned(), left);
            !empty
        });
    }
}
