//! Lists. Proxmox walks Perl's hashes, so the order of rows is random: they are compared as a set, by what names a row,
//! unless the list is one whose order says something.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compare::{Comparison, short};

/// What may name a row; the first that every row has, and no two the same.
const KEYS: &[&str] = &[
    "upid",
    "volid",
    "id",
    "vmid",
    "userid",
    "tokenid",
    "full-tokenid",
    "roleid",
    "groupid",
    "poolid",
    "realm",
    "sid",
    "rule",
    "storage",
    "node",
    "name",
    "key",
    "iface",
    "subdir",
    "n",
    "pos",
    "path",
    "time",
    "command",
    "template",
    "filename",
    "type",
];

/// Compares two lists.
pub(crate) fn compare(
    comparison: &mut Comparison<'_>,
    place: &mut Vec<String>,
    recorded: &[Value],
    own: &[Value],
    ordered: bool,
) {
    let key = KEYS
        .iter()
        .find(|key| names_rows(recorded, key) && names_rows(own, key))
        .filter(|_| !ordered);
    let mut left: Vec<&Value> = own.iter().collect();
    let mut unpaired = Vec::new();
    for (number, row) in recorded.iter().enumerate() {
        let pair = match key {
            _ if ordered => (!left.is_empty()).then_some(0),
            Some(key) => {
                let wanted = comparison.bindings.translate(&name(&row[*key]));
                left.iter().position(|own| name(&own[*key]) == wanted)
            }
            None => None,
        };
        match pair {
            Some(index) => {
                let own = left.remove(index);
                place.push(key.map_or_else(|| number.to_string(), |key| name(&row[*key])));
                comparison.value(place, row, own);
                place.pop();
            }
            None => unpaired.push(row),
        }
    }
    // What has no name that is known already: the rows that are wholly equal belong together.
    unpaired.retain(|row| {
        let pair = left.iter().position(|own| agrees(comparison, place, row, own));
        if let Some(index) = pair {
            left.remove(index);
        }
        pair.is_none()
    });
    let lacking = unpaired.len().max(left.len());
    for number in 0..lacking {
        match (unpaired.get(number), left.get(number)) {
            (Some(row), Some(own)) if key.is_none() && !ordered => {
                place.push(number.to_string());
                comparison.value(place, row, own);
                place.pop();
            }
            (theirs, ours) => {
                if let Some(row) = theirs {
                    comparison.differs(place, format!("row {} ≠ (lacking)", short(row)));
                }
                if let Some(own) = ours {
                    comparison.differs(place, format!("row (lacking) ≠ {}", short(own)));
                }
            }
        }
    }
}

/// Whether two rows are equal; the names in them are bound only if so.
fn agrees(comparison: &mut Comparison<'_>, place: &mut Vec<String>, recorded: &Value, own: &Value) -> bool {
    let mut bindings = comparison.bindings.clone();
    let mut trial = Comparison {
        call: comparison.call,
        masks: comparison.masks,
        bindings: &mut bindings,
        wrong: Vec::new(),
        stopped: false,
    };
    place.push("*".to_owned());
    trial.value(place, recorded, own);
    place.pop();
    let equal = trial.wrong.is_empty();
    if equal {
        *comparison.bindings = bindings;
    }
    equal
}

fn names_rows(rows: &[Value], key: &str) -> bool {
    let names: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| row.get(key))
        .filter(|value| value.is_string() || value.is_number())
        .map(name)
        .collect();
    names.len() == rows.len()
}

fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
