//! Which requests a fault, a hold or a query of the log means.

use serde::{Deserialize, Serialize};

/// A method and a pattern of the path, as `Matcher::new("POST", "/nodes/*/qemu")`.
///
/// The path is the one below `/api2/json`, without query and trailing slash, percent-decoded. `*` stands for any
/// characters but a slash, `**` for any at all. The method `*` matches every method.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Matcher {
    /// `GET`, `POST`, `PUT`, `DELETE` or `*`.
    pub method: String,
    /// The pattern of the path.
    pub path: String,
}

impl Default for Matcher {
    fn default() -> Self {
        Self::any()
    }
}

impl Matcher {
    /// A method (or `*`) and a path pattern.
    #[must_use]
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
        }
    }

    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self::new("*", "**")
    }

    /// Whether a request is meant.
    #[must_use]
    pub fn matches(&self, method: &str, path: &str) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && glob(self.path.as_bytes(), path.as_bytes())
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let segment = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
            (0..=segment).any(|at| glob(rest, &text[at..]))
        }
        [first, rest @ ..] => text.first() == Some(first) && glob(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_within_a_segment() {
        let m = Matcher::new("POST", "/nodes/*/qemu");
        assert!(m.matches("POST", "/nodes/pve1/qemu"));
        assert!(!m.matches("GET", "/nodes/pve1/qemu"));
        assert!(!m.matches("POST", "/nodes/pve1/qemu/100/clone"));
        assert!(!m.matches("POST", "/nodes/a/b/qemu"));
    }

    #[test]
    fn two_stars_cross_segments() {
        assert!(Matcher::new("*", "/nodes/**").matches("DELETE", "/nodes/pve1/qemu/100"));
        assert!(Matcher::new("*", "/nodes/**/start").matches("POST", "/nodes/a/qemu/1/status/start"));
        assert!(Matcher::any().matches("GET", "/version"));
    }
}
