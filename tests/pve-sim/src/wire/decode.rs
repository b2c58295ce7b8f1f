//! How parameters come: query and form split at `&` and at `;`, JSON objects, nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reply::ApiError;
use crate::release::Release;

/// A parameter as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Text(String),
    /// A repeated key of a form, or a JSON array.
    Array(Vec<String>),
    /// A JSON null.
    Null,
}

impl Given {
    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(_) | Self::Null => None,
        }
    }
}

/// `%41` and, in forms, `+`; broken escapes stay as they are.
pub(crate) fn percent_decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|_| byte == b'%')
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match hex {
            Some(decoded) => {
                out.push(decoded);
                at += 2;
            }
            None if byte == b'+' && plus_is_blank => out.push(b' '),
            None => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// The pairs of a query or a form.
pub(crate) fn decode_pairs(text: &str) -> Vec<(String, String)> {
    text.split(['&', ';'])
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true), percent_decode(value, true))
        })
        .collect()
}

/// Pairs by name; a repeated one becomes an array.
pub(crate) fn collect(pairs: &[(String, String)]) -> BTreeMap<String, Given> {
    let mut given: BTreeMap<String, Given> = BTreeMap::new();
    for (key, value) in pairs {
        let merged = match given.remove(key) {
            None => Given::Text(value.clone()),
            Some(Given::Text(first)) => Given::Array(vec![first, value.clone()]),
            Some(Given::Array(mut items)) => {
                items.push(value.clone());
                Given::Array(items)
            }
            Some(Given::Null) => Given::Null,
        };
        given.insert(key.clone(), merged);
    }
    given
}

/// The parameters of a body, by its content type.
pub(crate) fn decode_body(
    content_type: &str,
    body: &[u8],
    release: Release,
) -> Result<BTreeMap<String, Given>, ApiError> {
    let media = content_type.split(';').next().unwrap_or("").trim();
    let text = String::from_utf8_lossy(body);
    match media {
        "" | "application/x-www-form-urlencoded" => Ok(collect(&decode_pairs(&text))),
        "application/json" if text.trim().is_empty() => Ok(BTreeMap::new()),
        "application/json" => json_object(&text, release),
        _ => Err(ApiError::plain(
            506,
            format!("upload 'Content-Type '{content_type}' not implemented"),
        )),
    }
}

fn json_object(text: &str, release: Release) -> Result<BTreeMap<String, Given>, ApiError> {
    // Where the server's source parses JSON and where it merges the query into it, as the sentences end.
    let (parsing, merging) = if release < Release::V9_2 {
        (917, 957)
    } else {
        (934, 978)
    };
    let at_line = |what: &str, line: u32| {
        ApiError::plain(
            500,
            format!("{what} at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line {line}.\n"),
        )
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object.into_iter().map(|(k, v)| (k, given(v))).collect()),
        Ok(_) => Err(at_line("Not a HASH reference", merging)),
        // Perl's JSON parser names the place; which sentence it chooses is not simulated.
        Err(error) => {
            let (offset, rest) = (
                error.column().saturating_sub(1),
                text.get(error.column().saturating_sub(1)..),
            );
            let rest = rest.filter(|r| !r.is_empty()).unwrap_or("(end of string)");
            let what = format!("'\"' expected, at character offset {offset} (before \"{rest}\")");
            Err(at_line(&what, parsing))
        }
    }
}

fn given(value: Value) -> Given {
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Bool(flag) => u8::from(flag).to_string(),
        other => other.to_string(),
    };
    match value {
        Value::Null => Given::Null,
        Value::Array(items) => Given::Array(items.into_iter().map(text).collect()),
        other => Given::Text(text(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_splits_like_an_ampersand() {
        let pairs = decode_pairs("tags=a;b&c=%3B+x");
        let expected = [("tags", "a"), ("b", ""), ("c", "; x")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_repeated_key_becomes_an_array() {
        let given = collect(&decode_pairs("cores=1&cores=2"));
        assert_eq!(
            given.get("cores"),
            Some(&Given::Array(vec!["1".to_owned(), "2".to_owned()]))
        );
    }
}
