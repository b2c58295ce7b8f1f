//! Spans of time as people write them (`30s`, `1m30s`).

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub String);

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a span of time (write it like 30s, 500ms or 1m30s)")]
pub struct ParseSpan(pub String);

impl Span {
    /// The span as a duration.
    pub fn duration(&self) -> Result<Duration, ParseSpan> {
        let span: jiff::SignedDuration = self.0.parse().map_err(|_| ParseSpan(self.0.clone()))?;
        Duration::try_from(span).map_err(|_| ParseSpan(self.0.clone()))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 24,
            "pattern": r"^([0-9]{1,9}(ms|s|m|h))+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, millis) in [
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                Span(text.into()).duration(),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        assert!(Span("soon".into()).duration().is_err());
    }
}
