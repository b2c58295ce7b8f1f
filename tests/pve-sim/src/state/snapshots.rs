//! What a guest's configuration says of its snapshots: sections that hold the options as they were.

use uuid::Uuid;

use super::config::{Config, is_disk};
use super::guest::Guest;
use super::property::{drive_property, drive_volume, parse_size};
use super::world::World;

/// What a section says of the snapshot itself; the rest are options.
const OF_SNAPSHOT: &[&str] = &[
    "description",
    "snapstate",
    "snaptime",
    "vmstate",
    "runningmachine",
    "runningcpu",
    "running-nets-host-mtu",
];

impl Guest {
    /// A snapshot's section.
    pub(crate) fn snapshot(&self, name: &str) -> Result<&Config, String> {
        let section = self.snapshots.get(name);
        section.ok_or_else(|| format!("snapshot '{name}' does not exist"))
    }

    /// The options as a snapshot takes them (`__snapshot_copy_config`): the parent comes along, what the guest is busy
    /// with and what it doesn't use don't.
    pub(crate) fn options_for_snapshot(&self) -> Config {
        let mut options = self.config.clone();
        let left_out = |key: &str| OF_SNAPSHOT.contains(&key) || key == "lock" || key.starts_with("unused");
        options.retain(|key, _| !left_out(key));
        options
    }

    /// Takes a snapshot out of the tree: its children get its parent.
    pub(crate) fn drop_snapshot(&mut self, name: &str) {
        let parent = self.snapshots.remove(name).and_then(|s| s.get("parent").cloned());
        let sections = self.snapshots.values_mut().chain([&mut self.config]);
        for section in sections.filter(|s| s.get("parent").is_some_and(|p| p == name)) {
            match &parent {
                Some(parent) => section.insert("parent".to_owned(), parent.clone()),
                None => section.remove("parent"),
            };
        }
    }

    /// The disks of a section: option and volume, without CDs.
    pub(crate) fn disks_of(section: &Config) -> Vec<(String, String)> {
        section
            .iter()
            .filter(|(key, value)| is_disk(key) && drive_property(value, "media") != Some("cdrom"))
            .map(|(key, value)| (key.clone(), drive_volume(value).to_owned()))
            .filter(|(_, volid)| volid.contains(':'))
            .collect()
    }

    /// Puts the options of a snapshot back. Notes and unused volumes stay, disks that it doesn't know become unused, and
    /// the guest's system is told that it is another generation.
    fn restore(&mut self, name: &str) -> Result<(), String> {
        let section = self.snapshot(name)?.clone();
        let known: Vec<String> = Self::disks_of(&section)
            .into_iter()
            .map(|(_, volid)| volid)
            .collect();
        let lost = Self::disks_of(&self.config).into_iter().map(|(_, volid)| volid);
        let lost: Vec<String> = lost.filter(|volid| !known.contains(volid)).collect();
        let mut config = section;
        config.retain(|key, _| !OF_SNAPSHOT.contains(&key.as_str()));
        for (key, value) in &self.config {
            if key.starts_with("unused") && !known.contains(value) || key == "description" {
                config.insert(key.clone(), value.clone());
            }
        }
        config.insert("parent".to_owned(), name.to_owned());
        if config.contains_key("vmgenid") {
            config.insert("vmgenid".to_owned(), Uuid::new_v4().to_string());
        }
        self.config = config;
        self.pending.clear();
        self.forced.clear();
        for volid in lost {
            self.keep_unused(&volid);
        }
        Ok(())
    }
}

impl World {
    /// Rolls a guest back; its disks have the sizes of then.
    pub(crate) fn restore_snapshot(&mut self, node: &str, vmid: u32, name: &str) -> Result<(), String> {
        let guest = self.guest_on_mut(node, vmid)?;
        guest.restore(name)?;
        let sizes: Vec<(String, u64)> = guest
            .config
            .iter()
            .filter(|(key, _)| is_disk(key))
            .filter_map(|(_, value)| {
                let size = drive_property(value, "size").and_then(parse_size)?;
                Some((drive_volume(value).to_owned(), size))
            })
            .collect();
        for (volid, size) in sizes {
            if let Some(volume) = self.volume_mut(node, &volid) {
                volume.size = size;
            }
        }
        Ok(())
    }

    /// Where the memory of a guest is saved (`find_vmstate_storage`): where it says, else beside its disks, shared
    /// storages and those with files first, else on `local`.
    pub(crate) fn state_storage(&self, guest: &Guest) -> String {
        if let Some(named) = guest.option("vmstatestorage") {
            return named.to_owned();
        }
        let disks = Guest::disks_of(&guest.config);
        let storages = disks.iter().filter_map(|(_, volid)| {
            let storage = self.storage(volid.split(':').next()?)?;
            Some((storage.shared, storage.has_files(), storage.name.as_str()))
        });
        storages
            .max_by_key(|(shared, files, _)| (*shared, *files))
            .map_or_else(|| "local".to_owned(), |(.., name)| name.to_owned())
    }
}
