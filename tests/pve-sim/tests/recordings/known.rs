//! Exchanges that differ in places that are named, and stay so, each for a reason. At most 15 of a version, and none
//! that is equal after all.

use pve_sim::Release;

use super::compare::Difference;
use super::replay::Verdict;

/// One exchange.
pub(crate) struct Known {
    pub(crate) release: Release,
    pub(crate) file: &'static str,
    pub(crate) index: usize,
    /// All the places that differ, as `Difference::place` has them.
    pub(crate) places: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// How many there may be of a version.
pub(crate) const MOST: usize = 15;

/// All of them.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        release: Release::V8_4,
        file: "params",
        index: 87,
        places: &[
            "/data/100/blockstat/scsi0/idle_time_ns",
            "/data/100/blockstat/scsi0/rd_total_time_ns",
        ],
        reason: "the recorded machine's firmware had read from the disk of a guest, and QEMU counted that",
    },
    Known {
        release: Release::V9_2,
        file: "cluster1",
        index: 39,
        places: &["/data/qemu/300/memhost"],
        reason: "the recorded node's first figures were still in the format of 8, which lacks memhost",
    },
    Known {
        release: Release::V9_2,
        file: "cluster2",
        index: 15,
        places: &["/data/running-machine", "/data/running-qemu"],
        reason: "the recorded machine's QEMU, which isn't Proxmox's, told nothing of a guest that had moved there",
    },
    Known {
        release: Release::V9_2,
        file: "lxc",
        index: 82,
        places: &["status", "reason", "connection", "/data", "/message"],
        reason: "the recorded machine lacked the program that serves terminals",
    },
    Known {
        release: Release::V9_2,
        file: "storage",
        index: 47,
        places: &[
            "/data/10", "/data/11", "/data/12", "/data/13", "/data/14", "/data/15", "/data/16", "/data/17",
            "/data/18", "/total",
        ],
        reason: "the recorded machine's QEMU couldn't back up, and its log is of how that failed",
    },
];

impl Known {
    /// The entry of an exchange, if there is one.
    pub(crate) fn of(release: Release, file: &str, index: usize) -> Option<&'static Self> {
        let is_it = |k: &&Self| k.release == release && k.file == file && k.index == index;
        KNOWN.iter().find(is_it)
    }

    /// Whether this is one of its places.
    pub(crate) fn allows(&self, difference: &Difference) -> bool {
        self.places.contains(&difference.place.as_str())
    }

    /// It has to differ in each of its places, and nowhere else.
    pub(crate) fn verdict(&self, differences: Vec<Difference>) -> Verdict {
        let equal = |place: &&&str| !differences.iter().any(|d| d.place == **place);
        if let Some(place) = self.places.iter().find(equal) {
            return Verdict::KnownButEqual(place);
        }
        let others: Vec<Difference> = differences.into_iter().filter(|d| !self.allows(d)).collect();
        if others.is_empty() {
            Verdict::Known(self.reason)
        } else {
            Verdict::Unequal(others)
        }
    }
}
