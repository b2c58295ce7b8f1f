//! What isn't compared by value, and why. Everything else is. A masked value still has its JSON type.

use super::call::{Call, fits};

/// How a value is compared instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    /// Any number.
    Number,
    /// Any share of a whole of what runs, from 0 to 1; of a guest that is stopped, the same.
    Share,
    /// Any number of a guest that runs; of one that is stopped, the same.
    Figure,
    /// Any number of a backup; of another volume, the same.
    Archive,
    /// Any string.
    Text,
    /// Words between commas, in any order.
    Words,
    /// A list whose order counts, unlike others.
    Ordered,
    /// Where the recorded machine had nothing, of a guest that runs; what it had is compared.
    Lacked,
}

/// One exception.
pub(crate) struct Mask {
    /// As `GET /nodes/*/qemu|lxc`.
    pub(crate) calls: &'static str,
    /// As `/data/*/cpu|mem`, from the body's root; a row of a list is a segment.
    pub(crate) at: &'static str,
    pub(crate) masked: Masked,
    /// Why it can't be equal.
    pub(crate) reason: &'static str,
}

/// A row of the table.
const fn mask(calls: &'static str, at: &'static str, masked: Masked, reason: &'static str) -> Mask {
    Mask {
        calls,
        at,
        masked,
        reason,
    }
}

use Masked::{Archive, Figure, Lacked, Number, Ordered, Share, Text, Words};

const PROCESS: &str = "a process id";
const TIME: &str = "a time";
const TICKS: &str = "a figure that ticks";
const HARDWARE: &str = "the recorded machine's hardware and kernel";
const UNORDERED: &str = "Perl's hashes have no order";
const SECRET: &str = "a secret, which the recorder blackened";
const CERTIFICATE: &str = "made on the recorded machine";
const KEYS: &str = "the simulator's keys are of a kind that is made more quickly";
const ARCHIVE: &str = "what tar and zstd made of it";
const QEMU: &str = "the recorded machine's QEMU, which isn't Proxmox's";

/// The exceptions.
const MASKS: &[Mask] = &[
    // Tasks.
    mask("GET /nodes/*/tasks/*/status", "/data/pid", Number, PROCESS),
    mask(
        "GET /nodes/*/tasks/*/status",
        "/data/pstart|starttime",
        Number,
        TIME,
    ),
    mask("GET /nodes/*/tasks", "/data", Ordered, "newest first"),
    mask("GET /nodes/*/tasks", "/data/*/pid", Number, PROCESS),
    mask(
        "GET /nodes/*/tasks",
        "/data/*/pstart|starttime|endtime",
        Number,
        TIME,
    ),
    mask("GET /cluster/tasks", "/data/*/starttime|endtime", Number, TIME),
    // QEMU guests.
    mask("GET /nodes/*/qemu/*/status/current", "/data/pid", Number, PROCESS),
    mask("GET /nodes/*/qemu/*/status/current", "/data/uptime", Figure, TIME),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/cpu|mem|memhost|netin|netout|diskread|diskwrite",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/nics/*/netin|netout",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/blockstat/*/rd_bytes|rd_operations|wr_bytes|wr_operations",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/running-machine|running-qemu",
        Text,
        QEMU,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/balloon|ballooninfo|blockstat|diskread|diskwrite|freemem|proxmox-support",
        Lacked,
        QEMU,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/proxmox-support/*",
        Lacked,
        QEMU,
    ),
    mask(
        "GET /nodes/*/qemu?full=1",
        "/data/*/balloon|ballooninfo|blockstat|diskread|diskwrite|freemem|proxmox-support|running-machine|running-qemu",
        Lacked,
        QEMU,
    ),
    mask(
        "GET /nodes/*/qemu?full=1",
        "/data/*/proxmox-support/*",
        Lacked,
        QEMU,
    ),
    mask("GET /nodes/*/qemu", "/data/*/pid", Number, PROCESS),
    mask("GET /nodes/*/qemu", "/data/*/uptime", Figure, TIME),
    mask(
        "GET /nodes/*/qemu",
        "/data/*/cpu|mem|memhost|netin|netout|diskread|diskwrite",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu?full=1",
        "/data/*/nics/*/netin|netout",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu?full=1",
        "/data/*/blockstat/*/rd_bytes|rd_operations|wr_bytes|wr_operations",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu?full=1",
        "/data/*/running-machine|running-qemu",
        Text,
        QEMU,
    ),
    mask("GET /nodes/*/qemu/*/snapshot", "/data/*/snaptime", Number, TIME),
    mask(
        "GET /nodes/*/qemu/*/snapshot/*/config",
        "/data/snaptime",
        Number,
        TIME,
    ),
    mask(
        "GET /nodes/*/qemu/*/snapshot/*/config",
        "/data/runningmachine|runningcpu|running-nets-host-mtu",
        Text,
        QEMU,
    ),
    mask("GET /nodes/*/qemu/*/config", "/data/snaptime", Number, TIME),
    mask(
        "POST /nodes/*/qemu/*/vncproxy",
        "/data/ticket|password|cert",
        Text,
        SECRET,
    ),
    // Containers.
    mask("GET /nodes/*/lxc/*/status/current", "/data/pid", Number, PROCESS),
    mask("GET /nodes/*/lxc/*/status/current", "/data/uptime", Figure, TIME),
    mask(
        "GET /nodes/*/lxc/*/status/current",
        "/data/mem|disk|diskread|diskwrite|netin|netout",
        Figure,
        TICKS,
    ),
    mask("GET /nodes/*/lxc", "/data/*/pid", Number, PROCESS),
    mask("GET /nodes/*/lxc", "/data/*/uptime", Figure, TIME),
    mask(
        "GET /nodes/*/lxc",
        "/data/*/mem|disk|diskread|diskwrite|netin|netout",
        Figure,
        TICKS,
    ),
    // The cluster.
    mask("GET /cluster/resources", "/data/*/content", Words, UNORDERED),
    mask("GET /cluster/resources", "/data/*/uptime", Figure, TIME),
    mask(
        "GET /cluster/resources",
        "/data/*/mem|memhost|disk|diskread|diskwrite|netin|netout",
        Figure,
        TICKS,
    ),
    mask("GET /cluster/resources", "/data/*/cpu", Share, TICKS),
    mask("GET /pools", "/data/*/members/*/content", Words, UNORDERED),
    mask("GET /pools/*", "/data/members/*/content", Words, UNORDERED),
    mask("GET /cluster/backup", "/data/*/next-run", Number, TIME),
    mask(
        "GET /cluster/jobs/schedule-analyze",
        "/data/*/timestamp",
        Number,
        TIME,
    ),
    mask("GET /cluster/jobs/schedule-analyze", "/data/*/utc", Text, TIME),
    mask(
        "GET /cluster/jobs/schedule-analyze",
        "/data",
        Ordered,
        "the soonest first",
    ),
    // Nodes.
    mask("GET /nodes", "/data/*/ssl_fingerprint", Text, CERTIFICATE),
    mask("GET /nodes", "/data/*/cpu|mem|disk", Number, TICKS),
    mask("GET /nodes", "/data/*/uptime", Number, TIME),
    mask("GET /nodes/*/status", "/data/uptime", Number, TIME),
    mask("GET /nodes/*/status", "/data/cpu|wait", Number, TICKS),
    mask("GET /nodes/*/status", "/data/loadavg/*", Text, TICKS),
    mask(
        "GET /nodes/*/status",
        "/data/memory/used|free|available",
        Number,
        TICKS,
    ),
    mask(
        "GET /nodes/*/status",
        "/data/rootfs/used|free|avail",
        Number,
        TICKS,
    ),
    mask(
        "GET /nodes/*/status",
        "/data/cpuinfo/flags|mhz|model|vendor|hvm",
        Text,
        HARDWARE,
    ),
    mask(
        "GET /nodes/*/status",
        "/data/current-kernel/release|version",
        Text,
        HARDWARE,
    ),
    mask("GET /nodes/*/status", "/data/kversion", Text, HARDWARE),
    mask("GET /nodes/*/time", "/data/time|localtime", Number, TIME),
    mask(
        "GET /nodes/*/certificates/info",
        "/data/*/fingerprint|pem",
        Text,
        CERTIFICATE,
    ),
    mask(
        "GET /nodes/*/certificates/info",
        "/data/*/public-key-bits",
        Number,
        KEYS,
    ),
    mask(
        "GET /nodes/*/certificates/info",
        "/data/*/public-key-type",
        Text,
        KEYS,
    ),
    mask(
        "GET /nodes/*/certificates/info",
        "/data/*/notbefore|notafter",
        Number,
        TIME,
    ),
    // Figures over time.
    mask("GET /nodes/*/rrddata", "/data", Ordered, "the oldest first"),
    mask("GET /nodes/*/rrddata", "/data/*/time", Number, TIME),
    mask(
        "GET /nodes/*/rrddata",
        "/data/*/cpu|iowait|loadavg|memavailable|memused|rootused|netin|netout",
        Number,
        TICKS,
    ),
    mask(
        "GET /nodes/*/rrddata",
        "/data/*/pressurecpusome|pressureiosome|pressureiofull|pressurememorysome|pressurememoryfull",
        Number,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu|lxc|storage/*/rrddata",
        "/data",
        Ordered,
        "the oldest first",
    ),
    mask(
        "GET /nodes/*/qemu|lxc|storage/*/rrddata",
        "/data/*/time",
        Number,
        TIME,
    ),
    mask(
        "GET /nodes/*/qemu|lxc|storage/*/rrddata",
        "/data/*/cpu|mem|memhost|netin|netout|used",
        Number,
        TICKS,
    ),
    // Storages.
    mask("GET /storage", "/data/*/content", Words, UNORDERED),
    mask("GET /storage/*", "/data/content", Words, UNORDERED),
    mask("GET /nodes/*/storage", "/data/*/content", Words, UNORDERED),
    mask(
        "GET /nodes/*/storage",
        "/data/*/used|avail|used_fraction",
        Number,
        TICKS,
    ),
    mask("GET /nodes/*/storage/*/status", "/data/content", Words, UNORDERED),
    mask("GET /nodes/*/storage/*/status", "/data/used|avail", Number, TICKS),
    mask("GET /nodes/*/storage/*/content", "/data/*/ctime", Number, TIME),
    mask("GET /nodes/*/storage/*/content", "/data/*/size", Archive, ARCHIVE),
    mask(
        "GET /nodes/*/storage/*/content/*",
        "/data/size|used",
        Archive,
        ARCHIVE,
    ),
    mask(
        "GET /nodes/*/storage/*/prunebackups",
        "/data/*/ctime",
        Number,
        TIME,
    ),
    // Access.
    mask("POST /access/users/*/token/*", "/data/value", Text, SECRET),
    mask(
        "POST /access/ticket",
        "/data/ticket|CSRFPreventionToken",
        Text,
        SECRET,
    ),
];

/// The exceptions of one call.
pub(crate) struct Masks(Vec<&'static Mask>);

impl Masks {
    pub(crate) fn of(call: &Call) -> Self {
        Self(MASKS.iter().filter(|m| call.matches(m.calls)).collect())
    }

    /// How the value at a place is compared, if not by value.
    pub(crate) fn at(&self, place: &[String]) -> Option<Masked> {
        let mut here = self.all(place);
        here.find(|masked| *masked != Lacked)
    }

    /// Whether what stands at a place may have been lacking on the recorded machine.
    pub(crate) fn may_lack(&self, place: &[String]) -> bool {
        self.all(place).any(|masked| masked == Lacked)
    }

    fn all(&self, place: &[String]) -> impl Iterator<Item = Masked> {
        let is_here = |mask: &&&Mask| {
            let pattern: Vec<&str> = mask.at.split('/').skip(1).collect();
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            fits(&pattern, &place)
        };
        self.0.iter().filter(is_here).map(|mask| mask.masked)
    }
}

#[test]
fn every_mask_says_why_it_is_there() {
    assert!(MASKS.iter().all(|mask| !mask.reason.is_empty()));
}
