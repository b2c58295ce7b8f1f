//! What isn't compared by value, and why. Everything else is. A masked value still has its JSON type.

use super::call::{Call, fits};

/// How a value is compared instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    /// Any number.
    Number,
    /// Any string.
    Text,
    /// Anything of the same JSON type.
    Type,
    /// Words between commas, in any order.
    Words,
    /// A list whose order counts, unlike others.
    Ordered,
    /// A key that the simulator has and the recorded machine lacked, or not.
    Lacked,
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

use Masked::{Number, Ordered, Text, Type, Words};

/// The exceptions.
const MASKS: &[Mask] = &[
    // Times and processes.
    mask("GET /nodes/*/tasks/*/status", "/data/pid", Number, "a process id"),
    mask("GET /nodes/*/tasks/*/status", "/data/pstart", Number, "a time"),
    mask("GET /nodes/*/tasks/*/status", "/data/starttime", Number, "a time"),
    mask("GET /nodes/*/tasks", "/data/*/pid", Number, "a process id"),
    mask("GET /nodes/*/tasks", "/data/*/pstart", Number, "a time"),
    mask("GET /nodes/*/tasks", "/data/*/starttime", Number, "a time"),
    mask("GET /nodes/*/tasks", "/data/*/endtime", Number, "a time"),
    mask("GET /nodes/*/tasks", "/data", Ordered, "newest first"),
    mask("GET /nodes/*/tasks/*/log", "/data", Ordered, "lines of a log"),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/pid",
        Number,
        "a process id",
    ),
    mask(
        "GET /nodes/*/qemu/*/status/current",
        "/data/uptime",
        Number,
        "a time",
    ),
    mask("GET /nodes/*/qemu", "/data/*/pid", Number, "a process id"),
    mask("GET /nodes/*/qemu", "/data/*/uptime", Number, "a time"),
    // The machine's own.
    mask("GET /version", "/data/repoid", Text, "the hash of a build"),
    mask(
        "GET /nodes",
        "/data/*/ssl_fingerprint",
        Text,
        "of a certificate that was made on the machine",
    ),
    mask(
        "GET /cluster/resources",
        "/data/*/content",
        Words,
        "Perl's hashes have no order",
    ),
    mask(
        "GET /storage",
        "/data/*/content",
        Words,
        "Perl's hashes have no order",
    ),
    mask(
        "GET /nodes/*/storage",
        "/data/*/content",
        Words,
        "Perl's hashes have no order",
    ),
    mask(
        "GET /nodes/*/storage",
        "/data/*/used",
        Number,
        "how full the machine's disk is",
    ),
    mask(
        "GET /nodes/*/storage",
        "/data/*/avail",
        Number,
        "how full the machine's disk is",
    ),
    mask(
        "GET /nodes/*/storage",
        "/data/*/used_fraction",
        Number,
        "how full the machine's disk is",
    ),
    mask(
        "GET /nodes/*/status",
        "/data/**",
        Type,
        "the machine's hardware and load",
    ),
    // Secrets, which the recorder blackened.
    mask("POST /access/users/*/token/*", "/data/value", Text, "a secret"),
    mask("POST /access/ticket", "/data/ticket", Text, "a secret"),
    mask(
        "POST /access/ticket",
        "/data/CSRFPreventionToken",
        Text,
        "a secret",
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
