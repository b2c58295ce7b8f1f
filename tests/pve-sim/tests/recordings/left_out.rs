//! Calls that aren't replayed, because Drover will never make them. A test of Drover's own holds its calls to this list.

use super::call::Call;

/// Templates of calls, each with what it is about.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    (
        "GET /nodes/*/aplinfo",
        "the catalogue of container templates that can be downloaded",
    ),
    (
        "GET /nodes/*/capabilities/qemu/machines",
        "the machines that the node's QEMU knows",
    ),
    ("GET /cluster/log", "the log for people"),
    ("POST /nodes/*/qemu/*/monitor", "QEMU's own shell"),
];

/// How many exchanges may be left out, of all versions. It can only shrink.
pub(crate) const MOST: usize = 4;

/// What a call that is left out is about.
pub(crate) fn reason(call: &Call) -> Option<&'static str> {
    let row = LEFT_OUT.iter().find(|(template, _)| call.matches(template));
    row.map(|(_, reason)| *reason)
}
