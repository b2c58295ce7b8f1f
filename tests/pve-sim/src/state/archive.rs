//! What backups hold.

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::guest::GuestKind;

/// The inside of a backup of a guest.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Archive {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    /// The configuration as it was.
    pub(crate) config: Config,
    /// Bytes before compression.
    pub(crate) content: u64,
}

/// A number of bytes as tar and vzdump write it: `2.0MiB`.
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn binary_size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1}{}", units[unit])
}
