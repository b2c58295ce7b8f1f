//! The regular expressions of parameters, compiled once. Proxmox anchors them at both ends.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::Regex;

use crate::shared::locked;

static COMPILED: LazyLock<Mutex<HashMap<&'static str, Option<Regex>>>> = LazyLock::new(Mutex::default);

/// Whether the whole text matches. An expression that can't be compiled matches nothing; a test compiles them all.
pub(super) fn matches(expression: &'static str, text: &str) -> bool {
    let mut compiled = locked(&COMPILED);
    let regex = compiled
        .entry(expression)
        .or_insert_with(|| Regex::new(&format!("^(?:{expression})$")).ok());
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_has_to_match() {
        assert!(matches(r"\d+", "12"));
        assert!(!matches(r"\d+", "12x"));
        assert!(!matches(r"a|b", "ab"));
    }

    #[test]
    fn every_expression_in_the_tables_compiles() {
        fn patterns(stated: &crate::verify::Stated, found: &mut Vec<String>) {
            found.extend(stated.pattern.clone());
            for inner in stated.properties.iter().flatten() {
                patterns(inner, found);
            }
        }
        let mut found = Vec::new();
        for release in crate::Release::ALL {
            for call in crate::stated_calls(release) {
                for parameter in &call.parameters {
                    patterns(parameter, &mut found);
                }
            }
        }
        assert!(!found.is_empty());
        for expression in found {
            assert!(Regex::new(&expression).is_ok(), "{expression}");
        }
    }
}
