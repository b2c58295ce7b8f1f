//! Calls that aren't replayed, because Drover will never make them.

use super::call::Call;

/// Templates of calls, each with what it is about.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[];

/// What a call that is left out is about.
pub(crate) fn reason(call: &Call) -> Option<&'static str> {
    let row = LEFT_OUT.iter().find(|(template, _)| call.matches(template));
    row.map(|(_, reason)| *reason)
}
