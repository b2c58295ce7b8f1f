//! `/cluster/backup` and what belongs to it: jobs, the volumes that they include, guests that are in none, and schedules.

mod change;
mod coverage;
mod options;
mod run;
mod schedule;
mod show;

use super::Allow;

pub(crate) use run::{run, run_jobs};

/// The endpoints of the family, a table for each file.
pub(super) const TABLES: &[&[super::Endpoint]] = &[
    show::ENDPOINTS,
    change::ENDPOINTS,
    coverage::ENDPOINTS,
    schedule::ENDPOINTS,
];

const AUDIT: Allow = Allow::Any("/", &["Sys.Audit"]);
const MODIFY: Allow = Allow::Any("/", &["Sys.Modify"]);
