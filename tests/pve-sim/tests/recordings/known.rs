//! Exchanges that differ and stay so, each for a reason. At most 15 of a version, and none that is equal after all.

use pve_sim::Release;

/// One exchange.
pub(crate) struct Known {
    pub(crate) release: Release,
    pub(crate) file: &'static str,
    pub(crate) index: usize,
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
        reason: "the recorded machine's firmware had read from the disk of a guest, and QEMU counted that",
    },
    Known {
        release: Release::V9_2,
        file: "cluster1",
        index: 39,
        reason: "the recorded node's first figures were still in the format of 8, which lacks memhost",
    },
    Known {
        release: Release::V9_2,
        file: "cluster2",
        index: 15,
        reason: "the recorded machine's QEMU, which isn't Proxmox's, told nothing of a guest that had moved there",
    },
    Known {
        release: Release::V9_2,
        file: "lxc",
        index: 52,
        reason: "the recorded machine was a container itself, in which nothing could be mounted into another",
    },
    Known {
        release: Release::V9_2,
        file: "lxc",
        index: 82,
        reason: "the recorded machine lacked the program that serves terminals",
    },
    Known {
        release: Release::V9_2,
        file: "storage",
        index: 47,
        reason: "the recorded machine's QEMU couldn't back up, and its log is of how that failed",
    },
];

/// Why an exchange differs, if that is known.
pub(crate) fn reason(release: Release, file: &str, index: usize) -> Option<&'static str> {
    let is_it = |k: &&Known| k.release == release && k.file == file && k.index == index;
    KNOWN.iter().find(is_it).map(|k| k.reason)
}
