//! The shapes of answers: the envelope, and the values that Proxmox VE spells now as numbers, now as strings.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::shortened;
use super::lenient::Lenient;

/// How many complaints about parameters are kept.
const MOST_COMPLAINTS: usize = 20;

/// `{"data": …}`. The key must be there, even where `null` is a good answer.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Envelope<T> {
    #[serde(deserialize_with = "T::deserialize")]
    data: T,
}

/// Takes the data out of an answer. The error is a sentence.
pub(super) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    match serde_json::from_slice::<Envelope<T>>(body) {
        Ok(envelope) => Ok(envelope.data),
        Err(_) if body.is_empty() => Err("it is empty".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes the data out of an answer, its values read as their types want them. The error is a sentence.
pub(super) fn lenient<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let value: Value = data(body)?;
    T::deserialize(Lenient(value)).map_err(|error| error.to_string())
}

/// Takes a page of a list out of an answer, and how many rows the whole has, if that is said.
pub(super) fn page<T: DeserializeOwned>(body: &[u8]) -> Result<(Vec<T>, Option<u64>), String> {
    #[derive(Deserialize)]
    struct Total {
        #[serde(default, deserialize_with = "number")]
        total: Option<u64>,
    }
    let rows = lenient(body)?;
    let Total { total } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok((rows, total))
}

/// What an error's body says: its sentence, and complaints about single parameters. Bodies without either are
/// common: all before Proxmox VE 8.3 have no `message`, and 401 and 595 have no body at all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) message: Option<String>,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Complaint {
    /// Reads a body; none if it is no JSON object.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return None;
        };
        let message = body.get("message").and_then(Value::as_str).map(str::trim);
        let parameters = body.get("errors").and_then(Value::as_object);
        Some(Self {
            message: message.filter(|m| !m.is_empty()).map(str::to_owned),
            parameters: parameters
                .into_iter()
                .flatten()
                .take(MOST_COMPLAINTS)
                .map(|(name, value)| (shortened(name), shortened(&Scalar::of(value))))
                .collect(),
        })
    }
}

/// A value that is a number here and a string there: the same option changes its type between versions
/// (`memory` since qemu-server 8.0.8), and the list of tasks its `saved` between rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Scalar(pub(super) String);

impl Scalar {
    fn of(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Bool(truth) => u8::from(*truth).to_string(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Self::of(&Value::deserialize(deserializer)?)))
    }
}

/// A whole number, of any spelling; fractions are cut, and what is none of it counts as absent.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = whole(&Scalar::deserialize(deserializer)?.0);
    Ok(number.and_then(|number| number.try_into().ok()))
}

/// A whole number; fractions are cut. Wider than any type that is asked for.
pub(super) fn whole(text: &str) -> Option<i128> {
    let text = text.trim();
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    let cut = fraction.bytes().all(|b| b.is_ascii_digit());
    if cut && let Ok(number) = digits.parse() {
        return Some(number);
    }
    // Perl writes large and small numbers as 1e+15.
    let number: f64 = text.parse().ok()?;
    let fits = number.is_finite() && number.abs() < 1e18;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "fractions are to be cut, and it fits"
    )]
    fits.then_some(number as i128)
}

/// Truth as `1`, `0`, `"1"`, `"0"` or a JSON boolean.
pub(super) fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(is_true(&Scalar::deserialize(deserializer)?.0))
}

/// The spellings of truth that Proxmox VE reads (pve-common, `JSONSchema.pm`, `parse_boolean`).
pub(super) fn is_true(text: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&text.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "number")]
        size: Option<u64>,
        #[serde(default, deserialize_with = "truth")]
        shared: bool,
    }

    #[test]
    fn numbers_and_truths_come_in_several_spellings() {
        for (json, size, shared) in [
            (r#"{"size":7,"shared":1}"#, Some(7), true),
            (r#"{"size":"7","shared":"1"}"#, Some(7), true),
            (r#"{"size":7.9,"shared":0}"#, Some(7), false),
            (
                r#"{"size":549755813888,"shared":true}"#,
                Some(549_755_813_888),
                true,
            ),
            (r#"{"size":1e+15,"shared":1}"#, Some(1_000_000_000_000_000), true),
            (
                r#"{"size":"1e+15","shared":1}"#,
                Some(1_000_000_000_000_000),
                true,
            ),
            (r#"{"size":"","shared":""}"#, None, false),
            (r#"{"size":-1}"#, None, false),
            (r#"{"size":null,"shared":null}"#, None, false),
            (r#"{"size":"x","shared":"no"}"#, None, false),
            (r#"{"size":[1]}"#, None, false),
            ("{}", None, false),
        ] {
            let row: Row = serde_json::from_str(json).unwrap();
            assert_eq!((row.size, row.shared), (size, shared), "{json}");
        }
    }

    #[test]
    fn an_answer_without_data_is_none() {
        assert_eq!(data::<Option<String>>(br#"{"data":null}"#), Ok(None));
        for body in ["{}", "", "[]", "<html>", r#"{"data":"#, r#"{"data":1}"#, "\u{0}"] {
            assert!(data::<Option<String>>(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn complaints_are_read_whatever_is_missing() {
        let whole = Complaint::read(br#"{"data":null,"message":"No.\n","errors":{"a":"bad\n","b":{"c":1}}}"#);
        let whole = whole.unwrap();
        assert_eq!(whole.message.as_deref(), Some("No."));
        assert_eq!(whole.parameters["a"], "bad");
        assert_eq!(Complaint::read(br#"{"data":null}"#), Some(Complaint::default()));
        assert_eq!(Complaint::read(b"Not a HASH reference"), None);
        assert_eq!(Complaint::read(b""), None);
    }
}
