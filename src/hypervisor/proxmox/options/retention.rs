//! How many backups are kept: `prune-backups` of storages, backup jobs and single backups (pve-storage,
//! `Storage/Plugin.pm`).

use crate::hypervisor::proxmox::property::{Whole, property_string};

property_string! {
    /// How many backups of a guest are kept. Nothing said keeps all.
    PruneBackups, "" {
        /// Whether all are kept; then nothing else may be said.
        keep_all: bool = "keep-all";
        /// The newest ones.
        keep_last: Whole<0> = "keep-last";
        /// The newest one of so many hours.
        keep_hourly: Whole<0> = "keep-hourly";
        /// The newest one of so many days.
        keep_daily: Whole<0> = "keep-daily";
        /// The newest one of so many weeks.
        keep_weekly: Whole<0> = "keep-weekly";
        /// The newest one of so many months.
        keep_monthly: Whole<0> = "keep-monthly";
        /// The newest one of so many years.
        keep_yearly: Whole<0> = "keep-yearly";
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn backup_jobs_tell_it_as_an_object_with_numbers_in_texts() {
        let prune: PruneBackups = serde_json::from_value(json!({"keep-last": "3", "keep-daily": 7})).unwrap();
        assert_eq!(prune.keep_last.map(Whole::get), Some(3));
        assert_eq!(prune.to_string(), "keep-daily=7,keep-last=3");
        assert_eq!(
            serde_json::to_value(&prune).unwrap(),
            json!("keep-daily=7,keep-last=3")
        );
    }

    #[test]
    fn a_value_that_is_no_number_is_told() {
        let error = "keep-last=many".parse::<PruneBackups>().unwrap_err();
        assert_eq!(error.to_string(), "keep-last: 'many' is not a whole number");
    }
}
