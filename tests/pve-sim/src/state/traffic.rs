//! What has gone through a guest's cards and drives since it was started. Each figure that a call shows of it, of the whole
//! guest or of one card or drive, is taken from here, so that they add up.

use super::config::{is_disk, is_net};
use super::container::is_mount;
use super::guest::{Guest, Power};
use super::property::drive_volume;

/// Bytes in a second, each way, of all cards and of all drives.
const RATE: u64 = 1000;

impl Guest {
    fn traffic(&self) -> u64 {
        match self.power {
            Power::Stopped => 0,
            Power::Running { since, .. } => since.elapsed().as_secs() * RATE,
        }
    }

    /// Each card, and what has gone through it, each way.
    pub(crate) fn card_traffic(&self) -> Vec<(&str, u64)> {
        let cards = self.config.keys().filter(|key| is_net(key));
        shared_out(self.traffic(), cards.map(String::as_str).collect())
    }

    /// Each drive with a medium or each mount point with a volume, and what has gone through it, each way.
    pub(crate) fn drive_traffic(&self) -> Vec<(&str, u64)> {
        let drives = self
            .config
            .iter()
            .filter(|(key, value)| (is_disk(key) || is_mount(key)) && drive_volume(value).contains(':'));
        shared_out(self.traffic(), drives.map(|(key, _)| key.as_str()).collect())
    }
}

/// The sum of what has gone through parts.
pub(crate) fn sum(parts: &[(&str, u64)]) -> u64 {
    parts.iter().map(|(_, bytes)| bytes).sum()
}

/// The same for each part; the first one has what is left over.
fn shared_out(total: u64, parts: Vec<&str>) -> Vec<(&str, u64)> {
    let count = u64::try_from(parts.len()).unwrap_or(1).max(1);
    let rest = total % count;
    let shares = std::iter::once(rest).chain(std::iter::repeat(0));
    parts
        .into_iter()
        .zip(shares)
        .map(|(part, more)| (part, total / count + more))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole() {
        let parts = shared_out(1001, vec!["net0", "net1", "net2"]);
        assert_eq!(parts, [("net0", 335), ("net1", 333), ("net2", 333)]);
        assert_eq!(sum(&parts), 1001);
        assert_eq!(sum(&shared_out(1001, Vec::new())), 0);
    }
}
