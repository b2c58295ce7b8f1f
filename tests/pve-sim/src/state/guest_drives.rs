//! What a guest's configuration says of its drives and their volumes.

use std::collections::BTreeSet;

use super::config::is_disk;
use super::guest::Guest;
use super::property::drive_volume;

impl Guest {
    /// Every volume that its file names: of drives, unused ones, snapshots, and saved memory.
    pub(crate) fn every_volume(&self) -> BTreeSet<String> {
        let sections = [&self.config].into_iter().chain(self.snapshots.values());
        sections
            .flatten()
            .filter(|(key, _)| is_disk(key) || key.starts_with("unused") || *key == "vmstate")
            .map(|(_, value)| drive_volume(value))
            .filter(|volid| volid.contains(':'))
            .map(str::to_owned)
            .collect()
    }

    /// Keeps a volume as `unused[n]`; the option, if there is room for one.
    pub(crate) fn keep_unused(&mut self, volid: &str) -> Option<String> {
        let slot = (0..256)
            .map(|n| format!("unused{n}"))
            .find(|slot| !self.config.contains_key(slot))?;
        self.config.insert(slot.clone(), volid.to_owned());
        Some(slot)
    }

    /// Takes a device out of the boot order; whether it was there.
    pub(crate) fn leave_boot_order(&mut self, device: &str) -> bool {
        let Some(order) = self.option("boot").and_then(|b| b.strip_prefix("order=")) else {
            return false;
        };
        let kept: Vec<&str> = order.split(';').filter(|d| *d != device).collect();
        if kept.len() == order.split(';').count() {
            return false;
        }
        let boot = if kept.is_empty() {
            " ".to_owned()
        } else {
            format!("order={}", kept.join(";"))
        };
        self.config.insert("boot".to_owned(), boot);
        true
    }
}
