//! The syntax of Kubernetes label selectors, checked before the API server sees one: a mistake should be
//! named at start, not as a failed watch.

/// Says what is wrong with a selector such as `region=eu,tier in (a, b),!retired`.
pub fn check(selector: &str) -> Result<(), String> {
    requirements(selector)?
        .into_iter()
        .try_for_each(|requirement| check_requirement(requirement.trim()))
}

/// Splits at the commas that are not in parentheses.
fn requirements(selector: &str) -> Result<Vec<&str>, String> {
    let mut depth = 0_u32;
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, c) in selector.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("a ) without a (")?,
            ',' if depth == 0 => {
                parts.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a ( without a )".to_owned());
    }
    parts.push(&selector[start..]);
    Ok(parts)
}

fn check_requirement(requirement: &str) -> Result<(), String> {
    if requirement.is_empty() {
        return Err("a requirement is empty".to_owned());
    }
    if let Some(key) = requirement.strip_prefix('!') {
        return check_key(key.trim());
    }
    for operator in ["!=", "==", "="] {
        if let Some((key, value)) = requirement.split_once(operator) {
            check_key(key.trim())?;
            return check_value(value.trim());
        }
    }
    let Some((head, values)) = requirement.split_once('(') else {
        return check_key(requirement);
    };
    let values = values
        .trim_end()
        .strip_suffix(')')
        .ok_or_else(|| format!("{requirement:?} has something after its )"))?;
    let mut words = head.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(key), Some("in" | "notin"), None) => {
            check_key(key)?;
            values.split(',').try_for_each(|value| check_value(value.trim()))
        }
        _ => Err(format!(
            "{requirement:?} is neither `key in (…)` nor `key notin (…)`"
        )),
    }
}

/// `[prefix/]name`: the prefix a DNS name, the name like a value, but not empty.
fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let bad_prefix = prefix.is_some_and(|prefix| {
        prefix.len() > 253
            || prefix.split('.').any(|label| {
                !is_name(label, |c| {
                    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
                })
            })
    });
    if bad_prefix || !is_name(name, is_label_character) {
        return Err(format!("{key:?} is not a label's key"));
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value, is_label_character) {
        return Ok(());
    }
    Err(format!("{value:?} is not a label's value"))
}

/// 1 to 63 characters, the first and the last a letter or digit.
fn is_name(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() && allowed(c));
    text.len() <= 63 && text.chars().all(&allowed) && ends(text.chars().next()) && ends(text.chars().last())
}

const fn is_label_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_takes_is_taken() {
        for selector in [
            "region=eu",
            "region == eu",
            "region!=eu",
            "region",
            "!retired",
            "drover.dev/shard in (a, b),tier notin (test)",
            "a=b,c in (d,e),!f",
            "empty=",
            "v=1.2_3-x",
        ] {
            assert_eq!(check(selector), Ok(()), "{selector}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused_with_the_part_that_is_wrong() {
        for (selector, part) in [
            ("", "empty"),
            ("a=b,", "empty"),
            ("a in (b", "( without a )"),
            ("a)b", ") without a ("),
            ("a within (b)", "neither"),
            ("-a=b", "\"-a\""),
            ("a=b c", "\"b c\""),
            ("Upper.Case/a=b", "Upper.Case/a"),
            ("a in (b) c", "after its )"),
        ] {
            let error = check(selector).unwrap_err();
            assert!(error.contains(part), "{selector}: {error}");
        }
    }
}
