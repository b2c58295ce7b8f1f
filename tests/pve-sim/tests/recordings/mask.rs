//! What isn't compared by value, and why. Everything else is. A masked value still has its JSON type.

use super::call::{Call, fits};

/// How a value is compared instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    /// Any number.
    Number,
    /// Any number of a guest that runs; of one that is stopped, the same.
    Figure,
    /// Any string.
    Text,
    /// Words between commas, in any order.
    Words,
    /// A list whose order counts, unlike others.
    Ordered,
}

/// One exception.
pub(crate) struct Mask {
    /// As `GET /nodes/*/status`.
    pub(crate) calls: &'static str,
    /// As `/data/*/cpu`, from the body's root; rows of lists are a segment.
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

use Masked::{Figure, Number, Ordered, Text, Words};

const PROCESS: &str = "a process id";
const TIME: &str = "a time";
const TICKS: &str = "a figure that ticks";
const HARDWARE: &str = "the recorded machine's hardware and kernel";
const UNORDERED: &str = "Perl's hashes have no order";
const SECRET: &str = "a secret, which the recorder blackened";
const QEMU: &str = "the recorded machine's QEMU, which isn't Proxmox's";

/// The exceptions.
const MASKS: &[Mask] = &[
    // Tasks.
    mask("GET /nodes/*/tasks/*/status", "/data/pid", Number, PROCESS),
    mask("GET /nodes/*/tasks/*/status", "/data/pstart", Number, TIME),
    mask("GET /nodes/*/tasks/*/status", "/data/starttime", Number, TIME),
    mask("GET /nodes/*/tasks", "/data", Ordered, "newest first"),
    mask("GET /nodes/*/tasks", "/data/*/pid", Number, PROCESS),
    mask("GET /nodes/*/tasks", "/data/*/pstart", Number, TIME),
    mask("GET /nodes/*/tasks", "/data/*/starttime", Number, TIME),
    mask("GET /nodes/*/tasks", "/data/*/endtime", Number, TIME),
    mask("GET /cluster/tasks", "/data/*/starttime", Number, TIME),
    mask("GET /cluster/tasks", "/data/*/endtime", Number, TIME),
    // Guests.
    mask("GET /nodes/*/qemu/*/status/current", "/data/pid", Number, PROCESS),
    mask("GET /nodes/*/qemu/*/status/current", "/data/uptime", Figure, TIME),
    mask("GET /nodes/*/qemu/*/status/current", "/data/cpu", Figure, TICKS),
    mask("GET /nodes/*/qemu/*/status/current", "/data/mem", Figure, TICKS),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/memhost",
        Figure,
        TICKS,
    ),
    mask("GET /nodes/*/qemu/*/status/current", "/data/netin", Figure, TICKS),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/netout",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/diskread",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/diskwrite",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/nics/*/netin",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/nics/*/netout",
        Figure,
        TICKS,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/running-machine",
        Text,
        QEMU,
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/running-qemu",
        Text,
        QEMU,
    ),
    mask("GET /nodes/*/qemu", "/data/*/pid", Number, PROCESS),
    mask("GET /nodes/*/qemu", "/data/*/uptime", Figure, TIME),
    mask("GET /nodes/*/qemu", "/data/*/cpu", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/mem", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/memhost", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/netin", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/netout", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/diskread", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/diskwrite", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/nics/*/netin", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/nics/*/netout", Figure, TICKS),
    mask("GET /nodes/*/qemu", "/data/*/running-machine", Text, QEMU),
    mask("GET /nodes/*/qemu", "/data/*/running-qemu", Text, QEMU),
    mask("GET /nodes/*/lxc/*/status/current", "/data/pid", Number, PROCESS),
    mask("GET /nodes/*/lxc/*/status/current", "/data/uptime", Figure, TIME),
    mask("GET /nodes/*/lxc/*/status/current", "/data/mem", Figure, TICKS),
    mask("GET /nodes/*/lxc/*/status/current", "/data/disk", Figure, TICKS),
    mask("GET /nodes/*/lxc", "/data/*/pid", Number, PROCESS),
    mask("GET /nodes/*/lxc", "/data/*/uptime", Figure, TIME),
    mask("GET /nodes/*/lxc", "/data/*/mem", Figure, TICKS),
    mask("GET /nodes/*/lxc", "/data/*/disk", Figure, TICKS),
    mask("GET /nodes/*/qemu/*/snapshot", "/data/*/snaptime", Number, TIME),
    mask(
        "GET /nodes/*/qemu/*/snapshot/*/config",
        "/data/snaptime",
        Number,
        TIME,
    ),
    mask("GET /nodes/*/qemu/*/config", "/data/snaptime", Number, TIME),
    mask(
        "GET /nodes/*/qemu/*/snapshot/*/config",
        "/data/runningmachine",
        Text,
        QEMU,
    ),
    // The cluster.
    mask("GET /cluster/resources", "/data/*/content", Words, UNORDERED),
    mask("GET /cluster/resources", "/data/*/uptime", Figure, TIME),
    mask("GET /cluster/resources", "/data/*/cpu", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/mem", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/memhost", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/disk", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/diskread", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/diskwrite", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/netin", Figure, TICKS),
    mask("GET /cluster/resources", "/data/*/netout", Figure, TICKS),
    mask("GET /pools", "/data/*/members/*/content", Words, UNORDERED),
    mask("GET /pools/*", "/data/members/*/content", Words, UNORDERED),
    // Nodes.
    mask(
        "GET /nodes",
        "/data/*/ssl_fingerprint",
        Text,
        "of a certificate that was made on the machine",
    ),
    mask("GET /nodes", "/data/*/cpu", Number, TICKS),
    mask("GET /nodes", "/data/*/mem", Number, TICKS),
    mask("GET /nodes", "/data/*/disk", Number, TICKS),
    mask("GET /nodes", "/data/*/uptime", Number, TIME),
    mask("GET /nodes/*/status", "/data/cpu", Number, TICKS),
    mask("GET /nodes/*/status", "/data/wait", Number, TICKS),
    mask("GET /nodes/*/status", "/data/uptime", Number, TIME),
    mask("GET /nodes/*/status", "/data/loadavg/*", Text, TICKS),
    mask("GET /nodes/*/status", "/data/memory/used", Number, TICKS),
    mask("GET /nodes/*/status", "/data/memory/free", Number, TICKS),
    mask("GET /nodes/*/status", "/data/memory/available", Number, TICKS),
    mask("GET /nodes/*/status", "/data/rootfs/used", Number, TICKS),
    mask("GET /nodes/*/status", "/data/rootfs/free", Number, TICKS),
    mask("GET /nodes/*/status", "/data/rootfs/avail", Number, TICKS),
    mask("GET /nodes/*/status", "/data/cpuinfo/flags", Text, HARDWARE),
    mask("GET /nodes/*/status", "/data/cpuinfo/mhz", Text, HARDWARE),
    mask("GET /nodes/*/status", "/data/cpuinfo/model", Text, HARDWARE),
    mask("GET /nodes/*/status", "/data/cpuinfo/family", Text, HARDWARE),
    mask("GET /nodes/*/status", "/data/cpuinfo/vendor", Text, HARDWARE),
    mask("GET /nodes/*/status", "/data/cpuinfo/hvm", Text, HARDWARE),
    mask("GET /nodes/*/status", "/data/boot-info/mode", Text, HARDWARE),
    mask(
        "GET /nodes/*/status",
        "/data/current-kernel/release",
        Text,
        HARDWARE,
    ),
    mask(
        "GET /nodes/*/status",
        "/data/current-kernel/version",
        Text,
        HARDWARE,
    ),
    mask("GET /nodes/*/status", "/data/kversion", Text, HARDWARE),
    mask("GET /nodes/*/rrddata", "/data/*/time", Number, TIME),
    mask("GET /nodes/*/time", "/data/time", Number, TIME),
    mask("GET /nodes/*/time", "/data/localtime", Number, TIME),
    // Storages.
    mask("GET /storage", "/data/*/content", Words, UNORDERED),
    mask("GET /storage/*", "/data/content", Words, UNORDERED),
    mask("GET /nodes/*/storage", "/data/*/content", Words, UNORDERED),
    mask("GET /nodes/*/storage", "/data/*/used", Number, TICKS),
    mask("GET /nodes/*/storage", "/data/*/avail", Number, TICKS),
    mask("GET /nodes/*/storage", "/data/*/used_fraction", Number, TICKS),
    mask("GET /nodes/*/storage/*/status", "/data/content", Words, UNORDERED),
    mask("GET /nodes/*/storage/*/status", "/data/used", Number, TICKS),
    mask("GET /nodes/*/storage/*/status", "/data/avail", Number, TICKS),
    mask("GET /nodes/*/storage/*/content", "/data/*/ctime", Number, TIME),
    mask(
        "GET /nodes/*/storage/*/prunebackups",
        "/data/*/ctime",
        Number,
        TIME,
    ),
    // Access.
    mask("POST /access/users/*/token/*", "/data/value", Text, SECRET),
    mask("POST /access/ticket", "/data/ticket", Text, SECRET),
    mask("POST /access/ticket", "/data/CSRFPreventionToken", Text, SECRET),
    mask("POST /nodes/*/qemu/*/vncproxy", "/data/ticket", Text, SECRET),
    mask("POST /nodes/*/qemu/*/vncproxy", "/data/password", Text, SECRET),
    mask("POST /nodes/*/qemu/*/vncproxy", "/data/cert", Text, SECRET),
];

/// The exceptions of one call.
pub(crate) struct Masks(Vec<&'static Mask>);

impl Masks {
    pub(crate) fn of(call: &Call) -> Self {
        Self(MASKS.iter().filter(|m| call.matches(m.calls)).collect())
    }

    /// How the value at a place is compared, if not by value.
    pub(crate) fn at(&self, place: &[String]) -> Option<Masked> {
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let here = |m: &&&Mask| {
            let pattern: Vec<&str> = m.at.split('/').skip(1).collect();
            fits(&pattern, &place)
        };
        self.0.iter().find(here).map(|m| m.masked)
    }
}

#[test]
fn every_mask_says_why_it_is_there() {
    assert!(MASKS.iter().all(|mask| !mask.reason.is_empty()));
}
