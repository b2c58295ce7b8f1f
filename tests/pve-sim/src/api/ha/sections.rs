//! What changes to the HA stack's files have in common: the lock, the digest, options that are set and deleted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::Call;
use crate::release::Release;
use crate::state::ha::{Section, file_digest};
use crate::verify::{Kind, Param, may};
use crate::wire::ApiError;

/// Digests got longer with 8.
pub(super) const DIGEST: &[Param] = &[
    may("digest", Kind::Text(40)).until(Release::V7_4),
    may("digest", Kind::Text(64)).from(Release::V8_4),
];

/// Parameters that aren't options of a section.
const OWN: &[&str] = &["sid", "type", "group", "rule", "delete", "digest", "purge"];

/// Takes the lock of the HA stack's files; what can't be done is said with `what` before it, as `create resource failed`.
pub(super) async fn lock(call: &Call, what: &str) -> Result<(), ApiError> {
    let locked = call.sim.config_lock("domain-ha").await;
    locked.map_err(|error| failed(what, error))
}

/// A failure while the files are locked.
pub(super) fn failed(what: &str, error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("{what} failed: {error}"))
}

/// The options that a call gives; `also` names some that are only options here.
pub(super) fn given(call: &Call, also: &[&str]) -> BTreeMap<String, String> {
    let options = call
        .params
        .iter()
        .filter(|(name, _)| also.contains(&name.as_str()) || !OWN.contains(&name.as_str()));
    options
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Changes a section as the call says.
pub(super) fn change(
    call: &Call,
    sections: &mut BTreeMap<String, Section>,
    name: &str,
    what: &str,
    also: &[&str],
) -> Result<(), ApiError> {
    let digest = file_digest(sections);
    if call
        .text("digest")
        .is_some_and(|given| !given.is_empty() && given != digest)
    {
        let error = "detected modified configuration - file changed by other user? Try again.";
        return Err(failed(what, error));
    }
    if let Some(section) = sections.get_mut(name) {
        for option in call.list("delete") {
            section.options.remove(&option);
        }
        section.options.extend(given(call, also));
    }
    Ok(())
}

/// A section as it is shown: numbers and booleans as numbers.
pub(super) fn shown(section: &Section, digest: &str) -> Map<String, Value> {
    let numbers = [
        "max_restart",
        "max_relocate",
        "failback",
        "auto-rebalance",
        "nofailback",
        "restricted",
        "strict",
        "disable",
    ];
    let mut row: Map<String, Value> = section
        .options
        .iter()
        .map(|(name, value)| {
            let number = value
                .parse::<u64>()
                .ok()
                .filter(|_| numbers.contains(&name.as_str()));
            (name.clone(), number.map_or_else(|| json!(value), |n| json!(n)))
        })
        .collect();
    row.insert("digest".to_owned(), json!(digest));
    row
}
