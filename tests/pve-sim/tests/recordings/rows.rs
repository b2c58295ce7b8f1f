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

/// Compares two lists whose order says something.
pub(crate) fn compare_in_order(
    comparison: &mut Comparison<'_>,
    place: &mut Vec<String>,
    recorded: &[Value],
    own: &[Value],
) {
    for (number, (row, own)) in recorded.iter().zip(own).enumerate() {
        place.push(number.to_string());
        comparison.value(place, row, own);
        place.pop();
    }
    let both = recorded.len().min(own.len());
    tell_of_lacking(comparison, place, recorded[both..].iter(), own[both..].iter());
}

/// Compares two lists as sets.
pub(crate) fn compare(
    comparison: &mut Comparison<'_>,
    place: &mut Vec<String>,
    recorded: &[Value],
    own: &[Value],
) {
    let key = KEYS
        .iter()
        .find(|key| names_rows(recorded, key) && names_rows(own, key));
    let mut left: Vec<&Value> = own.iter().collect();
    let mut unpaired = Vec::new();
    for row in recorded {
        let named = key.and_then(|key| {
            let wanted = comparison.bindings.translate(&name(&row[*key]));
            left.iter().position(|own| name(&own[*key]) == wanted)
        });
        match named {
            Some(index) => {
                place.push(key.map_or_else(String::new, |key| name(&row[*key])));
                comparison.value(place, row, left.remove(index));
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
    if key.is_none() {
        // Nothing names them: what is left is compared as it comes, to say what differs.
        let both = unpaired.len().min(left.len());
        for (row, own) in unpaired.drain(..both).zip(left.drain(..both)) {
            place.push("*".to_owned());
            comparison.value(place, row, own);
            place.pop();
        }
    }
    tell_of_lacking(comparison, place, unpaired.into_iter(), left.into_iter());
}

fn tell_of_lacking<'a>(
    comparison: &mut Comparison<'_>,
    place: &[String],
    recorded: impl Iterator<Item = &'a Value>,
    own: impl Iterator<Item = &'a Value>,
) {
    for row in recorded {
        comparison.differs(place, format!("row {} ≠ (lacking)", short(row)));
    }
    for row in own {
        comparison.differs(place, format!("row (lacking) ≠ {}", short(row)));
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
        backup: false,
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
